"""A session's summary says what it was about, what blocks it and what comes next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.sources.session_summary import BLOCKERS_PATH, STATE_PATH, summarise

STATE = {"current_task": "Ship the courier", "next_steps": ["Write docs", "Tag"], "session_id": "s1"}


def state(**changes: Any) -> bytes:
    return json.dumps(STATE | changes).encode()


def lines(*entries: Any) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def summary(state_: bytes | None, blockers: bytes | None = None, **known: Any) -> Item:
    (item,) = summarise(state_, blockers, project="shop", **known).items
    return item


def test_a_summary_says_task_blockers_next_steps_and_counts() -> None:
    """One line each, and only those that there are."""
    item = summary(state(), lines({"description": "No key"}), decisions=2, patterns=1)
    assert item == Item(
        kind=Kind.SESSION_SUMMARY,
        project="shop",
        text=(
            "Session Summary: Ship the courier\n"
            "Blockers: No key\n"
            "Next steps: Write docs; Tag\n"
            "Decisions made: 2\n"
            "Patterns learned: 1"
        ),
        metadata={
            "type": "session_summary",
            "status": "blocked",
            "has_blockers": True,
            "has_next_steps": True,
        },
        source_id="s1",
        source="session",
        path=STATE_PATH,
    )
    assert summary(state(next_steps=[])).text == "Session Summary: Ship the courier"


def test_a_later_summary_of_a_session_revises_the_earlier_one() -> None:
    """Its text and the time of its last activity don't make it another item."""
    early, late = summary(state(last_activity="2026-01-01")), summary(state(current_task="Mend it"))
    assert early.sync_key == late.sync_key
    assert early.content_hash != late.content_hash


def test_the_hook_knows_the_session_best() -> None:
    """Its id wins over the file's."""
    assert summary(state(), session_id="s2").source_id == "s2"
    assert summary(state(), session_id=" ").source_id == "s1"
    assert summary(state(session_id=None)).source_id is None


@pytest.mark.parametrize(
    ("changes", "blockers", "status"),
    [
        ({}, None, "in_progress"),
        ({"next_steps": None}, None, "completed"),
        ({}, lines({"description": "No key"}), "blocked"),
        ({"status": "paused"}, lines({"description": "No key"}), "paused"),
    ],
)
def test_the_status_is_the_files_or_follows(
    changes: dict[str, Any], blockers: bytes | None, status: str
) -> None:
    """Blocked, else in progress, else completed."""
    assert summary(state(**changes), blockers).metadata["status"] == status


def test_the_last_five_open_blockers_count() -> None:
    """A blocker that a later line resolves is open no more, and one that is repeated is one."""
    item = summary(
        None,
        lines(
            *({"description": f"Blocker {n}"} for n in range(8)),
            {"description": "Blocker 7", "resolved": True},
            {"description": "Blocker 6", "resolved": False},
        ),
    )
    assert "Blockers: Blocker 2; Blocker 3; Blocker 4; Blocker 5; Blocker 6" in item.text


@pytest.mark.parametrize(("data", "blockers"), [(None, None), (b"{}", b""), (b'{"agent_type": "x"}', None)])
def test_a_session_with_nothing_to_say_has_no_summary(data: bytes | None, blockers: bytes | None) -> None:
    """Nor is that a problem."""
    reading = summarise(data, blockers, project="shop", session_id="s1")
    assert (reading.items, reading.problems) == ((), ())


def test_counts_alone_are_something_to_say() -> None:
    """A session that decided something had a point, even if nobody named it."""
    assert summary(None, session_id="s1", decisions=1).text == (
        "Session Summary: no task named\nDecisions made: 1"
    )


def test_one_file_that_is_broken_costs_the_other_nothing() -> None:
    """What is wrong with it is reported, with its place."""
    reading = summarise(b"{oops", lines({"description": "No key"}), project="shop")
    assert "No key" in reading.items[0].text
    assert [problem.where for problem in reading.problems] == [f"{STATE_PATH}: line 1, column 2"]
    reading = summarise(state(), b"oops\n\xff\n", project="shop")
    assert "Ship the courier" in reading.items[0].text
    assert [problem.where for problem in reading.problems] == [
        f"{BLOCKERS_PATH}: line 1",
        f"{BLOCKERS_PATH}: line 2",
    ]
