"""The snapshot: the JSON contract of the design, true with a daemon and without."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.control.server import ControlServer
from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.enqueue_plan import Skip, Withhold
from mem0_syncd.core.entry import Entry
from mem0_syncd.core.item import Kind
from mem0_syncd.core.settlement import Await, Bury, Doubt, Receipt, Settlement
from mem0_syncd.core.withheld import KEPT_HOME
from mem0_syncd.errors import Problem
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.status import snapshot as status
from mem0_syncd.status.snapshot import COUNTS, snapshot
from mem0_syncd.system.state_folder import StateFolder
from support.builders import NOW, item, prepared

NAMES = {"seen", "delivered", "pending", "unconfirmed", "accepted", "dead", "skipped", "withheld"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """An empty state folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@contextmanager
def outbox_of(state: Path) -> Iterator[Outbox]:
    """The outbox of a state folder, with a destination in use."""
    outbox = Outbox.open(state)
    try:
        outbox.destinations.use("platform", "https://mem0.example.org")
        yield outbox
    finally:
        outbox.close()


@contextmanager
def daemon(state: Path) -> Iterator[None]:
    """A daemon, as far as `status` can tell."""
    server = ControlServer(state / "s.sock", state, {"ping": lambda request: {"pid": 1}})
    server.start()
    try:
        yield
    finally:
        server.stop()


def fill(outbox: Outbox) -> None:
    """One item of each count, and two that are pending, one of which is being sent."""
    destination = outbox.destinations.get().id
    items = [item(source_id=f"DEC-{number}") for number in range(8)]
    kept, foreign, *due = items
    changes = [prepared(Withhold(kept, KEPT_HOME)), prepared(Skip(foreign)), *map(prepared, due)]
    outbox.items.apply(destination, changes, NOW)
    look = outbox.first_contacts.begin_look(destination, "shop-decisions")
    outbox.first_contacts.write_contact(destination, "shop-decisions", [], NOW, number=look)
    delivered, unconfirmed, accepted, dead, _sending = outbox.queue.claim(destination, NOW, 5, major=False)
    settled: list[tuple[Entry, Settlement]] = [
        (delivered.entry, Receipt(("m-1",))),
        (unconfirmed.entry, Doubt(NOW + 5, NOW + 90)),
        (accepted.entry, Await("e-1", NOW + 5)),
        (dead.entry, Bury("Mem0 refused it (422)")),
    ]
    outbox.queue.settle(destination, settled, NOW)


def check_contract(shown: dict[str, Any]) -> None:
    """What version 1 promises of every snapshot."""
    assert json.loads(json.dumps(shown)) == shown
    assert set(shown) == {
        "schema", "state", "daemon", "destination", "projects", "totals", "redacted", "redacted_again",
        "last_delivery", "audit", "problems",
    }  # fmt: skip
    assert shown["schema"] == 1
    assert shown["state"] in {"ok", "degraded", "paused", "stopped", "unresponsive"}
    assert set(shown["daemon"]) == {"running", "pid", "version", "since"}
    assert set(shown["destination"]) == {
        "name",
        "identity",
        "guarantee",
        "state",
        "reason",
        "retry_at",
    }
    assert shown["destination"]["state"] in {"ok", "held", "unreachable"}
    every = [shown["totals"]]
    for project in shown["projects"]:
        assert set(project) == {
            *("id", "path", "worktrees", "destination", "guarantee"),
            *("consent", "early_marks", "problems", "kinds"),
        }
        assert set(project["kinds"]) <= {kind.value for kind in Kind}
        every += project["kinds"].values()
    for counts in every:
        assert set(counts) == NAMES
        assert counts["seen"] == sum(n for name, n in counts.items() if name != "seen")
        assert all(n >= 0 for n in counts.values())
    for name in NAMES:
        assert shown["totals"][name] == sum(counts[name] for counts in every[1:])
    for problem in shown["problems"]:
        assert set(problem) == {"what", "where", "remedy", "needs_you"}
    for moment in (shown["last_delivery"], shown["destination"]["retry_at"]):
        assert moment is None or datetime.fromisoformat(moment).tzinfo


def test_the_counts_are_those_of_the_contract() -> None:
    """And `seen`, which is their sum."""
    assert {"seen", *COUNTS} == NAMES
    assert "seen" not in COUNTS


@pytest.mark.parametrize("exists", [True, False])
def test_before_the_first_start_there_is_nothing(tmp_path: Path, *, exists: bool) -> None:
    """And looking makes nothing."""
    folder = tmp_path / "state"
    if exists:
        folder.mkdir()
    shown = snapshot(folder, time.time())
    check_contract(shown)
    assert shown["state"] == "stopped"
    assert shown["daemon"] == {"running": False, "pid": None, "version": None, "since": None}
    assert (shown["totals"]["seen"], shown["projects"], shown["problems"]) == (0, [], [])
    assert list(tmp_path.rglob("*")) == ([folder] if exists else [])


