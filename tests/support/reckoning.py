"""What a shop of decisions has in Mem0, against what it is to have, and what its outbox and its marks say.

All that fail things at random, kill or cut the power count by it, the simulation as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mem0_syncd.core.entry import Entry
from mem0_syncd.core.memory_payload import Memory as Payload
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.mem0_model import Memory

T = TypeVar("T", bound=Hashable)

Content = tuple[str, str]
"""A sync key and a content hash."""


def content_of(memory: Memory | Payload) -> Content:
    """What a memory's metadata says that it is."""
    return str(memory.metadata["sync_key"]), str(memory.metadata["content_hash"])


def repeats(there: Iterable[T]) -> Counter[T]:
    """How many are too many of whatever is there more than once."""
    return Counter({it: count - 1 for it, count in Counter(there).items() if count > 1})


@dataclass(frozen=True)
class Differences:
    """What isn't as it is to be: what Mem0 lacks, what it has more than once, and anything else."""

    lost: tuple[Any, ...] = ()
    doubled: tuple[Any, ...] = ()
    other: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.other)


def compare(wanted: Collection[T], there: Collection[T], other: Iterable[str] = ()) -> Differences:
    """What is lost or doubled, and what is there unasked; `other` is what else is wrong."""
    known = set(there)
    strangers = (f"not asked for: {it}" for it in known.difference(wanted))
    lost = tuple(it for it in wanted if it not in known)
    return Differences(lost, tuple(repeats(there)), (*other, *strangers))


class StillWrong(AssertionError):
    """Something is not as it is to be, and doesn't come right."""

    def __init__(self, differences: Differences) -> None:
        super().__init__(differences)
        self.differences = differences


def marked(project: Path) -> set[str]:
    """The ids that a project's sync-state file marks."""
    path = project / SYNC_STATE
    return set(json.loads(path.read_text())["synced_decisions"]) if path.exists() else set()


@contextmanager
def outbox_of(state: Path) -> Iterator[Outbox]:
    """The outbox in a state folder, to be read."""
    outbox = Outbox.open_to_read(state)
    assert outbox is not None
    with closing(outbox):
        yield outbox


def receipts(state: Path) -> dict[Content, list[str]]:
    """The memory ids of every receipt."""
    with outbox_of(state) as outbox:
        rows = outbox.database.rows("SELECT sync_key, content_hash, memory_ids FROM receipt")
    return {(row["sync_key"], row["content_hash"]): json.loads(row["memory_ids"]) for row in rows}


def dead_letters(state: Path) -> list[Entry]:
    """All dead letters."""
    with outbox_of(state) as outbox:
        (destination,) = outbox.destinations.in_use()
        return outbox.dead_letters.newest(destination.id, limit=1_000_000)


def second_looks(state: Path) -> int:
    """How many items are still to be looked at once more."""
    with outbox_of(state) as outbox:
        return len(outbox.database.rows("SELECT 1 FROM second_look"))
