"""Which marks of others count: not those that were there long before their decisions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mem0_syncd.core.enqueue_plan import UNKNOWN, Change, Enqueue, Known
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.sources import decision_log

LATEST_SECONDS = 60.0
"""Seconds after a mark was first seen in which its decision may turn up."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The keys of decisions that others marked as synced, and of those whose marks don't count."""

    counting: frozenset[str] = frozenset()
    early: frozenset[str] = frozenset()

    def sent_all_the_same(self, changes: Iterable[Change], known: Mapping[str, Known]) -> list[str]:
        """The ids of decisions that changes send for the first time, although they were marked."""
        return [
            it.item.source_id
            for it in changes
            if isinstance(it, Enqueue)
            and it.item.source_id is not None
            and it.item.sync_key in self.early
            and known.get(it.item.sync_key, UNKNOWN).newest is None
        ]


def marked_among(items: Iterable[Item], marks: Iterable[str]) -> list[Item]:
    """The items that marks are about: decisions of the log, and no others."""
    ids = set(marks)
    source = decision_log.SOURCE.name
    return [it for it in items if it.source_id in ids and it.source == source and it.kind is Kind.DECISION]


def weigh(
    items: Iterable[Item],
    known: Mapping[str, Known],
    marks: Mapping[str, float],
    sights: Mapping[str, float],
    now: float,
) -> Marked:
    """Which marks count, of items that are marked.

    `marks` says when each mark was first seen, and `sights` when each known item was, by sync key. A mark
    counts for what was in the log then, or came within a minute. What was skipped once stays skipped.
    """
    counting: set[str] = set()
    early: set[str] = set()
    for item in items:
        key, marked_at = item.sync_key, marks[str(item.source_id)]
        sight = sights.get(key)
        # A clock that was set back makes a new item look older than a mark: only a known one may be.
        is_in_time = (
            abs(now - marked_at) <= LATEST_SECONDS if sight is None else sight <= marked_at + LATEST_SECONDS
        )
        is_counting = is_in_time or known.get(key, UNKNOWN).skipped
        (counting if is_counting else early).add(key)
    return Marked(frozenset(counting), frozenset(early))
