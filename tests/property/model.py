"""The state machine: a decision log, the daemon's real parts, and Mem0; the rules are all that may happen.

The scanner, the plan, the outbox, delivery and settlement are the real ones. The courier is a list of
requests that the rules answer at will, Mem0 is a model, and time is a number.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sqlite3
import tempfile
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mem0_syncd.core.duplicate_memories import Double
from mem0_syncd.core.duplicate_memories import Kept as AsListed
from mem0_syncd.core.enqueue_plan import part_twins
from mem0_syncd.core.entry import Entry
from mem0_syncd.core.item import Item, SentAs
from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.core.outcome import Copies, Heard, Later, Outcome, Removed, Unknown, to_wire
from mem0_syncd.core.position import NOWHERE
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.core.settlement import Rules
from mem0_syncd.courier.inventory_file import write_inventory
from mem0_syncd.delivery import Connection, Delivery
from mem0_syncd.destinations import kept, ours, redacted_there, renewed
from mem0_syncd.destinations.base import of_a_read
from mem0_syncd.destinations.duplicate_removal import remove_doubles
from mem0_syncd.engine import rehashing as old_memories_module
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.late_redaction import look_through
from mem0_syncd.ingest.scanner import Scanner
from mem0_syncd.ingest.sent_keys import Keyed
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.rekeying import LEFT_OVER, SEEN_SECONDS
from mem0_syncd.redact.item_redaction import Redacted, Redactor
from mem0_syncd.sources import Raw, decision_log
from mem0_syncd.system.clock import Clock as DaemonClock
from mem0_syncd.system.state_folder import OUTBOX
from mem0_syncd.verify import audit as audit_module
from mem0_syncd.verify.inspection import Inspection
from mem0_syncd.verify.repair import repair
from mem0_syncd.verify.report import verdict
from property.simulated_mem0 import LONGEST_DELAY, LONGEST_LAG, TIMEOUT, Clock, SimulatedMem0, heard
from support.decision_log import replace as write_file
from support.faults import (
    LATE,
    LOST_AFTER,
    LOST_BEFORE,
    NO_FAULT,
    VERY_LATE,
    Fault,
    PutOff,
    answer,
    drop,
    empty_results,
    store_then,
    too_many,
)
from support.mem0_model import Memory as Stored
from support.reckoning import content_of, repeats
from support.temporary_folders import in_memory

REDACTOR = Redactor("redact")
RULES = Rules(timeout=TIMEOUT, read_lag=LONGEST_LAG)
LONGEST_TEXT = 200  # instead of 100,000: what is longer is a dead letter at once
MOST_SENDS = 2  # instead of 5: the dead letter "no outcome" is within reach
SOURCE = decision_log.SOURCE


# The decisions that the log may hold. Two share an id, two of these the time as well.
ALPHA, BETA, GAMMA, DELTA, EPSILON = range(5)
DECISIONS: tuple[dict[str, Any], ...] = (
    {"title": "alpha", "decision_id": "DEC-1", "timestamp": "2026-01-05T10:00:00Z"},
    {"title": "beta", "decision_id": "DEC-1", "timestamp": "2026-01-05T11:00:00Z"},
    {"title": "gamma", "decision_id": "DEC-1", "timestamp": "2026-01-05T10:00:00Z"},
    {"title": "delta", "decision_id": "DEC-2", "category": "architecture"},
    {"title": "epsilon"},
)
TWINS = {ALPHA, GAMMA}
TEXTS = ("as it was first", "as it was then revised", "at length " * 25)
SECRETS = ("password=hunter2hunter2", "password=correct8horse")  # they differ in nothing else that is sent

# What may become of a request; the first is what a healthy Mem0 does.
TRUTH, NOT_BEGUN, PENDING, PENDING_FAILS = "answered", "not begun", "accepted", "accepted, fails"
FAULTS = {
    LOST_AFTER: store_then(drop()),
    LOST_BEFORE: drop(),
    "later": too_many(),
    "refused": answer(422),
    "held": answer(401),
    "empty": store_then(empty_results()),
}
ADDS_ONLY = {PENDING, PENDING_FAILS, "empty"}
LOST = (LOST_AFTER, LATE, LOST_BEFORE)
CRASHES = ("the daemon dies", "the courier dies")
OTHERS = ("later", "refused", "held", PENDING, PENDING_FAILS, "event gone", "empty", NOT_BEGUN)
FATES = (TRUTH, *LOST, LATE, LOST_AFTER, VERY_LATE, *OTHERS, *CRASHES, CRASHES[0])
DELAYS = st.sampled_from([1.0, 20.0, 59.0])
A_FATE = st.runner().flatmap(lambda machine: st.sampled_from(machine.fates))
SEVERAL_FATES = st.lists(st.tuples(A_FATE, DELAYS), min_size=1, max_size=4)


class FakeCourier:
    """Holds the requests until a rule says what becomes of them; `check` looks at each as it comes."""

    check: ClassVar[Callable[[dict[str, Any]], None]]

    def __init__(
        self, _start: Any, listener: Callable[[Any, dict[str, Any]], None], _environ: object
    ) -> None:
        self.listener = listener
        self.requests: dict[int, dict[str, Any]] = {}
        self.pid = 1
        Delivering.couriers.append(self)

    def send(self, request: dict[str, Any]) -> None:
        """Take a request."""
        type(self).check(request)
        self.requests[request["id"]] = request

    def answer(self, number: int, message: dict[str, Any]) -> None:
        """Report what came of a request."""
        del self.requests[number]
        self.listener(self, {"id": number, **message})

    def kill(self) -> None:
        """End, and say so."""
        self.requests.clear()
        self.listener(self, {"ended": True})

    close = kill


class FaultyDatabase(Database):
    """Some of its transactions fail as on a full disk: not made, or made and said to have failed."""

    faults: ClassVar[deque[str]] = deque()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block, or nothing of it, or all of it and an error nevertheless."""
        fault = self.faults.popleft() if self.faults and not self._connection.in_transaction else ""
        with super().transaction() as sql:
            yield sql
            if fault == "not made":
                raise sqlite3.OperationalError("database or disk is full")
        if fault:
            raise sqlite3.OperationalError("disk I/O error")


