"""Which marks of other programs count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mem0_syncd.core.enqueue_plan import Enqueue, Known, Skip
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.ingest.early_marks import LATEST_SECONDS, Marked, marked_among, weigh
from mem0_syncd.sources import agent_patterns, decision_log
from support.builders import NOW, item

LOGGED: Item = replace(item(), source=decision_log.SOURCE.name)
ID = str(LOGGED.source_id)


def counts(
    *, marked_at: float, sight: float | None = None, now: float = NOW, known: Known | None = None
) -> bool:
    """Whether a mark counts, for a decision that was first seen at a time, or is seen only now."""
    sights = {} if sight is None else {LOGGED.sync_key: sight}
    said = weigh([LOGGED], {LOGGED.sync_key: known} if known else {}, {ID: marked_at}, sights, now)
    assert (LOGGED.sync_key in said.counting) is not (LOGGED.sync_key in said.early)
    return LOGGED.sync_key in said.counting


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (NOW - 3600.0, True),
        (NOW, True),
        (NOW + LATEST_SECONDS, True),
        (NOW + LATEST_SECONDS + 1.0, False),
    ],
)
def test_a_mark_counts_for_what_stood_in_the_log_by_then(sight: float, *, expected: bool) -> None:
    """Or came within a minute, as two programs that write one after the other do."""
    assert counts(marked_at=NOW, sight=sight, now=NOW + 7200.0) is expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, True), (LATEST_SECONDS, True), (LATEST_SECONDS + 1.0, False), (-3600.0, False)],
)
def test_a_decision_that_is_new_is_of_this_moment(seconds: float, *, expected: bool) -> None:
    """A mark from long before it is of another decision with its id, whichever way the clock was set."""
    assert counts(marked_at=NOW, now=NOW + seconds) is expected


def test_what_was_skipped_once_stays_so() -> None:
    """Whenever its mark was seen."""
    assert counts(marked_at=NOW - 7200.0, sight=NOW, known=Known(skipped=True))


def test_marks_tell_of_decisions_of_the_log_alone() -> None:
    """Another item may have the same id."""
    others = [
        replace(LOGGED, kind=Kind.BEST_PRACTICE),
        replace(LOGGED, source=agent_patterns.SOURCE.name),
        replace(LOGGED, source_id=None),
    ]
    assert marked_among([*others, LOGGED], [ID]) == [LOGGED]
    assert marked_among([LOGGED], ["another"]) == []


def test_what_is_sent_although_it_was_marked_is_told() -> None:
    """Once, when it is first sent."""
    marked = Marked(early=frozenset({LOGGED.sync_key}))
    assert marked.sent_all_the_same([Enqueue(LOGGED)], {}) == [ID]
    assert marked.sent_all_the_same([Skip(LOGGED)], {}) == []
    assert marked.sent_all_the_same([Enqueue(LOGGED)], {LOGGED.sync_key: Known(delivered="hash")}) == []
    assert Marked().sent_all_the_same([Enqueue(LOGGED)], {}) == []
