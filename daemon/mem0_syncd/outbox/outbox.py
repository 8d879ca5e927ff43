"""The outbox as other modules see it: its parts over one database."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from mem0_syncd.errors import OutboxDamaged, OutboxUnusable
from mem0_syncd.outbox import damaged_outbox
from mem0_syncd.outbox.audit_log import AuditLog
from mem0_syncd.outbox.clock_shift import ClockShift
from mem0_syncd.outbox.consents import Consents
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.dead_letters import DeadLetters
from mem0_syncd.outbox.destinations import Destinations
from mem0_syncd.outbox.facts import Facts
from mem0_syncd.outbox.first_contacts import FirstContacts
from mem0_syncd.outbox.integrity import Integrity
from mem0_syncd.outbox.interrupted_sends import InterruptedSends
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.outbox.item_list import ItemList
from mem0_syncd.outbox.items import Items
from mem0_syncd.outbox.kept_items import KeptItems
from mem0_syncd.outbox.marks import Marks
from mem0_syncd.outbox.old_memories import OldMemories
from mem0_syncd.outbox.origins import Origins
from mem0_syncd.outbox.owed_deletions import OwedDeletions
from mem0_syncd.outbox.problems import Problems
from mem0_syncd.outbox.projects import Projects
from mem0_syncd.outbox.queue import Queue
from mem0_syncd.outbox.queue_echoes import QueueEchoes
from mem0_syncd.outbox.receipts import Receipts
from mem0_syncd.outbox.rekeying import Rekeying
from mem0_syncd.outbox.resend_requests import ResendRequests
from mem0_syncd.outbox.taken_events import TakenEvents
from mem0_syncd.outbox.tombstones import Tombstones
from mem0_syncd.outbox.twins import Twins
from mem0_syncd.outbox.vacuum import Vacuum
from mem0_syncd.system.clock import Clock
from mem0_syncd.system.state_folder import StateFolder


class Outbox:
    """The durable state of one state folder."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        """`clock` is the machine's own by default."""
        self.database = database
        self.facts = Facts(database)
        self.destinations = Destinations(database)
        self.projects = Projects(database)
        self.consents = Consents(database)
        self.problems = Problems(database)
        self.items = Items(database)
        self.item_keys = ItemKeys(database)
        self.rekeying = Rekeying(database)
        self.old_memories = OldMemories(database)
        self.queue = Queue(database)
        self.interrupted_sends = InterruptedSends(database)
        self.dead_letters = DeadLetters(database)
        self.first_contacts = FirstContacts(database)
        self.marks = Marks(database)
        self.receipts = Receipts(database)
        self.queue_echoes = QueueEchoes(database)
        self.tombstones = Tombstones(database)
        self.owed_deletions = OwedDeletions(database)
        self.kept_items = KeptItems(database)
        self.item_list = ItemList(database)
        self.twins = Twins(database)
        self.taken_events = TakenEvents(database)
        self.resend_requests = ResendRequests(database)
        self.audit_log = AuditLog(database)
        self.clock_shift = ClockShift(database)
        self.origins = Origins(database)
        self.vacuum = Vacuum(database)
        self.integrity = Integrity(database, (clock or Clock()).monotonic)

    @classmethod
    def open(cls, folder: Path, *, migrate: bool = True, clock: Clock | None = None) -> Outbox:
        """The outbox to write to; see `Database.open`.

        With `migrate`, which is for the holder of the folder's lock, it is made if it isn't there, and
        replaced if it is damaged.
        """
        clock = clock or Clock()
        if migrate:
            try:
                if StateFolder(folder).outbox.exists():
                    return cls(Database.open(folder, migrate=True), clock)
            except OutboxDamaged as error:
                damaged_outbox.set_aside(folder, error, clock.wall())
            damaged_outbox.make(folder, clock.wall())
        elif not StateFolder(folder).outbox.exists():
            raise OutboxUnusable("there is no outbox yet", where=str(folder), remedy="mem0-syncd run")
        return cls(Database.open(folder, migrate=migrate), clock)

    @classmethod
    def open_to_read(cls, folder: Path) -> Outbox | None:
        """The outbox for processes without the lock; None if there is none yet."""
        database = Database.open_to_read(folder)
        return cls(database) if database else None

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All of a block, durable at its end, or nothing of it."""
        return self.database.transaction()

    def close(self) -> None:
        """Close the database."""
        self.database.close()
