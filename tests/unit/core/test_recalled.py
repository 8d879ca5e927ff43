"""What is shown of what a search found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.core.recalled import Wanted, choose, date_of, since_of

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def hit(text: str, user_id: str = "shop-decisions", **metadata: Any) -> dict[str, Any]:
    """A memory that was made at ten."""
    made = "2026-01-05T10:00:00+00:00"
    return {"text": text, "user_id": user_id, "metadata": metadata, "created_at": made, "agent_id": "ork:db"}


A, B = hit("Use Postgres", category="database-schema"), hit("Use CSV", category="api-design")
PRACTICE = hit("Use Postgres", GLOBAL_BEST_PRACTICES)
OLD = hit("Use MySQL", status="Superseded")


@pytest.mark.parametrize(
    ("found", "wanted", "left"),
    [
        ([A, B], Wanted(), [A, B]),
        ([PRACTICE, B, A], Wanted(), [B, A]),
        ([B, PRACTICE, PRACTICE], Wanted(), [B, PRACTICE]),
        ([OLD, A], Wanted(), [A]),
        ([OLD, A], Wanted(superseded=True), [OLD, A]),
        ([hit("Use MySQL", GLOBAL_BEST_PRACTICES), OLD], Wanted(), []),
        ([A, B], Wanted(category="API-design"), [B]),
        ([A, B], Wanted(agent="db"), [A, B]),
        ([A, B], Wanted(agent="ork:backend"), []),
        ([A], Wanted(since=NOW), [A]),
        ([A], Wanted(since=datetime(2026, 1, 6, tzinfo=UTC)), []),
    ],
)
def test_what_is_wanted_is_left(found: list[Any], wanted: Wanted, left: list[Any]) -> None:
    """In the order of the search, and each text once."""
    assert choose(iter(found), wanted) == left


def test_the_date_is_of_the_decision_where_that_is_known() -> None:
    """Else of the memory; what is no date is none."""
    said = date_of(hit("x", timestamp="2025-12-24T08:00:00Z"))
    assert said == datetime(2025, 12, 24, 8, tzinfo=UTC)
    assert date_of(hit("x", timestamp="lately")) == NOW
    assert date_of({"metadata": None, "created_at": ""}) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-01-04", datetime(2026, 1, 4, tzinfo=UTC)),
        ("1d", datetime(2026, 1, 4, 10, tzinfo=UTC)),
        ("34h", datetime(2026, 1, 4, tzinfo=UTC)),
        ("1w", datetime(2025, 12, 29, 10, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("d", None),
        ("9" * 9 + "d", None),
    ],
)
def test_a_time_ago_can_be_meant(said: str, meant: datetime | None) -> None:
    """By its unit."""
    assert since_of(said, NOW) == meant