def test_every_count_is_shown_and_they_add_up(state: Path, project: Path) -> None:
    """What is being sent is pending."""
    with outbox_of(state) as outbox:
        outbox.projects.add(ProjectRow("shop", project))
        fill(outbox)
    shown = snapshot(state, time.time())
    check_contract(shown)
    assert shown["totals"] == {
        "seen": 8, "delivered": 1, "pending": 2, "unconfirmed": 1, "accepted": 1, "dead": 1, "skipped": 1,
        "withheld": 1,
    }  # fmt: skip
    assert shown["projects"] == [
        {
            "id": "shop",
            "path": str(project),
            "worktrees": [],
            "destination": "platform https://mem0.example.org",
            "guarantee": "exactly-once",
            "consent": None,
            "early_marks": [],
            "problems": [],
            "kinds": {"decision": shown["totals"]},
        }
    ]
    assert shown["last_delivery"] == "2026-01-05T00:00:00Z"


def test_the_snapshot_is_true_while_the_outbox_is_written(state: Path) -> None:
    """It reads beside the daemon."""
    with outbox_of(state) as outbox:
        fill(outbox)
        check_contract(snapshot(state, time.time()))
        assert snapshot(state, time.time())["totals"]["seen"] == 8


def test_kinds_and_projects_are_told_apart(state: Path, project: Path) -> None:
    """Also a project that is watched no more, and one that has nothing yet."""
    with outbox_of(state) as outbox:
        destination = outbox.destinations.get().id
        outbox.projects.add(ProjectRow("new", project))
        practice = item(kind=Kind.BEST_PRACTICE, project="till")
        several = [item(), item(source_id="DEC-2"), item(project="till"), practice]
        outbox.items.apply(destination, map(prepared, several), NOW)
    shown = snapshot(state, time.time())
    check_contract(shown)
    seen = {
        project["id"]: {kind: counts["seen"] for kind, counts in project["kinds"].items()}
        for project in shown["projects"]
    }
    assert seen == {"new": {}, "shop": {"decision": 2}, "till": {"decision": 1, "best_practice": 1}}
    assert [project["path"] for project in shown["projects"]] == [str(project), None, None]


def test_only_the_destination_in_use_counts(state: Path) -> None:
    """Moving back shows the former counts."""
    with outbox_of(state) as outbox:
        fill(outbox)
        outbox.destinations.use("embedded", "/somewhere")
        assert snapshot(state, time.time())["totals"]["seen"] == 0
        assert snapshot(state, time.time())["last_delivery"] is None
        outbox.destinations.use("platform", "https://mem0.example.org")
    assert snapshot(state, time.time())["totals"]["seen"] == 8


# The state -------------------------------------------------------------------------------------------------


def test_a_daemon_that_answers_is_running(state: Path) -> None:
    """With what it said of itself."""
    with outbox_of(state) as outbox:
        for name, value in (("pid", "77"), ("version", "9.9"), ("since", "2026-01-05T00:00:00Z")):
            outbox.facts.set(name, value)
    with daemon(state):
        shown = snapshot(state, time.time())
    check_contract(shown)
    assert shown["state"] == "ok"
    assert shown["daemon"] == {"running": True, "pid": 77, "version": "9.9", "since": "2026-01-05T00:00:00Z"}


def test_a_dead_daemon_is_stopped_whatever_it_left(state: Path) -> None:
    """Its process id may be another's by now."""
    with outbox_of(state) as outbox:
        outbox.facts.set("pid", "77")
        outbox.facts.set("paused", "yes")
    with daemon(state):
        pass
    shown = snapshot(state, time.time())
    assert shown["state"] == "stopped"
    assert shown["daemon"] == {"running": False, "pid": None, "version": None, "since": None}


