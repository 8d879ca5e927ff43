"""What a person sees: the headline's three answers, the table, and the lines under it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from mem0_syncd.status.render import duration, footer, headline, print_status, rows
from mem0_syncd.status.snapshot import COUNTS

PROBLEM = {
    "what": "not JSON: [oops]",
    "where": "/p/.claude/x.json: line 3",
    "remedy": "mend [it]",
    "needs_you": True,
}
MENDING = {
    "what": "Mem0 can't be reached",
    "where": "platform x",
    "remedy": "nothing: it is tried again",
    "needs_you": False,
}
MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def counts(**some: int) -> dict[str, int]:
    """Counts that add up."""
    full = {name: some.get(name, 0) for name in COUNTS}
    return {"seen": sum(full.values()), **full}


def shown(state: str = "ok", problems: int = 0, **some: int) -> dict[str, Any]:
    """A snapshot of one project."""
    tally = counts(**some)
    kinds = {"decision": tally} if tally["seen"] else {}
    return {
        "schema": 1,
        "state": state,
        "daemon": {"running": True, "pid": 1, "version": "1", "since": "2026-01-05T00:00:00Z"},
        "destination": {
            "name": "platform",
            "identity": "platform x",
            "guarantee": "exactly-once",
            "state": "ok",
            "reason": "",
            "retry_at": None,
        },
        "projects": [{"id": "shop", "path": "/p", "problems": [], "kinds": kinds}],
        "totals": tally,
        "redacted": 0,
        "redacted_again": 0,
        "last_delivery": "2026-01-05T00:00:00Z",
        "audit": {"last": None, "doubles": 0, "removed": 0},
        "problems": [PROBLEM] * problems,
    }


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("snapshot", "line"),
    [
        (shown(), "Running · nothing seen yet · nothing to do"),
        (
            shown() | {"projects": []},
            "Running · nothing seen yet · watch a project: mem0-syncd project add PATH",
        ),
        (
            shown("stopped") | {"projects": []},
            "Not running · nothing seen yet · watch a project: mem0-syncd project add PATH",
        ),
        (shown(withheld=2), "Running · none of 2 items is for Mem0 · nothing to do"),
        (shown(delivered=7), "Running · all 7 items are in Mem0 · nothing to do"),
        (shown(delivered=5, pending=2), "Running · 5 of 7 items are in Mem0, 2 to go · nothing to do"),
        (
            shown(delivered=1, pending=1, unconfirmed=1, accepted=1, dead=1),
            "Running · 1 of 5 items are in Mem0, 4 to go · nothing to do",
        ),
        (shown(delivered=2, skipped=3, withheld=4), "Running · all 2 items are in Mem0 · nothing to do"),
        (
            shown("degraded", 1, delivered=1, dead=1),
            "Running, with problems · 1 of 2 items are in Mem0, 1 to go · 1 problem needs you, below",
        ),
        (
            shown("degraded", 3, delivered=2),
            "Running, with problems · all 2 items are in Mem0 · 3 problems need you, below",
        ),
        (
            shown("paused", 1, delivered=1, pending=1),
            "Paused · 1 of 2 items are in Mem0, 1 to go · go on with: mem0-syncd resume",
        ),
        (
            shown("stopped", pending=1),
            "Not running · 0 of 1 items are in Mem0, 1 to go · start it: mem0-syncd run",
        ),
        (shown("stopped"), "Not running · nothing seen yet · start it: mem0-syncd run"),
        (
            shown("unresponsive", delivered=1),
            "Running, but it doesn't answer · the one item is in Mem0 · restart it; see: mem0-syncd doctor",
        ),
    ],
)
def test_the_headline_answers_three_questions(snapshot: dict[str, Any], line: str) -> None:
    """Is it running, is everything in Mem0, is there anything to do."""
    assert headline(snapshot) == line


@pytest.mark.parametrize(("count", "said"), [(1, "credentials in 1 item"), (2, "credentials in 2 items")])
def test_what_was_redacted_is_counted(count: int, said: str) -> None:
    """One item is no plural."""
    assert f"redacted       {said}" in list(footer(shown() | {"redacted": count}, MIDNIGHT))


def test_what_mends_itself_needs_nobody() -> None:
    """A problem that is tried again is no reason to do anything, and is shown after those that are."""
    snapshot = shown("degraded", delivered=1, pending=1)
    snapshot["problems"] = [MENDING]
    assert headline(snapshot).endswith("1 to go · nothing to do: it recovers by itself")
    snapshot["problems"] = [MENDING, PROBLEM]
    assert headline(snapshot).endswith("1 problem needs you, below")


def test_who_mends_a_problem_is_not_told_from_its_words() -> None:
    """Whatever a remedy says, what counts is whether it needs a person."""
    snapshot = shown("degraded", delivered=1)
    snapshot["problems"] = [{**PROBLEM, "remedy": "nothing that can wait"}, {**MENDING, "remedy": "wait"}]
    assert headline(snapshot).endswith("1 problem needs you, below")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_duration_has_one_unit(seconds: float, text: str) -> None:
    """The largest of which there are two."""
    assert duration(seconds) == text


def test_the_table_shows_what_there_is() -> None:
    """`delivered` always, of the others those that aren't all zero; a nought is a dot."""
    snapshot = shown(delivered=3, dead=1)
    snapshot["projects"].append(
        {"id": "till", "path": None, "problems": [], "kinds": {"agent_pattern": counts(delivered=2)}}
    )
    snapshot["projects"].append({"id": "new", "path": "/n", "problems": [], "kinds": {}})
    assert list(rows(snapshot)) == [
        ("PROJECT", "KIND", "SEEN", "DELIVERED", "DEAD"),
        ("shop", "decisions", "4", "3", "1"),
        ("till (not watched)", "agent patterns", "2", "2", "·"),
        ("new", "nothing yet", "0", "·", "·"),
    ]


