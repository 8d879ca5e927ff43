"""Taking items in: one item of several files is one, what is new is planned, redacted, and made durable."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Literal

from mem0_syncd.errors import Problem
from mem0_syncd.item import QUEUE, Item, Kind, Scalar
from mem0_syncd.memory import Memory, memory_of
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.ledger import Prepared
from mem0_syncd.plan import Change, Enqueue, Reject, part_twins, plan
from mem0_syncd.project_file import EVERYTHING, ProjectFile
from mem0_syncd.sources import SOURCES, decision_log, record

Redaction = Literal["redact", "hold", "off"]

RANKS = {source.name: rank for rank, source in enumerate(SOURCES)}
"""The order of record: where ids meet, the earlier source revises the item."""

FIRST_BATCH, BATCH = 32, 500
"""Items that become durable together, at first and at most: until then nothing else can be written."""

GIVE_WAY_SECONDS = 0.001
"""Between two batches: the outbox's lock isn't fair, and who has just released it would get it again."""

OUR_NAMES = {"source", "sync_key", "content_hash"}
"""Metadata that is made here, and holds nothing of what the sources say."""

MOST_CLEAN = 1000
"""Metadata values without secrets to be remembered: a log repeats its categories from the first entry on."""


@dataclass
class Taken:
    """What became of some items: changes made durable, problems by path and place.

    `deferred` when some must wait for a push of what they take over from, and are to be read again.
    """

    changes: int = 0
    deferred: bool = False
    problems: dict[tuple[str, str], list[Problem]] = field(default_factory=dict)

    def add(self, items: Iterable[Item], changes: Collection[Prepared]) -> None:
        """Add some items, each under the key that is its own, and what changed of them."""
        self.changes += len(changes)
        for item in items:
            if item.is_twin:
                what = f"another entry has the id and time of {item.source_id}; both are kept"
                problem = Problem(what, f"{item.path}: {item.place}", "give one of them an id of its own")
                self.problems.setdefault((item.path, item.place), []).append(problem)


class Intake:
    """From items to entries, for whatever has items: the scan, and the spool."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        major_categories: Iterable[str] = (),
        infer: bool = False,
        redaction: Redaction = "redact",
        on_change: Callable[..., None] = lambda *, major: None,  # noqa: ARG005
        now: Callable[[], float] = time.time,
    ) -> None:
        """`on_change` hears of changes as they become durable, and whether one is `major`."""
        self._outbox = outbox
        self._major_categories = {category.lower() for category in major_categories}
        self._infer = infer
        self._redaction = redaction
        self._on_change = on_change
        self._clean: set[Scalar] = set()
        self._now = now

    def take_in(
        self,
        project: ProjectRow,
        items: Iterable[Item],
        wishes: ProjectFile = EVERYTHING,
        *,
        heed_marks: bool = True,
    ) -> Taken:
        """Plan items, by the project's wishes, and make what changes durable, some at a time.

        `heed_marks` leaves out what others marked as synced.
        """
        taken = Taken()
        ledger, registry = self._outbox.ledger, self._outbox.registry
        destination = registry.destination_of(project.id)
        items = [_as_wished(item, wishes) for item in items]
        if not items:
            return taken
        echoes = {item.echo: item for item in items if item.echo and item.source != QUEUE}
        transaction = self._outbox.database.transaction
        # A record and that its echo is known are one truth; without echoes nobody is kept waiting for long.
        with transaction() if echoes else nullcontext():
            self._outbox.echoes.add(project.id, echoes)
            merged = record.merge(items, self._outbox.echoes.known(project.id))
            waiting = self._outbox.echoes.take_over(destination.id, project.id, echoes)
            merged = [item for item in merged if item.echo not in waiting]
            taken.deferred = bool(waiting)
            # The marks of others tell of the Platform, and of the decision log alone.
            counts = destination.name == "platform" and heed_marks
            marked = self._outbox.marks.foreign(project.id) if counts else set()
            for number, batch in enumerate(_batches(merged)):
                if number:
                    time.sleep(GIVE_WAY_SECONDS)
                with transaction():
                    keys = [item.sync_key for item in batch]
                    keys += [item.as_twin().sync_key for item in batch if item.source_id is not None]
                    known = ledger.known(destination.id, keys)
                    parted = part_twins(batch, known)
                    is_marked = {item.sync_key for item in parted if _is_marked(item, marked)}
                    changes = plan(parted, known, RANKS, is_marked, project.tree)
                    prepared = [replace(self._prepare(change), tree=project.tree) for change in changes]
                    ledger.apply(destination.id, prepared, self._now())
                taken.add(parted, prepared)
                if prepared:
                    self._on_change(major=any(it.major for it in prepared))
        return taken

    def _prepare(self, change: Change) -> Prepared:
        if not isinstance(change, Enqueue | Reject):
            return Prepared(change)
        memory, kinds = self._redact(memory_of(change.item, infer=self._infer))
        if kinds and self._redaction == "hold":
            what = f"it holds what looks like a credential ({', '.join(sorted(set(kinds)))})"
            # Nothing of it is kept: the source is where it can be looked at and mended.
            memory = Memory(
                memory.user_id, "", None, {"sync_key": memory.sync_key, "content_hash": memory.content_hash}
            )
            change = Reject(change.item, what)
        if isinstance(change, Reject):
            place = f"{change.item.path}: {change.item.place}"
            change = replace(change, reason=f"{change.reason} ({place})")
        return Prepared(change, memory, self._is_major(change.item), tuple(kinds))

    def _redact(self, memory: Memory) -> tuple[Memory, list[str]]:
        if self._redaction == "off":
            return memory, []
        from mem0_syncd.redact import redact, redact_value

        text, kinds = redact(memory.text)
        metadata = {}
        for name, value in memory.metadata.items():
            if name in OUR_NAMES or value in self._clean:
                metadata[name] = value
                continue
            metadata[name], found = redact_value(value)
            kinds += found
            if not found and len(self._clean) < MOST_CLEAN:
                self._clean.add(value)
        agent_id = memory.agent_id
        if agent_id:
            agent_id, found = redact(agent_id)
            kinds += found
        return Memory(memory.user_id, text, agent_id, metadata, memory.infer), kinds

    def _is_major(self, item: Item) -> bool:
        category = str(item.metadata.get("category", "")).lower()
        return item.kind is Kind.DECISION and (item.weighty or category in self._major_categories)


def _as_wished(item: Item, wishes: ProjectFile) -> Item:
    reason = wishes.reason_to_withhold(item)
    return replace(item, withheld=reason) if reason and not item.withheld else item


def _is_marked(item: Item, marked: set[str]) -> bool:
    is_of_the_log = item.source == decision_log.SOURCE.name and item.kind is Kind.DECISION
    return is_of_the_log and item.source_id in marked


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items some at a time, ever more; those of one key, which stand together, are not parted."""
    batch: list[Item] = []
    most = FIRST_BATCH
    for item in items:
        if len(batch) >= most and item.sync_key != batch[-1].sync_key:
            yield batch
            batch = []
            most = min(2 * most, BATCH)
        batch.append(item)
    if batch:
        yield batch
