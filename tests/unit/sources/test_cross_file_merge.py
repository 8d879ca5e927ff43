"""Of the entries that are one item, the source of record's stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.core.withheld import KEPT_HOME
from mem0_syncd.sources import agent_patterns, decision_records, memory_queue
from mem0_syncd.sources.base import Raw
from mem0_syncd.sources.cross_file_merge import echo_of, merge

WHEN = "2026-01-01T00:00:00.000Z"


def record(id_: str = "decision-1", why: str | None = "we know it", **metadata: Any) -> tuple[Item, ...]:
    """A record as its writer appends it."""
    content = {"what": "Use Postgres for orders"} | ({"why": why} if why else {})
    stamped = {"timestamp": WHEN, "category": "database"} | metadata
    value = {"id": id_, "type": "decision", "content": content, "metadata": stamped}
    return decision_records.understand_record(Raw(Position(1), value), "shop").items


def queued(
    text: str = "decision: Use Postgres for orders because we know it",
    scope: str = "shop-decisions",
    **metadata: Any,
) -> tuple[Item, ...]:
    """The line that the same writer appends to the queue."""
    stamped = {"timestamp": WHEN, "category": "database"} | metadata
    return memory_queue.understand(
        Raw(Position(1), {"text": text, "user_id": scope, "metadata": stamped}), "shop"
    ).items


def pattern(**changes: Any) -> Item:
    """A pattern of one agent."""
    value = {"agent": "backend", "pattern": "Retry with full jitter"} | changes
    return agent_patterns.understand(Raw(Position(1), value), "shop").items[0]


def test_a_record_and_its_queued_line_are_one_item() -> None:
    """It is the record's, whatever the order in which the two are read."""
    assert merge([*record(), *queued()]) == [*record()]
    assert merge([*queued(), *record()]) == [*record()]


def test_a_record_without_a_why_is_one_with_its_line() -> None:
    """That line then has no because."""
    assert merge([*record(why=None), *queued("decision: Use Postgres for orders")]) == [*record(why=None)]


@pytest.mark.parametrize("when", ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01"])
def test_one_moment_has_many_spellings(when: str) -> None:
    """The line's time is the record's if it names the same instant."""
    assert merge([*record(), *queued(timestamp=when)]) == [*record()]


@pytest.mark.parametrize(
    "other",
    [
        queued("decision: Use Postgres for orders"),
        queued(timestamp="2026-01-02T00:00:00.000Z"),
        queued(category="testing"),
    ],
)
def test_another_text_time_or_category_is_another_item(other: tuple[Item, ...]) -> None:
    """Only all three together make an echo."""
    assert merge([*record(), *other]) == [*record(), *other]


def test_an_echo_that_was_queued_for_all_projects_is_the_record_too() -> None:
    """The record says itself whether it is a best practice."""
    echo = queued(scope="orchestkit-global-best-practices")
    assert merge([*record(), *echo]) == [*record()]
    assert merge([*record(is_generalizable=True), *echo]) == [*record(is_generalizable=True)]


@pytest.mark.parametrize("scope", ["shop-decisions", "orchestkit-global-best-practices"])
def test_the_echo_of_a_local_record_stays_on_the_machine(scope: str) -> None:
    """The queue doesn't know that it must."""
    (item,) = merge([*record(sharing_scope="local"), *queued(scope=scope)])
    assert item.withheld == KEPT_HOME


def test_an_echo_of_a_record_that_was_read_before_is_no_item() -> None:
    """Its file may be gone, or its text revised, since."""
    (item,) = record()
    assert merge(queued(), {item.echo or ""}) == []
    revised = record(why="we know it well")
    assert merge([*revised, *queued()], {item.echo or ""}) == [*revised]


def test_known_echoes_cost_no_record() -> None:
    """Only the queue has echoes."""
    (item,) = record()
    assert merge([item], {item.echo or ""}) == [item]


def test_two_records_of_one_wording_stay_two() -> None:
    """Their ids differ, so they are two decisions with one echo."""
    both = [*record("decision-1"), *record("decision-2")]
    assert merge([*both, *queued()]) == both


def test_where_ids_meet_the_earlier_file_speaks() -> None:
    """The loose log neither doubles nor revises a record."""
    value = {"id": "decision-1", "summary": "Use Mongo for orders", "timestamp": WHEN}
    loose = decision_records.understand_line(Raw(Position(1), value), "shop").items
    assert merge([*record(), *loose]) == [*record()]


def test_what_one_file_says_must_stay_stays_whoever_else_says_it() -> None:
    """A later file's word for it is enough."""
    value = {"id": "decision-1", "summary": "Use Postgres", "timestamp": WHEN, "sharing_scope": "local"}
    loose = decision_records.understand_line(Raw(Position(1), value), "shop").items
    (item,) = merge([*record(), *loose])
    assert (item.source, item.withheld) == ("decision-records", KEPT_HOME)


def test_the_last_of_equal_entries_counts() -> None:
    """An appended line revises the one before it."""
    (item,) = merge([pattern(), pattern(outcome="failed")])
    assert item.metadata["outcome"] == "failed"


def test_an_entry_that_is_due_beats_one_that_is_not() -> None:
    """In any order, in one file or in two."""
    due, flipped = pattern(), pattern(pending_sync=False)
    assert merge([due, flipped]) == merge([flipped, due]) == [due]
    (again,) = queued("Retry with full jitter", "shop-agents", agent="backend")
    assert merge([flipped, again]) == [again]


def test_twins_are_left_for_the_plan_to_part() -> None:
    """Entries of one file with one id and time but other texts are all there."""
    twins = [*record(), *record(why="another why")]
    assert merge(twins) == twins
    assert twins[0].sync_key == twins[1].sync_key


def test_an_echo_is_no_part_of_identity_or_content() -> None:
    """So neither key nor hash moves with it."""
    (item,) = record()
    other = replace(item, echo=None)
    assert (other.sync_key, other.content_hash) == (item.sync_key, item.content_hash)


def test_white_space_makes_no_other_echo() -> None:
    """Trimming on one side and not on the other is no difference."""
    assert echo_of("a:  b\n because c ", WHEN, "x") == echo_of("a: b because c", WHEN, "x")


def test_merging_merged_items_changes_nothing() -> None:
    """What stands, stands."""
    items = merge([*record(is_generalizable=True), *queued(), pattern(), pattern(pending_sync=False)])
    assert merge(items) == items
    assert {item.kind for item in items} == {Kind.DECISION, Kind.BEST_PRACTICE, Kind.AGENT_PATTERN}
