"""Records and loose lines say decisions, and the two files' ids are of one space."""

from __future__ import annotations

from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.core.withheld import KEPT_HOME
from mem0_syncd.sources import decision_log
from mem0_syncd.sources.base import Raw
from mem0_syncd.sources.decision_records import understand_line, understand_record

CONTENT: dict[str, Any] = {
    "what": "Use Postgres for orders",
    "why": "we know it",
    "alternatives": ["Mongo", "MySQL"],
    "constraints": ["one host"],
    "tradeoffs": ["no sharding"],
}
METADATA = {"session_id": "s", "timestamp": "2026-01-01T00:00:00.000Z", "category": "database"}


def record(content: Any = CONTENT, /, *, type_: str = "decision", **metadata: Any) -> tuple[Item, ...]:
    value = {"id": "decision-1", "type": type_, "content": content, "metadata": METADATA | metadata}
    return understand_record(Raw(Position(1), value), "shop").items


def line(**fields: Any) -> Item:
    (item,) = understand_line(Raw(Position(1), fields), "shop").items
    return item


def test_a_record_says_what_why_and_at_what_price() -> None:
    """With its id and date, as a decision of the log does."""
    (item,) = record(importance="high")
    assert item.text == (
        "Use Postgres for orders\n"
        "Rationale: we know it\n"
        "Alternatives considered: Mongo; MySQL\n"
        "Constraints: one host\n"
        "Tradeoffs: no sharding\n"
        "(decision-1, 2026-01-01T00:00:00.000Z)"
    )
    assert item.metadata == {"category": "database", "outcome": "success"}
    assert (item.kind, item.weighty, item.when) == (Kind.DECISION, True, METADATA["timestamp"])


@pytest.mark.parametrize("type_", ["decision", "preference", "problem-solution", "pattern", "workflow", ""])
def test_every_type_of_record_is_a_decision(type_: str) -> None:
    """A record of type pattern too: it names no agent that it could belong to."""
    assert [item.kind for item in record(type_=type_)] == [Kind.DECISION]


def test_a_generalizable_record_is_a_best_practice_as_well() -> None:
    """The best practice is known by the record's id, so that a revision revises both."""
    first, revised = record(is_generalizable=True), record({"what": "Use Postgres 17"}, is_generalizable=True)
    assert [item.kind for item in first] == [Kind.DECISION, Kind.BEST_PRACTICE]
    assert [item.sync_key for item in first] == [item.sync_key for item in revised]


def test_a_local_record_stays_with_its_best_practice() -> None:
    """Both are counted as withheld."""
    kept = record(sharing_scope="local", is_generalizable=True)
    assert [item.withheld for item in kept] == [KEPT_HOME] * 2


def test_a_loose_line_needs_a_summary_or_a_decision_only() -> None:
    """Its kind is its category, when it has none."""
    assert line(summary="Use Postgres for orders").text == "Use Postgres for orders"
    assert line(decision="Use Postgres for orders", kind="database").metadata["category"] == "database"
    assert line(summary="Use Postgres for orders", status="failed").metadata["outcome"] == "failed"


def test_an_id_means_the_same_in_both_files() -> None:
    """With the same moment, however it is spelled."""
    loose = line(id="decision-1", summary="Use Postgres for orders", timestamp="2026-01-01T01:00:00+01:00")
    assert loose.sync_key == record()[0].sync_key


def test_an_id_of_the_decision_log_is_another_one() -> None:
    """The same id and time there is another item."""
    entry = {"id": "decision-1", "title": "Use Postgres for orders", "timestamp": METADATA["timestamp"]}
    (logged,) = decision_log.understand(Raw(Position(part="decisions[0]"), entry), "shop").items
    assert logged.sync_key != record()[0].sync_key