class ReleasedKeys:
    """The keys and hashes of the released version: of what a source says."""

    def assign(self, _destination: int, batch: Iterable[Item]) -> Keyed:
        """Say of each item what it is sent as."""
        return Keyed([replace(it, sent_as=self._sent_as(it)) for it in batch])

    @staticmethod
    def _sent_as(item: Item) -> SentAs:
        twin_key = item.as_twin().identity if item.source_id else ""
        return SentAs(item.identity, item.revision, twin_key)

    def redact(self, item: Item) -> Redacted:
        """An item as it is sent, with the hash of what it was."""
        redacted = REDACTOR.redact(item)
        as_sent = replace(redacted.item)
        as_sent.__dict__["revision"] = item.revision
        return replace(redacted, item=as_sent)

    def learn(self, *_: object) -> None:
        """It kept none."""


class Asked:
    """What is asked of the courier beside all deliveries."""

    def __init__(self, machine: Delivering) -> None:
        self.copies, self.remove, self.renew = machine.copies, machine.remove, machine.ask_to_renew


class WouldWait(BaseException):
    """Delivery has nothing to do before something happens; no error, which would have a round begin anew."""


class NeverWait(threading.Event):
    """Lets a round of delivery end where it would wait for answers."""

    def wait(self, _timeout: float | None = None) -> bool:
        if self.is_set():
            return True
        raise WouldWait