def test_every_kind_has_a_name_for_people() -> None:
    """In the plural."""
    snapshot = shown(pending=1)
    kinds = ("session_summary", "decision", "agent_pattern", "best_practice")
    snapshot["projects"][0]["kinds"] = {kind: counts(pending=1) for kind in kinds}
    named = [row[1] for row in rows(snapshot)][1:]
    assert named == ["session summaries", "decisions", "agent patterns", "best practices"]


def test_the_footer_tells_where_when_and_when_again() -> None:
    """In local time; only what there is to tell."""
    snapshot = shown(delivered=1)
    snapshot["destination"]["retry_at"] = "2026-01-05T00:00:30Z"
    assert list(footer(snapshot, MIDNIGHT + 10)) == [
        "destination    platform x",
        "last delivery  2026-01-05 00:00:00, 10 s ago",
        "next try       2026-01-05 00:00:30, in 20 s",
    ]
    for doubles, found in ((0, "no doubles"), (3, "3 doubles, 2 removed")):
        snapshot["audit"] = {"last": "2026-01-05T00:00:00Z", "doubles": doubles, "removed": 2}
        said = f"last audit     2026-01-05 00:00:00, 10 s ago: {found}"
        assert list(footer(snapshot, MIDNIGHT + 10))[2] == said
    snapshot["destination"] |= {"name": "server", "identity": "server y", "guarantee": "at-least-once"}
    assert next(footer(snapshot, MIDNIGHT)) == "destination    server y (at-least-once)"
    snapshot["destination"] |= {"name": None, "identity": None, "guarantee": None, "retry_at": None}
    snapshot["last_delivery"] = snapshot["audit"]["last"] = None
    assert list(footer(snapshot, MIDNIGHT)) == []


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Aligned columns, problems whole with their places, no colours and no trailing blanks."""
    with time_machine.travel(MIDNIGHT + 150, tick=False):
        print_status(shown("degraded", 1, delivered=123, dead=1))
    out = capsys.readouterr().out
    assert out == (
        "Running, with problems · 123 of 124 items are in Mem0, 1 to go · 1 problem needs you, below\n"
        "\n"
        "PROJECT  KIND       SEEN  DELIVERED  DEAD\n"
        "shop     decisions   124        123     1\n"
        "\n"
        "destination    platform x\n"
        "last delivery  2026-01-05 00:00:00, 2 min ago\n"
        "\n"
        "! not JSON: [oops]\n"
        "  where:  /p/.claude/x.json: line 3\n"
        "  remedy: mend [it]\n"
    )


def test_a_terminal_gets_the_same_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in brackets is no markup."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    print_status(shown("degraded", 1, delivered=123, dead=1))
    out = capsys.readouterr().out
    for words in ("123 of 124 items", "decisions", "not JSON: [oops]", "mend [it]", "platform x"):
        assert words in out


def test_names_in_brackets_are_no_markup_in_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identity may hold any path."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    snapshot = shown(delivered=1)
    snapshot["destination"]["identity"] = f"embedded {os.sep}data [bold]"
    print_status(snapshot)
    assert "[bold]" in capsys.readouterr().out
