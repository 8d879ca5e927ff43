"""Entries on their way: claims what is due, settles the outcomes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from mem0_syncd.core.entry import Entry, State
from mem0_syncd.core.settlement import Receipt, Settlement
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.first_contacts import IS_LOOKED_FOR
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.outbox.item_status import IN_FLIGHT
from mem0_syncd.outbox.memory_to_update import is_of_another, memory_there
from mem0_syncd.outbox.origins import IS_STOPPED
from mem0_syncd.outbox.owed_deletions import IS_OWED
from mem0_syncd.outbox.row_values import as_entry
from mem0_syncd.outbox.settlement_writes import write_settlement

_ORDER = (State.UNCONFIRMED, State.ACCEPTED, State.PENDING)

LEASE_SECONDS = 3600.0
"""Seconds in which a claimed look-up or poll isn't claimed again; a start makes all of them due."""


class Verb(StrEnum):
    """What a claimed entry is due for."""

    PUSH = "push"
    LOOK = "look"
    POLL = "poll"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry, what it is due for, and since when; the memory to adopt is the entry's `memory_id`.

    `is_unproven` is whether an update goes to a memory that may be from another machine.
    """

    entry: Entry
    verb: Verb
    claimed_at: float
    is_unproven: bool = False


class Queue:
    """The entries of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._item_keys = ItemKeys(database)

    def claim(
        self,
        destination: int,
        now: float,
        limit: int,
        *,
        major: bool,
        pushes: int | None = None,
        pushes_first: bool = False,
    ) -> list[Claim]:
        """Claim up to `limit` due entries; a push is durably `sending` from here on.

        Look-ups go before pushes, unless told otherwise, and of the latter `pushes` at most. A waiting
        revision isn't due while another one of its item is in flight or may still take effect, or while
        its item is to be looked at once more, or a memory of it to be deleted; nor an add before its
        user id was looked at; nor anything of a project that another repository's memories stop.
        """
        claims: list[Claim] = []
        with self._db.transaction() as sql:
            for state in _ORDER[::-1] if pushes_first else _ORDER:
                room = limit - len(claims)
                if state is State.PENDING and pushes is not None:
                    room = min(room, pushes)
                wanted = {"destination": destination, "state": state, "major": major, "now": now}
                rows = sql.execute(_DUE, {**wanted, "room": max(room, 0)}).fetchall()
                claims += [self._take(sql, row, now) for row in rows if not self._put_off(sql, row, now)]
        return claims

    @staticmethod
    def _put_off(sql: sqlite3.Connection, row: sqlite3.Row, now: float) -> bool:
        if row["state"] != State.PENDING or row["quiet_until"] <= now:
            return False
        sql.execute("UPDATE entry SET due_at = ? WHERE id = ?", (row["quiet_until"], row["id"]))
        return True

    @staticmethod
    def _take(sql: sqlite3.Connection, row: sqlite3.Row, now: float) -> Claim:
        entry = as_entry(row)
        verb = _verb(entry)
        if verb is not Verb.PUSH:
            sql.execute("UPDATE entry SET due_at = ? WHERE id = ?", (now + LEASE_SECONDS, entry.id))
            return Claim(entry, verb, now)
        memory_id = entry.memory_id
        if memory_id is None and entry.sends == 0:
            memory_id = memory_there(sql, row, entry.sync_key)
            if row["receipt_ids"] is None and row["adoptable_hash"] == entry.content_hash:
                return Claim(replace(entry, memory_id=memory_id), Verb.ADOPT, now)
        updated = sql.execute(
            "UPDATE entry SET state = 'sending', sends = sends + 1, memory_id = ? WHERE id = ? RETURNING *",
            (memory_id, entry.id),
        ).fetchone()
        is_unproven = memory_id is not None and is_of_another(sql, row)
        return Claim(as_entry(updated, project=entry.project, kind=entry.kind), verb, now, is_unproven)

    def settle(self, destination: int, settled: Iterable[tuple[Entry, Settlement]], now: float) -> None:
        """Make the settlements of some entries durable, all or none."""
        delivered = False
        with self._db.transaction() as sql:
            for entry, settlement in settled:
                # An entry that has gone on was settled before, by a commit that was reported as failed, or
                # was replaced before it was adopted. By now its id may be another entry's.
                is_it = (entry.id, entry.sync_key, entry.state, entry.content_hash)
                if sql.execute(_IS_THERE, is_it).fetchone():
                    write_settlement(sql, destination, entry, settlement, now)
                    if isinstance(settlement, Receipt) and (there := settlement.there):
                        self._item_keys.restate(
                            destination, entry.sync_key, entry.content_hash, there.content_hash
                        )
                delivered |= isinstance(settlement, Receipt)
            if delivered:
                last = (f"last_delivery:{destination}", str(now))
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", last)

    def make_due(self, destination: int, now: float) -> None:
        """Make everything live due now, whatever its backoff."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE entry SET due_at = ? WHERE destination = ? AND due_at > ?"
                " AND state IN ('pending', 'unconfirmed', 'accepted')",
                (now, destination, now),
            )
            # What a revision waits for.
            sql.execute(
                "UPDATE second_look SET due_at = ? WHERE destination = ? AND due_at > ? AND sync_key IN"
                " (SELECT sync_key FROM entry WHERE entry.destination = second_look.destination"
                " AND state = 'pending')",
                (now, destination, now),
            )

    def next_due(self, destination: int, now: float) -> tuple[float | None, float | None]:
        """When the next look-up or poll falls due, and when the next push does.

        A push that waits behind another one of its item doesn't count.
        """
        row = self._db.row(_NEXT_DUE, {"destination": destination, "now": now})
        return (row["look"], row["push"]) if row else (None, None)

    def newest_id(self) -> int:
        """The id of the newest entry; 0 if there was never one."""
        row = self._db.row("SELECT MAX(id) AS id FROM entry")
        return (row["id"] or 0) if row else 0

    def live(self, destination: int, newest: int, project: str | None = None) -> dict[str, int]:
        """How many live entries, up to an id, are in which state."""
        rows = self._db.rows(
            "SELECT state, COUNT(*) AS n FROM entry JOIN item USING (destination, sync_key)"  # noqa: S608
            " WHERE entry.destination = ? AND id <= ? AND state <> 'dead' AND (? IS NULL OR project = ?)"
            f" AND (state <> 'pending' OR {_IS_MEANT} AND NOT {IS_STOPPED}) GROUP BY state",
            (destination, newest, project, project),
        )
        return {row["state"]: row["n"] for row in rows}

    def last_delivery(self, destination: int) -> float | None:
        """When the newest receipt was written."""
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (f"last_delivery:{destination}",))
        return float(row["value"]) if row else None


_IS_THERE = "SELECT 1 FROM entry WHERE id = ? AND sync_key = ? AND state = ? AND content_hash = ?"

_IS_MEANT = """
    entry.destination = COALESCE(
        (SELECT project.destination FROM project JOIN item ON item.project = project.id
         WHERE item.destination = entry.destination AND item.sync_key = entry.sync_key
            AND project.destination IS NOT NULL ORDER BY is_worktree, path LIMIT 1),
        entry.destination)