def test_a_daemon_that_hangs_is_unresponsive(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts are true all the same."""
    monkeypatch.setattr(status, "PING_SECONDS", 0.1)
    with outbox_of(state) as outbox:
        outbox.facts.set("pid", "77")
        fill(outbox)
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(state / "s.sock"))
        listener.listen()
        StateFolder(state).socket_address.write_text(str(state / "s.sock"))
        shown = snapshot(state, time.time())
    check_contract(shown)
    assert (shown["state"], shown["daemon"]["running"], shown["daemon"]["pid"]) == ("unresponsive", True, 77)
    assert shown["totals"]["seen"] == 8


def test_a_paused_daemon_is_paused_with_problems_too(state: Path) -> None:
    """The person's wish comes first."""
    with outbox_of(state) as outbox:
        outbox.facts.set("paused", "yes")
        fill(outbox)
    with daemon(state):
        assert snapshot(state, time.time())["state"] == "paused"


# Problems --------------------------------------------------------------------------------------------------


def test_a_reported_problem_degrades(state: Path, project: Path) -> None:
    """It is told at the top and at its project, with its whole path."""
    with outbox_of(state) as outbox:
        outbox.projects.add(ProjectRow("shop", project))
        outbox.problems.replace("shop", "scan", [Problem("not JSON", ".claude/x.json: line 3", "mend it")])
        outbox.problems.replace("", "watcher", [Problem("no watches left", "/proc", "raise it")])
    with daemon(state):
        shown = snapshot(state, time.time())
    check_contract(shown)
    of_the_log = Problem("not JSON", f"{project}/.claude/x.json: line 3", "mend it").as_dict()
    assert shown["state"] == "degraded"
    assert shown["projects"][0]["problems"] == [of_the_log]
    assert shown["problems"] == [
        Problem("no watches left", "/proc", "raise it").as_dict(),
        of_the_log,
    ]


@pytest.mark.parametrize("reach", [Reach.HELD, Reach.UNREACHABLE])
def test_a_destination_that_takes_nothing_degrades(state: Path, reach: Reach) -> None:
    """With why, what to do, and when it is tried again."""
    standing = Health(reach, "the key is wrong", "check it" if reach is Reach.HELD else "", NOW + 5)
    with outbox_of(state) as outbox:
        outbox.destinations.set_standing(outbox.destinations.get().id, standing)
    with daemon(state):
        shown = snapshot(state, time.time())
    check_contract(shown)
    assert shown["state"] == "degraded"
    assert shown["destination"] == {
        "name": "platform",
        "identity": "platform https://mem0.example.org",
        "guarantee": "exactly-once",
        "state": reach.value,
        "reason": "the key is wrong",
        "retry_at": "2026-01-05T00:00:05Z",
    }
    (problem,) = shown["problems"]
    assert problem["what"] == "the key is wrong"
    assert problem["remedy"]
    assert problem["needs_you"] is (reach is Reach.HELD)


@pytest.mark.parametrize("runs", [False, True])
def test_a_damaged_outbox_needs_you_where_no_daemon_makes_it_anew(state: Path, *, runs: bool) -> None:
    """The words of its remedy are the same for both."""
    (state / "outbox.sqlite3").write_bytes(b"this is no database" * 1000)
    with daemon(state) if runs else nullcontext():
        shown = snapshot(state, time.time())
    (problem,) = shown["problems"]
    assert "damaged" in problem["what"] or "no outbox" in problem["what"]
    assert problem["needs_you"] is not runs


def test_a_daemon_of_an_earlier_version_tells_in_words_who_mends_a_problem(state: Path) -> None:
    """Its problems say no more, and are understood all the same."""
    said = [
        {"what": "it waits", "where": "/s", "remedy": "nothing: wait for it"},
        {"what": "the disk is full", "where": "/s", "remedy": "free some space there"},
    ]
    server = ControlServer(state / "s.sock", state, {"ping": lambda _: {"pid": 1, "problems": said}})
    server.start()
    try:
        shown = snapshot(state, time.time())
    finally:
        server.stop()
    assert [it["needs_you"] for it in shown["problems"]] == [False, True]


def test_a_dead_letter_is_a_problem_with_its_reason(state: Path) -> None:
    """And the command that helps."""
    with outbox_of(state) as outbox:
        fill(outbox)
    with daemon(state):
        shown = snapshot(state, time.time())
    (problem,) = shown["problems"]
    assert shown["state"] == "degraded"
    assert "422" in problem["what"]
    assert "shop" in problem["where"]
    assert "mem0-syncd dead show" in problem["remedy"]


def test_a_backlog_is_no_problem(state: Path) -> None:
    """Nothing is to be done about it."""
    with outbox_of(state) as outbox:
        outbox.items.apply(outbox.destinations.get().id, [prepared(item())], NOW)
    with daemon(state):
        assert snapshot(state, time.time())["state"] == "ok"


def test_the_status_imports_nothing_that_takes_long() -> None:
    """What a prompt or a script asks again and again mustn't take as long as a start of the daemon."""
    code = "import sys; from mem0_syncd.status import render, snapshot; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in run.stdout.split()}
    assert "mem0_syncd" in imported
    assert not imported & {"structlog", "pydantic", "rich", "apscheduler", "watchdog", "asyncio", "ssl"}