class Delivering(RuleBasedStateMachine):
    """A decision log, the daemon's parts, and Mem0; the rules are everything that may happen."""

    template: ClassVar[Path]
    couriers: ClassVar[list[FakeCourier]] = []
    fates: ClassVar[tuple[str, ...]] = FATES
    sabotage: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-model-", dir=in_memory()))
        self.project = ProjectRow("shop", self.folder / "shop")
        self.clock = Clock()
        self.mem0 = SimulatedMem0(self.clock)
        self.daemon_clock = DaemonClock(self.wall, self.clock, self.clock, self.mem0.wait)
        self.set_by = 0.0
        self.set_at = -math.inf
        self.log: dict[int, dict[str, Any]] = {}
        self.is_released = False
        self.raw: set[str] = set()
        self.there_at_the_loss: set[str] = set()
        self.said_since: set[str] = set()
        self.is_listed_by_released = False
        self.has_second_writer = False
        self.marked: set[str] = set()
        self.ever_marked: set[str] = set()
        self.dropped: set[str] = set()
        self.came_very_late: set[str] = set()
        self.stay_deleted: set[str] = set()
        self.raced: set[str] = set()
        self.both_twins_seen = False
        self.last_read: dict[str, Item] = {}
        self.former: dict[str, set[str]] = defaultdict(set)
        self._open()
        self._start()

    def _open(self) -> None:
        """An empty outbox."""
        shutil.copy(self.template, self.folder / OUTBOX)
        self.outbox = Outbox(FaultyDatabase.open(self.folder, migrate=False))
        self.outbox.database.rows("PRAGMA synchronous = OFF")
        if self.sabotage:
            self.outbox.database.rows(self.sabotage)
        self.reader = sqlite3.connect(self.folder / OUTBOX, isolation_level=None)
        self.destination = self.outbox.destinations.use("platform", "https://mem0.example").id
        if self.has_second_writer:
            self.outbox.facts.set(f"second_writer:{self.destination}", "yes")

    def _close(self) -> None:
        self.reader.close()
        self.outbox.close()
        for path in self.folder.glob(f"{OUTBOX}*"):
            path.unlink()

    def _start(self) -> None:
        """What `Engine` does when it starts."""
        self.couriers.clear()
        FakeCourier.check = self._check_push
        now = self.wall()
        self.outbox.clock_shift.clamp(self.destination, now, RULES)
        self.outbox.interrupted_sends.doubt(self.destination, now, RULES.certain_after(now))
        intake = Enqueuer(self.outbox, major_categories=["architecture"], clock=self.daemon_clock)
        if self.is_released:
            intake._keys = ReleasedKeys()  # type: ignore[assignment]
        else:
            look_through(self.outbox, REDACTOR)
        self.scanner = Scanner(self.outbox, intake, clock=self.daemon_clock, sources=(SOURCE,))
        self.delivery = Delivery(
            self.outbox,
            self.destination,
            lambda _destination: Connection({}, RULES, 2, None, 2 * TIMEOUT),
            rng=random.Random(1),
            clock=self.daemon_clock,
            environ={},
        )
        self.delivery.line.news = NeverWait()
        self.engine: Any = SimpleNamespace(
            settings=SimpleNamespace(infer=False, audit="remove"),
            outbox=self.outbox,
            questions=lambda _: Asked(self),
            scan_anew=self._scan_anew,
            now=self.wall,
        )
        vars(audit_module)["take_inventory"] = lambda _engine, **what: self._take_inventory(**what)
        self.next_round: float | None = None

    # What agents and people do

    @initialize(
        lag=st.sampled_from([0.0, 25.0]),
        known=st.sampled_from([None, BETA, EPSILON]),
        texts=st.sampled_from([TEXTS[:1], SECRETS]),
        has_second_writer=st.booleans(),
        is_released=st.booleans(),
    )
    def begin(
        self,
        lag: float,
        known: int | None,
        *,
        texts: tuple[str, ...] = TEXTS[:1],
        has_second_writer: bool = False,
        is_released: bool = False,
    ) -> None:
        """One decision has been delivered, which has said these texts, the last one still.

        `is_released` has it begin with the released version, whose hashes are of what a source says.
        """
        self.mem0.read_lag_seconds = lag
        self.is_released = is_released
        self._start()
        if has_second_writer:
            self.has_second_writer = True
            self.outbox.facts.set(f"second_writer:{self.destination}", "yes")
        for text in texts if known is not None else ():
            self.write(which=known, text=text, status="accepted")
            self.be_well(seconds=0.0)

    @rule(
        which=st.sampled_from(range(len(DECISIONS))),
        text=st.sampled_from([*TEXTS[:2], *TEXTS, *SECRETS]),
        status=st.sampled_from(["accepted", "accepted", "superseded"]),
    )
    def write(self, which: int, text: str, status: str) -> None:
        self.log[which] = {**DECISIONS[which], "description": text, "status": status}
        self.scan()

    @precondition(lambda self: self.has_second_writer)
    @rule(which=st.sampled_from([BETA, DELTA, EPSILON]), text=st.sampled_from(TEXTS[:2]))
    def pull(self, which: int, text: str) -> None:
        """A pull brings what another machine has written, and sent."""
        self.mem0.wait(0.001)  # no look was taken at the very moment of a pull
        entry = {**DECISIONS[which], "description": text, "status": "accepted"}
        item = understand(entry)
        there = {it.metadata["sync_key"] for it in self.mem0.memories}
        if item.sync_key not in there | self.items.keys() and self.mem0.is_quiet:
            self.mem0.send(memory_of(item))
            self.write(which=which, text=text, status="accepted")

    @precondition(lambda self: self.has_second_writer)
    @rule(which=st.sampled_from([BETA, DELTA, EPSILON]), text=st.sampled_from(TEXTS[:2]))
    def race(self, which: int, text: str) -> None:
        """Another machine sends the same new item while this one's add is under way."""
        item = understand({**DECISIONS[which], "description": text, "status": "accepted"})
        if item.sync_key in self.items or not self.mem0.is_quiet:
            return
        self.write(which=which, text=text, status="accepted")
        self.deliver()
        self._answer_some(TRUTH, 0.0, lambda it: it["verb"] == "list")
        self.deliver()
        pushes = [Memory.thaw(it["frozen"]) for it in self._requests() if it["verb"] == "push"]
        if item.sync_key in {memory.sync_key for memory in pushes}:
            self.mem0.send(memory_of(item))
            self.raced.add(item.sync_key)

    @precondition(lambda self: self.is_released)
    @rule(fate=st.sampled_from([LOST_AFTER, LOST_BEFORE, LATE]))
    def upgrade(self, fate: str) -> None:
        """The daemon ends, and another version takes over what it has left."""
        self._end_requests(fate, 20.0)
        self.is_released = False
        listed = self.outbox.database.row("SELECT 1 FROM contact WHERE listed_at IS NOT NULL")
        self.is_listed_by_released = listed is not None
        for statement in (
            "UPDATE item SET has_old_hashes = 1 WHERE redacted <> ''",
            "UPDATE adoptable SET local = ''",
        ):
            self.outbox.database.rows(statement)
        self._start()
        self.scan()

    @rule()
    def renew(self) -> None:
        """Memories with old hashes are given new ones, as it is done every minute."""
        if not self.is_released:
            for old in self.outbox.old_memories.some(self.destination, 20, self.wall()):
                old_memories_module._renew(self.engine, self.outbox.destinations.get(), old)

    def ask_to_renew(self, memory_id: str, **item: Any) -> dict[str, str] | None:
        """What `Questions.renew` asks the courier."""
        there = self.mem0.get(memory_id)
        memory = renewed(there, REDACTOR, **item) if there else None
        if there is None or memory is None:
            return None
        if memory.metadata != there.metadata:
            self.mem0.push(memory, memory_id)
        if item["keeps_key"]:  # by now it is a double, which a second look removes
            self.raced.add(memory.sync_key)
        return {"sync_key": memory.sync_key, "content_hash": memory.content_hash}

    # What the daemon does once a day, and what a person has it do

    @rule()
    def audit(self) -> None:
        destination = self.outbox.destinations.get()
        audit_module.audit(self.engine, destination, self.clock.now)

    @rule(overwrite=st.booleans())
    def repair(self, *, overwrite: bool) -> None:
        found, before = self._verify(), self.mem0.ids
        self._repair(found, overwrite=overwrite)
        extras = {number for it in found["doubled"] if it["identical"] for number in it["extras"]}
        assert before - self.mem0.ids <= extras, "a repair deleted what is no double"

    def _verify(self) -> dict[str, Any]:
        # By a clock that was set just now, what is new seems old; nobody can tell.
        self.mem0.wait(max(0.0, self.set_at + LONGEST_LAG - self.clock.now))
        inspection = Inspection(self.outbox, self._take_inventory, self.daemon_clock, lambda _: None)
        return verdict(self.outbox, inspection.run(), None)

    def _repair(self, found: dict[str, Any], *, overwrite: bool) -> None:
        wanted = {name: found[name] for name in ("missing", "altered", "moved")}
        wanted |= {} if overwrite else {"altered": []}
        self.stay_deleted -= {it["sync_key"] for it in wanted["missing"]}
        identical = [it for it in found["doubled"] if it["identical"]]
        repair(self.engine, destination=self.destination, **wanted, doubled=identical)

    def _scan_anew(self) -> None:
        self.scanner.forget()
        self.scan()

    def _take_inventory(
        self, *, destination: int, user_id: str, since: str = "", tell: Tell = to_nobody
    ) -> dict[str, Any]:
        path = self.folder / "inventory.jsonl"
        path.touch()
        memories = self.mem0.listing(user_id)
        write_inventory(path, map(kept, memories))
        newest = max((it.created_at for it in memories), default="")
        return {"path": str(path), "newest": newest, "is_complete": True, "read_lag": LONGEST_LAG}

    def copies(self, user_id: str, sync_key: str) -> list[AsListed]:
        """What `Questions` asks the courier."""
        return [kept(it) for it in self.mem0.copies(user_id, sync_key)]

    def remove(self, double: Double) -> list[str]:
        """Likewise."""
        extras = [extra.id for extra in double.extras]
        return list(self._remove({"survivor": double.survivor.id, "extras": extras}).ids)

    @rule(which=st.sampled_from([BETA, BETA, DELTA]), fates=SEVERAL_FATES)
    def revise(self, which: int, fates: list[tuple[str, float]]) -> None:
        """One decision goes back and forth, and something happens to each of its first requests."""
        was = self.log.get(which, {}).get("description")
        self.write(which=which, text=TEXTS[was == TEXTS[0]], status="accepted")
        self._meet(fates, lambda it: f"{DECISIONS[which]['title']}:" in it.get("frozen", ""))

    @rule(fates=SEVERAL_FATES)
    def answer(self, fates: list[tuple[str, float]]) -> None:
        """Something happens to everything that is under way."""
        self._meet(fates, lambda _: True)

    @rule(
        what=st.sampled_from(["remove", "reverse", "mark", "delete", "edit", "move"]),
        number=st.integers(0, 4),
    )
    def meddle(self, what: str, number: int) -> None:
        kept = [it.id for it in self.mem0.memories]
        match what:
            case "remove":
                self.log.pop(number, None)
            case "reverse":
                self.log = dict(reversed(self.log.items()))
            case "mark":
                self.marked ^= {f"DEC-{number % 2 + 1}"}
            case _ if kept:
                chosen = kept[number % len(kept)]
                if what == "delete":
                    self._note_deletion(chosen)
                getattr(self.mem0, what)(chosen)

    def _note_deletion(self, memory_id: str) -> None:
        """What is known to be there when a person deletes it is never added again."""
        kept = self.mem0.existing(memory_id)
        key = kept.metadata["sync_key"]
        there = [it for it in self.mem0.memories if it.metadata["sync_key"] == key]
        is_known = key in self.receipts and key not in self.entries and key not in self.to_be_looked_at
        if is_known and len(there) == 1 and self.mem0.is_quiet and not _is_twin(kept.text):
            self.stay_deleted.add(key)

    # What the daemon does

    @rule(is_sync=st.booleans())
    def scan_all(self, *, is_sync: bool) -> None:
        self.scan()
        if is_sync:
            self.outbox.queue.make_due(self.destination, self.wall())
            self.outbox.destinations.probe_now(self.destination, self.wall())

    def scan(self) -> None:
        # An entry that stands there twice is one entry.
        entries = [*self.log.values(), *list(self.log.values())[:1]]
        write_file(self.project.path / SOURCE.path, json.dumps({"decisions": entries}).encode())
        marks = self.outbox.marks
        foreign = self.marked - marks.ids_ever_delivered(self.project.id, SOURCE.name)
        if foreign != marks.foreign(self.project.id):
            marks.set_foreign(self.project.id, foreign)
            self.scanner.forget()
            self.ever_marked |= foreign
        self.scanner.scan(self.project)
        self.both_twins_seen |= self.log.keys() >= TWINS
        for which, entry in self.log.items():
            raw, item = as_read(entry), understand(entry)
            if which not in TWINS:
                self.last_read[item.sync_key] = item
            self.said_since |= _names(raw) | _names(item)
            self.former[item.sync_key].add(raw.identity)
            if raw.text != item.text:
                self.raw |= {raw.revision, raw.as_twin().identity}
                self.raw |= set() if raw.source_id else {raw.identity}

    def wall(self) -> float:
        """What the machine's clock shows, rightly or not."""
        return self.clock() + self.set_by

    @rule(seconds=st.sampled_from([-90_000.0, -60.0, -10.0, 10.0, 60.0, 4000.0]), is_soon=st.booleans())
    def set_the_clock(self, seconds: float, *, is_soon: bool) -> None:
        """Somebody sets the machine's clock, and delivery learns of it now or later."""
        self.set_by += seconds
        self.set_at = self.clock.now
        if is_soon:
            self.deliver()

    def deliver(self) -> None:
        try:
            self.next_round = self.delivery.run()
        except WouldWait:
            pass
        except sqlite3.OperationalError:
            self.next_round = 1.0

    @rule(
        which=st.sampled_from([BETA, DELTA, EPSILON]),
        text=st.sampled_from(TEXTS[:2]),
        faults=st.lists(st.sampled_from(["", "not made", "made"]), min_size=1, max_size=6),
    )
    def fill_the_disk(self, which: int, text: str, faults: list[str]) -> None:
        """For some time what becomes of a decision can't be written down, while Mem0 is well."""
        self.write(which=which, text=text, status="accepted")
        for fault in faults:
            FaultyDatabase.faults.append(fault)
            self.deliver()
            self._answer_some(TRUTH, 0.0, lambda _: True)
            self.mem0.wait(1.0)
        FaultyDatabase.faults.clear()

    @rule(seconds=st.sampled_from([0.0, 5.0]))
    def be_well(self, seconds: float) -> None:
        """For some seconds nothing is wrong."""
        end = self.clock.now + seconds
        while True:
            self._answer_all_well()
            if self.next_round is None or self.clock.now + self.next_round >= end:
                break
            self.mem0.wait(self.next_round + 0.001)

    @rule(seconds=st.sampled_from([5.0, 5.0, 61.0, 95.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.mem0.wait(seconds)

    def crash(self, fate: str, delay: float, *, is_daemon: bool) -> None:
        self.deliver()
        self._end_requests(fate, delay)
        if is_daemon:
            self._start()
        elif self.couriers:
            self.couriers[-1].kill()
            self.deliver()

    @precondition(lambda self: self._dead())
    @rule(retry=st.booleans())
    def deal_with_a_dead_letter(self, *, retry: bool) -> None:
        chosen = self._dead()[0]
        if retry:
            self.outbox.dead_letters.revive([chosen.id], self.wall())
        else:
            self.outbox.dead_letters.drop([chosen.id])
            self.dropped.add(chosen.content_hash)

    # Twins that an empty outbox sees in another order change places, and leave a memory behind.
    @precondition(lambda self: self.mem0.memories and self.mem0.is_quiet and not self.both_twins_seen)
    @rule(is_upgrade=st.booleans())
    def lose_the_state_folder(self, *, is_upgrade: bool = False) -> None:
        """With the machine, say; `is_upgrade` has the new one begin with the newest version."""
        self._end_requests(LOST_BEFORE, 0.0)
        self.mem0.wait(LONGEST_LAG)
        self.there_at_the_loss = self.mem0.ids
        self.said_since.clear()
        self.is_listed_by_released = False
        self._close()
        self.last_read.clear()
        self.stay_deleted.clear()
        self._open()
        self._start()
        if self.is_released and is_upgrade:
            self.upgrade(LOST_BEFORE)

    # What becomes of a request

    def _requests(self) -> list[dict[str, Any]]:
        return list(self.couriers[-1].requests.values()) if self.couriers else []

    def _answer_all_well(self) -> None:
        self.deliver()
        while self._requests():
            self._answer_some(TRUTH, 0.0, lambda _: True)
            self.deliver()

    def _meet(self, fates: list[tuple[str, float]], which: Callable[[dict[str, Any]], bool]) -> None:
        for fate, delay in fates:
            self.deliver()
            if fate in CRASHES:
                effect = {1.0: LOST_AFTER, 20.0: LOST_BEFORE}.get(delay, LATE)
                self.crash(effect, delay, is_daemon=fate == CRASHES[0])
            else:
                self._answer_some(fate, delay, which)
            self.every_promise_holds()
            self.mem0.wait(delay if fate == TRUTH else 2.0)

    def _answer_some(self, fate: str, delay: float, which: Callable[[dict[str, Any]], bool]) -> None:
        for request in filter(which, self._requests()):
            self._answer(request, fate, delay)

    def _answer(self, request: dict[str, Any], fate: str, delay: float) -> None:
        outcome = self._read(request, fate) if request["verb"] != "push" else self._push(request, fate, delay)
        message = {"not_begun": True} if outcome is None else to_wire(outcome)
        self.couriers[-1].answer(request["id"], message)

    def _push(self, request: dict[str, Any], fate: str, delay: float) -> Outcome | None:
        memory, memory_id = Memory.thaw(request["frozen"]), request["memory_id"]
        if fate == NOT_BEGUN:
            return None
        # Mem0 takes or refuses a content for good.
        is_repeated = self._sent(request["frozen"])["sends"] > 1
        if (fate == "refused" and is_repeated) or (fate in ADDS_ONLY and memory_id is not None):
            fate = TRUTH
        is_well = fault_of(fate, delay) is NO_FAULT
        if is_well and memory_id and request["unproven"] and (there := self.mem0.get(memory_id)):
            found = redacted_there(there, memory)
            if found is not None:
                return found
        return self._push_with(request, fate, delay)

    def _push_with(self, request: dict[str, Any], fate: str, delay: float) -> Outcome:
        memory, memory_id = Memory.thaw(request["frozen"]), request["memory_id"]
        if fate == VERY_LATE and memory_id is None:
            self.came_very_late.add(memory.sync_key)
            delay += LONGEST_DELAY + LONGEST_LAG
        return self.mem0.push(memory, memory_id, fault_of(fate, delay))

    def _read(self, request: dict[str, Any], fate: str) -> Heard | None:
        is_poll = request["verb"] == "poll"
        if fate == NOT_BEGUN:
            return None
        if is_poll and fate == "event gone":
            self.mem0.forget_event(request["event_id"])
        elif is_poll and fate == PENDING:
            self.mem0.postpone_event(request["event_id"], 1000.0)
        elif fate in {"later", "held", *LOST, VERY_LATE}:
            outcome = of_a_read(heard(fault_of(fate, 0.0)) or Unknown("nothing"))
            # Of a poll, `Platform.poll` makes that.
            return Later(outcome.reason) if is_poll and isinstance(outcome, Unknown) else outcome
        if is_poll:
            return self.mem0.poll(request["event_id"])
        if request["verb"] == "list":
            return ours(self.mem0.listing(request["user_id"]), REDACTOR)
        if request["verb"] == "copies":
            found = self.mem0.copies(request["user_id"], request["sync_key"])
            return Copies(tuple(kept(it) for it in found))
        if request["verb"] == "remove":
            return self._remove(request)
        return self.mem0.look(Memory.thaw(request["frozen"]))

    def _remove(self, request: dict[str, Any]) -> Removed:
        mem0: Any = SimpleNamespace(get=self.mem0.get, delete=self._remove_one)
        return Removed(tuple(remove_doubles(mem0, request["survivor"], request["extras"])))

    def _remove_one(self, memory_id: str) -> None:
        """Nothing is ever deleted but what is there once more."""
        goes = self.mem0.existing(memory_id)
        same = [
            it
            for it in self.mem0.memories
            if (it.user_id, it.text, it.metadata) == (goes.user_id, goes.text, goes.metadata)
        ]
        assert len(same) > 1, f"deleted, and there only once: {goes}"
        self.mem0.remove(memory_id)

    def _end_requests(self, fate: str, delay: float) -> None:
        for request in self._requests():
            if request["verb"] == "push":
                self._push_with(request, fate, delay)
            elif request["verb"] == "remove" and fate == LOST_AFTER:
                self._remove(request)
            elif request["verb"] == "poll" and fate == LATE:
                self.mem0.postpone_event(request["event_id"], 1000.0)

    # The promises, at every moment

    def _sent(self, frozen: str) -> sqlite3.Row:
        row = self.outbox.database.row(
            "SELECT * FROM entry WHERE frozen = ? AND state = 'sending'", (frozen,)
        )
        assert row is not None
        return row

    def _check_push(self, request: dict[str, Any]) -> None:
        """What is handed over is durable as it is sent, and no other push of its item is under way."""
        if request["verb"] != "push":
            return
        durable = self.reader.execute(
            "SELECT 1 FROM entry WHERE state = 'sending' AND frozen = ?", (request["frozen"],)
        ).fetchone()
        assert durable, "sent before it was durable"
        key = Memory.thaw(request["frozen"]).sync_key
        others = [it for it in self._requests() if it["verb"] == "push"]
        assert all(Memory.thaw(it["frozen"]).sync_key != key for it in others), "overtaken"

    def _one_in_flight_and_one_waiting(self) -> None:
        states = [
            (key, "in flight" if entry["state"] in IN_FLIGHT else entry["state"])
            for key, entries in self.entries.items()
            for entry in entries
        ]
        assert len(states) == len(set(states))

    def _counters_are_true(self) -> None:
        counted = Counter(item["status"] for item in self.items.values())
        tallied = self.outbox.items.counts(self.destination).values()
        assert dict(counted) == {status: n for counts in tallied for status, n in counts.items() if n}
        for key, item in self.items.items():
            assert item["status"] == (self._stands(key) or item["status"])

    def _stands(self, key: str) -> str:
        """What an item counts as, by its entries, its tombstone and its receipt."""
        if key in self.entries:
            state = str(self.entries[key][-1]["state"])
            # An update that is repeated counts as unconfirmed meanwhile.
            is_sending = state == "sending" and self.items[key]["status"] in {"pending", "unconfirmed"}
            return "" if is_sending else state
        if self.items[key]["tombstone"]:
            return "withheld" if self.items[key]["status"] != "skipped" else ""
        return "delivered" if key in self.receipts else ""

    def _what_counts_as_delivered_is_in_mem0(self) -> None:
        for key, receipt in self.receipts.items():
            memory_id = self.mem0.now_at(json.loads(receipt["memory_ids"])[0])
            if self.items[key]["status"] == "delivered" and memory_id not in self.mem0.deleted:
                memory = self.mem0.find(memory_id)
                assert memory, "a receipt for what was never stored"
                content_hash = memory.metadata["content_hash"]
                assert content_hash == receipt["content_hash"], "another revision is there"

    def _what_a_person_deleted_stays_deleted(self) -> None:
        there = {it.metadata["sync_key"] for it in self.mem0.memories}
        assert not self.stay_deleted & there, "a person deleted it, and it is there again"

    def _nothing_is_doubled(self) -> None:
        everything = self.mem0.memories
        twice = {key for key, _ in repeats(content_of(it) for it in everything)}
        looked_at = self.to_be_looked_at | self.entries.keys() | self.raced | self.left_over
        assert twice <= looked_at, "a double that nobody will look at"
        # What came very late may be an older revision of what is there meanwhile, and then it stays.
        # Nor can what others send in the same moment be told before the audit.
        open_keys = self.came_very_late | self.raced | self.left_over
        kept = [it for it in everything if it.metadata["sync_key"] not in open_keys]
        keys = repeats(it.metadata["sync_key"] for it in kept)
        assert not keys, f"doubled: {keys}"
        # A twin that takes over the other's key is there twice until the other has become what it is now.
        # Two texts that differ only in their secret are two until both have their new hashes.
        kept = [it for it in kept if it.metadata["sync_key"] not in self.raw]
        said = repeats((it.user_id, it.text) for it in kept if not _is_twin(it.text) or self._stays(it))
        assert not said, f"doubled: {said}"
        titles = repeats(it.text.partition(":")[0] for it in kept)
        assert titles.keys().isdisjoint({"beta", "delta"}), f"doubled: {titles}"

    def _stays(self, kept: Stored) -> bool:
        key = kept.metadata["sync_key"]
        return key in self.items and self._stands(key) == "delivered"

    # And in the end

    def teardown(self) -> None:
        try:
            if self.is_released:
                self.upgrade(LOST_AFTER)
            self.scan()
            self._come_to_rest()
            for _ in range(3):
                self.mem0.wait(max(LONGEST_LAG, SEEN_SECONDS))
                self.renew()
                self.scan()
                self._come_to_rest()
            self.mem0.wait(LONGEST_LAG)
            self.audit()
            self._check_that_no_old_hash_is_left()
            self._check_that_the_audit_found_every_double()
            self._check_that_nothing_is_lost()
            self._check_that_a_repair_restores_and_a_second_one_changes_nothing()
        finally:
            self._close()
            shutil.rmtree(self.folder)

    def _come_to_rest(self) -> None:
        """From now on Mem0 is well: it takes a while, and not for ever."""
        for _ in range(300):
            self._answer_all_well()
            self.every_promise_holds()
            live = self.outbox.queue.live(self.destination, self.outbox.queue.newest_id())
            if not live and self.mem0.is_quiet and not self.to_be_looked_at:
                return
            assert self.next_round is not None or not (live or self.to_be_looked_at), f"forgotten: {live}"
            self.mem0.wait(60.0 if self.next_round is None else self.next_round + 0.001)
        pytest.fail("it never comes to rest")

    @invariant()
    def every_promise_holds(self) -> None:
        rows = self.outbox.database.rows
        self.items = {row["sync_key"]: row for row in rows("SELECT * FROM item")}
        self.receipts = {row["sync_key"]: row for row in rows("SELECT * FROM receipt")}
        self.to_be_looked_at = {row["sync_key"] for row in rows("SELECT sync_key FROM second_look")}
        left_over = rows(
            "SELECT value FROM fact WHERE name GLOB ?", (LEFT_OVER.format(self.destination, "*"),)
        )
        self.left_over = {row["value"] for row in left_over}
        self.entries: dict[str, list[sqlite3.Row]] = {}
        for row in rows("SELECT * FROM entry ORDER BY id"):
            self.entries.setdefault(row["sync_key"], []).append(row)
        self._one_in_flight_and_one_waiting()
        self._counters_are_true()
        self._what_counts_as_delivered_is_in_mem0()
        self._nothing_is_doubled()
        self._what_a_person_deleted_stays_deleted()

    def _check_that_no_old_hash_is_left(self) -> None:
        """In Mem0, but for what somebody has edited or moved there, or came when nobody counted on it."""
        for it in self.mem0.memories:
            hashes = {it.metadata["sync_key"], it.metadata["content_hash"]}
            is_by_person = it.id in self.mem0.by_person or it.id in self.mem0.moved.values()
            # Its dead letter is what the released version refused: a retry, or a revision, renews it.
            has_dead_letter = self.items.get(it.metadata["sync_key"], {"status": ""})["status"] == "dead"
            is_excused = (
                is_by_person or hashes & self.came_very_late or self._is_unknown(it) or has_dead_letter
            )
            assert is_excused or not hashes & self.raw, f"old hashes: {it}"

    def _is_unknown(self, kept: Stored) -> bool:
        """Whether no outbox and no source tells of a memory.

        It was sent before the state folder was lost, and no file has said it since, or only one that another
        program has marked. A text that differs from it only in its secret finds it, too, if this version made
        the first contact.
        """
        if kept.id not in self.there_at_the_loss:
            return False
        key = kept.metadata["sync_key"]
        names = {key} if self.is_listed_by_released else {key, kept.text}
        is_skipped = key in self.items and self.items[key]["status"] == "skipped"
        return is_skipped or not names & self.said_since

    def _check_that_the_audit_found_every_double(self) -> None:
        self.every_promise_holds()
        said = [(it.user_id, it.text, json.dumps(it.metadata)) for it in self.mem0.memories]
        known = [it for it in said if json.loads(it[2])["sync_key"] in self.items]
        assert not repeats(known), "a double after the audit"

    def _check_that_a_repair_restores_and_a_second_one_changes_nothing(self) -> None:
        self.repair(overwrite=False)
        self._come_to_rest()
        said = {understand(entry).sync_key for which, entry in self.log.items() if which not in TWINS}
        missing = {it["sync_key"] for it in self._verify()["missing"]}
        assert missing.isdisjoint(said), "what its source says is missing after a repair"
        settled = {it.id: (it.text, it.metadata) for it in self.mem0.memories}
        self.repair(overwrite=False)
        self._come_to_rest()
        assert settled == {it.id: (it.text, it.metadata) for it in self.mem0.memories}

    def _check_that_nothing_is_lost(self) -> None:
        twins = [understand(entry) for which, entry in self.log.items() if which in TWINS]
        keys = [item.sync_key for item in twins] + [item.as_twin().sync_key for item in twins]
        parted = part_twins(twins, self.outbox.items.known(self.destination, keys))
        for item in (*self.last_read.values(), *parted):
            kept = [it for it in self.mem0.memories if it.text == item.text]
            is_there = any(it.metadata.items() >= item.metadata.items() for it in kept)
            assert is_there or self._excuse(item), f"lost: {item.text}: {self._account()}"

    def _excuse(self, item: Item) -> str:
        """Why an item need not be in Mem0 as its source has it."""
        # What no file says any more, and a person has deleted, keeps the key that it was sent under.
        keys = [key for key in (item.sync_key, *self.former[item.sync_key]) if key in self.items]
        assert keys, f"never taken in: {item}"
        key = keys[0]
        row = self.items[key]
        match row["status"]:
            case "skipped" if item.source_id in self.ever_marked:
                return "another program marked it"
            case "dead":
                (letter,) = (it for it in self._dead() if it.sync_key == key)
                return letter.reason if letter.content_hash == item.content_hash else ""
            case "withheld" if row["tombstone"] == "dropped":
                return "dropped" if item.content_hash in self.dropped else ""
            case "withheld" | "delivered":
                receipt = self.receipts.get(key)
                memory_id = self.mem0.now_at(json.loads(receipt["memory_ids"])[0]) if receipt else ""
                return "by a person" if memory_id in self.mem0.deleted | self.mem0.by_person else ""
        return ""

    def _account(self) -> str:
        rows = [
            *self.items.values(),
            *self.receipts.values(),
            *(it for some in self.entries.values() for it in some),
        ]
        return "\n".join(str(it) for it in (*map(dict, rows), *self.mem0.memories))

    def _dead(self) -> list[Entry]:
        return self.outbox.dead_letters.newest(self.destination)


def fault_of(fate: str, delay: float) -> Fault:
    """A fate as a fault; what doesn't happen at once happens after `delay` seconds."""
    if fate in {LATE, VERY_LATE}:
        return drop(commit_after=delay)
    if fate in {PENDING, PENDING_FAILS}:
        return Fault(put_off=PutOff(delay, "FAILED" if fate == PENDING_FAILS else "SUCCEEDED"))
    return FAULTS.get(fate, NO_FAULT)


IN_FLIGHT = {"sending", "unconfirmed", "accepted"}


def _is_twin(text: str) -> bool:
    return text.partition(":")[0] in {DECISIONS[which]["title"] for which in TWINS}


def _names(item: Item) -> set[str]:
    """What a memory of an item can be told by: its keys, and what it says."""
    return {item.sync_key, item.as_twin().sync_key, item.text}


def understand(entry: dict[str, Any]) -> Item:
    """The item that an entry of the log says, as it is sent."""
    return REDACTOR.redact(as_read(entry)).item


def as_read(entry: dict[str, Any]) -> Item:
    """The same as the log has it."""
    (item,) = SOURCE.understand(Raw(NOWHERE, entry), "shop").items
    return item
