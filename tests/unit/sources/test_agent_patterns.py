"""A line of agent-patterns.jsonl is a pattern of its agent."""

from __future__ import annotations

from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.sources.agent_patterns import PATH, SOURCE, understand
from mem0_syncd.sources.base import Raw

TEXT = "Validate input at the boundary"
LINE: dict[str, Any] = {
    "agent": "backend",
    "agent_id": "ork:backend",
    "pattern": TEXT,
    "project": "elsewhere",
    "timestamp": "2026-01-01T00:00:00Z",
    "suggested_user_id": "elsewhere-agents",
    "category": "validation",
    "enable_graph": True,
    "pending_sync": True,
}


def items(**changes: Any) -> tuple[Item, ...]:
    return understand(Raw(Position(4), LINE | changes), "shop").items


def test_a_pattern_has_its_agent_and_its_place() -> None:
    """The project is that of the folder, whatever the line says."""
    (pattern,) = items()
    assert pattern == Item(
        kind=Kind.AGENT_PATTERN,
        project="shop",
        text=TEXT,
        metadata={"category": "validation", "outcome": "success"},
        when="2026-01-01T00:00:00Z",
        agent_id="ork:backend",
        source="agent-patterns",
        path=".claude/logs/agent-patterns.jsonl",
        place=Position(4),
    )


def test_agent_and_text_identify_a_pattern() -> None:
    """Neither the time nor the sync flag does; another agent's same words are another pattern."""
    key = items()[0].sync_key
    assert items(timestamp="2027-02-02", category="other", outcome="failed")[0].sync_key == key
    assert items(pattern=TEXT + " again")[0].sync_key != key
    assert items(agent_id="ork:frontend")[0].sync_key != key


def test_bookkeeping_is_no_revision() -> None:
    """A hook that flips `pending_sync` or rewrites the time changes no content."""
    content = items()[0].content_hash
    assert items(pending_sync=False, timestamp="2027-02-02")[0].content_hash == content
    assert items(outcome="failed")[0].content_hash != content


@pytest.mark.parametrize(
    ("changes", "agent_id"),
    [
        ({"agent_id": None}, "ork:backend"),
        ({"agent_id": "  ", "agent": "ork:backend"}, "ork:backend"),
        ({"agent_id": "backend"}, "ork:backend"),
        ({"agent_id": " ork:\ttest   engineer "}, "ork:test-engineer"),
        ({"agent_id": "ork:", "agent": ""}, None),
        ({"agent_id": ["ork:x"], "agent": {}}, None),
    ],
)
def test_an_agent_id_has_one_form(changes: dict[str, Any], agent_id: str | None) -> None:
    """`ork:{type}` without white space, or none at all."""
    assert items(**changes)[0].agent_id == agent_id


def test_a_generalizable_pattern_is_a_best_practice_as_well() -> None:
    """It belongs to no agent and no project, so the same practice elsewhere is the same item."""
    pattern, practice = items(metadata={"is_generalizable": True})
    assert (pattern.kind, practice.kind) == (Kind.AGENT_PATTERN, Kind.BEST_PRACTICE)
    assert (practice.text, practice.agent_id) == (TEXT, None)
    elsewhere = understand(Raw(Position(1), LINE | {"agent": "x", "generalizable": True}), "other").items[1]
    assert elsewhere.sync_key == practice.sync_key


def test_a_best_practice_is_one_whatever_became_of_its_pattern() -> None:
    """Its outcome is success; the pattern's own is kept with the pattern."""
    pattern, practice = items(generalizable=True, outcome="failed")
    assert (pattern.metadata["outcome"], practice.metadata["outcome"]) == ("failed", "success")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pending_sync": False}, Why.NOT_DUE),
        ({"pattern": "Too short"}, Why.TOO_SHORT),
        ({"sharing_scope": "local", "pending_sync": False}, Why.KEPT_HOME),
    ],
)
def test_a_withheld_pattern_keeps_its_best_practice_back(changes: dict[str, Any], reason: Why) -> None:
    """Both are counted, with the reason."""
    assert [item.withheld for item in items(generalizable=True, **changes)] == [Withheld(reason)] * 2


def test_a_line_without_a_text_is_a_problem_with_place_and_remedy() -> None:
    """It says no item."""
    reading = understand(Raw(Position(4), {"agent": "backend"}), "shop")
    assert reading.items == ()
    assert [(problem.where, bool(problem.remedy)) for problem in reading.problems] == [
        (f"{PATH}: line 4", True)
    ]


def test_the_source_names_its_file() -> None:
    """The name and path are those that others store."""
    assert (SOURCE.name, SOURCE.path) == ("agent-patterns", ".claude/logs/agent-patterns.jsonl")