"""
"""Leaves out entries whose project has another destination since: they wait until that is undone."""

_IS_FREE = f"""
    NOT {IS_STOPPED}
    AND NOT EXISTS (
        SELECT 1 FROM entry AS other WHERE other.destination = entry.destination
            AND other.sync_key = entry.sync_key AND other.state IN {IN_FLIGHT})
    AND NOT {IS_OWED}
    AND {_IS_MEANT}
    AND {IS_LOOKED_FOR}
"""  # noqa: S608 - a constant of this project

_DUE = f"""
SELECT entry.*, item.project, item.kind, item.quiet_until, receipt.memory_ids AS receipt_ids,
    receipt.fingerprint AS receipt_fingerprint,
    adoptable.memory_id AS adoptable_id, adoptable.content_hash AS adoptable_hash
FROM entry INDEXED BY entry_by_rank JOIN item USING (destination, sync_key)
    LEFT JOIN receipt USING (destination, sync_key) LEFT JOIN adoptable USING (destination, sync_key)
WHERE entry.destination = :destination AND entry.state = :state AND entry.major = :major
    AND entry.due_at <= :now AND (entry.state <> 'pending' OR {_IS_FREE})
ORDER BY entry.id LIMIT :room
"""  # noqa: S608 - likewise

_NEXT_DUE = f"""
SELECT
    (SELECT MIN(due_at) FROM (
        SELECT MIN(due_at) AS due_at FROM entry WHERE destination = :destination AND state = 'unconfirmed'
        UNION ALL
        SELECT MIN(due_at) FROM entry WHERE destination = :destination AND state = 'accepted')) AS look,
    COALESCE(
        (SELECT :now FROM entry WHERE destination = :destination AND state = 'pending' AND due_at <= :now
            AND {_IS_FREE} LIMIT 1),
        (SELECT MIN(due_at) FROM entry WHERE destination = :destination AND state = 'pending'
            AND due_at > :now)) AS push
"""  # noqa: S608 - likewise


def _verb(entry: Entry) -> Verb:
    if entry.state is State.ACCEPTED:
        return Verb.POLL
    if entry.state is State.UNCONFIRMED and (entry.memory_id is None or entry.target_gone):
        return Verb.LOOK
    # Waiting, or an update with an unknown outcome: it carries the whole content, so it is repeated.
    return Verb.PUSH
