"""A line of mem0-queue.jsonl goes to the scope that it names, if that is this project's."""

from __future__ import annotations

from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.sources.base import Raw, Reading
from mem0_syncd.sources.memory_queue import PATH, understand

TEXT = "decision: use Postgres because we know it"


def reading(
    scope: str = "shop-decisions", /, *, line: dict[str, Any] | None = None, **metadata: Any
) -> Reading:
    value = {"text": TEXT, "user_id": scope, "metadata": metadata, "queued_at": "2026-03-01T00:00:00Z"}
    return understand(Raw(Position(1), value | (line or {})), "shop")


def memory(scope: str = "shop-decisions", /, **metadata: Any) -> Item:
    (item,) = reading(scope, **metadata).items
    return item


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        ("shop-decisions", Kind.DECISION),
        ("shop-agents", Kind.AGENT_PATTERN),
        ("shop-continuity", Kind.SESSION_SUMMARY),
        ("orchestkit-global-best-practices", Kind.BEST_PRACTICE),
        ("orchestkit-global-testing", Kind.BEST_PRACTICE),
    ],
)
def test_the_scope_tells_the_kind(scope: str, kind: Kind) -> None:
    """Each of the four scopes is a kind, and every global one is a best practice."""
    assert (memory(scope).kind, memory(scope).withheld) == (kind, None)


@pytest.mark.parametrize(
    "scope", ["other-decisions", "me@example.com-decisions", "shop", "", "orchestkit-global"]
)
def test_a_foreign_scope_is_reported_and_withheld(scope: str) -> None:
    """The item is counted, never sent, and the problem says where and what to do."""
    said = reading(scope, is_generalizable=True)
    assert {item.withheld for item in said.items} == {Withheld(Why.FOREIGN_SCOPE, f"user_id {scope!r}")}
    (problem,) = said.problems
    assert problem.where == f"{PATH}: line 1"
    assert "project add --id" in problem.remedy


def test_only_what_the_kind_may_say_is_passed_on() -> None:
    """Neither people nor machines nor anything unknown."""
    extra = {"contributor_id": "me@example.com", "machine_id": "m", "entities": ["x"], "confidence": 0.9}
    said = {**extra, "category": "database", "status": "accepted", "type": "decision"}
    assert memory(**said).metadata == {"category": "database", "status": "accepted", "outcome": "success"}
    assert memory("shop-agents", **said).metadata == {"category": "database", "outcome": "success"}
    assert memory("orchestkit-global-x", **said).metadata == {"category": "database", "outcome": "success"}
    assert memory("shop-continuity", **said).metadata == {"type": "session_summary", "status": "accepted"}


def test_the_agent_comes_from_the_metadata_and_only_for_patterns() -> None:
    """A decision that names an agent is still the project's."""
    assert memory("shop-agents", agent="backend").agent_id == "ork:backend"
    assert memory("shop-decisions", agent="backend").agent_id is None


def test_without_an_id_scope_and_text_identify_a_memory() -> None:
    """The times at which it was made and queued don't."""
    assert memory(timestamp="2026-01-01").sync_key == memory(timestamp="2026-01-02").sync_key
    assert memory().sync_key != memory("shop-continuity").sync_key


def test_a_decision_with_an_id_is_known_by_it() -> None:
    """The id makes it one with the record of that id."""
    (item,) = reading(line={"id": "decision-1"}, timestamp="2026-01-01").items
    assert (item.source_id, item.text) == ("record:decision-1", f"{TEXT}\n(decision-1, 2026-01-01)")


def test_a_marked_decision_is_a_best_practice_as_well() -> None:
    """A best practice that is marked is so only once."""
    assert [item.kind for item in reading(is_generalizable=True).items] == [Kind.DECISION, Kind.BEST_PRACTICE]
    assert len(reading("orchestkit-global-x", is_generalizable=True).items) == 1


def test_importance_gives_weight() -> None:
    """A decision that is important goes ahead of the backlog."""
    assert (memory(importance="high").weighty, memory(importance="low").weighty) == (True, False)


@pytest.mark.parametrize("scope", ["shop-agents", "shop-continuity"])
def test_an_id_means_nothing_where_the_text_identifies(scope: str) -> None:
    """A pattern or a summary keeps its text as it is, and has no id."""
    assert (memory(scope, id="x").source_id, memory(scope, id="x").text) == (None, TEXT)
