"""The sync-state file, which others read and write: it tells the truth, and nobody's marks are lost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.projects.sync_state_file import PATH
from mem0_syncd.sources.decision_log import PATH as LOG
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, replace, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform

MARKED, REFUSED, SKIPPED, DROPPED, RACED, BROKEN, SOURCE = (
    "marked",
    "refused",
    "skipped",
    "dropped",
    "raced",
    "broken",
    "source",
)


def dec(number: int) -> str:
    """The id of a case."""
    return f"DEC-20260105-{number:04}"


class Desk:
    """One daemon with a project for each test, and the Mem0 they go to."""

    def __init__(self, folder: Path, mem0: Mem0Platform) -> None:
        self.folder, self.mem0 = folder, mem0
        projects = [folder / name for name in (MARKED, REFUSED, SKIPPED, DROPPED, RACED, BROKEN, SOURCE)]
        for project in projects:
            (project / LOG).parent.mkdir(parents=True)
        self.daemon = Daemon(folder, projects, **platform_settings(mem0.url))

    def state(self, project: str) -> dict[str, Any]:
        """What a project's file says; nothing where there is none."""
        path = self.folder / project / PATH
        document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return document

    def ours(self, project: str) -> list[str]:
        """The ids that mem0-syncd says it marked for the destination in use."""
        ids: list[str] = self.state(project).get("mem0_syncd", {}).get(self.identity, [])
        return ids

    @property
    def identity(self) -> str:
        """The destination in use."""
        return str(self.daemon.status()["destination"]["identity"])

    def arrived(self, project: str) -> list[int]:
        """The cases of a project that are in Mem0."""
        return cases(self.mem0.texts(f"{project}-decisions").elements())

    def counts(self, project: str) -> dict[str, int]:
        """How many decisions of a project count as what."""
        (shown,) = [it for it in self.daemon.status()["projects"] if it["id"] == project]
        counts: dict[str, int] = shown["kinds"].get("decision", {})
        return counts

    def problems(self, project: str) -> list[dict[str, str]]:
        """What is wrong with a project."""
        (shown,) = [it for it in self.daemon.status()["projects"] if it["id"] == project]
        problems: list[dict[str, str]] = shown["problems"]
        return problems


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A daemon with a project for each test."""
    with Mem0Platform() as mem0:
        desk = Desk(tmp_path_factory.mktemp("desk"), mem0)
        with running(desk.daemon):
            yield desk


def write_state(project: Path, *marked: str, **more: Any) -> Path:
    """Write the file as the shell script does."""
    document = {"version": "1.0", "last_sync": None, "synced_decisions": sorted(marked), "pending_count": 0}
    return replace(project / PATH, json.dumps({**document, **more}).encode())


def test_a_delivered_decision_is_marked(desk: Desk) -> None:
    """Its id is among the synced ones and among ours; what others keep in the file stays."""
    write_state(desk.folder / MARKED, "DEC-OTHER", last_sync="2020-01-01T00:00:00Z", owner={"name": "jq"})
    write_log(desk.folder / MARKED, [decision(1), decision(2)])
    wait_until(lambda: desk.ours(MARKED) == [dec(1), dec(2)], "our marks")
    said = desk.state(MARKED)
    assert said["synced_decisions"] == [dec(1), dec(2), "DEC-OTHER"]
    assert said["pending_count"] == 0
    assert said["last_sync"] > "2026-01-01"
    assert said["last_sync"].endswith("Z")
    assert said["version"] == "1.0"
    assert said["owner"] == {"name": "jq"}


def test_an_undelivered_decision_is_counted_and_not_marked(desk: Desk) -> None:
    """The file's count of what is pending is true: a decision that Mem0 refused isn't synced."""
    with desk.mem0.hold("add", where=says("case 12")) as held:
        desk.mem0.fail("add", answer(400, {"error": "no"}), where=says("case 13"))
        write_log(desk.folder / REFUSED, [decision(11), decision(12), decision(13)])
        wait_until(lambda: desk.ours(REFUSED) == [dec(11)], "the mark of the first")
        wait_until(lambda: desk.state(REFUSED)["pending_count"] == 2, "two pending")
        assert held.arrived.is_set()
    wait_until(lambda: desk.ours(REFUSED) == [dec(11), dec(12)], "the mark of the second")
    assert desk.state(REFUSED)["pending_count"] == 1
    assert desk.state(REFUSED)["synced_decisions"] == [dec(11), dec(12)]


def test_what_another_program_marked_is_not_sent(desk: Desk) -> None:
    """It is counted as skipped, its neighbours arrive, and it is sent when its mark is taken away."""
    write_state(desk.folder / SKIPPED, dec(2))
    write_log(desk.folder / SKIPPED, [decision(1), decision(2), decision(3)])
    wait_until(lambda: desk.ours(SKIPPED) == [dec(1), dec(3)], "our marks")
    assert desk.arrived(SKIPPED) == [1, 3]
    counts = desk.counts(SKIPPED)
    assert (counts["seen"], counts["delivered"], counts["skipped"]) == (3, 2, 1)
    said = desk.state(SKIPPED)
    assert said["synced_decisions"] == [dec(1), dec(2), dec(3)]
    assert said["pending_count"] == 0

    write_state(desk.folder / SKIPPED, dec(1), dec(3), mem0_syncd=said["mem0_syncd"])
    wait_until(lambda: desk.arrived(SKIPPED) == [1, 2, 3], "what is no longer marked")


def test_a_mark_of_ours_that_another_writer_dropped_is_put_back(desk: Desk) -> None:
    """A writer that overwrites the file with what it read earlier can't make us forget, nor send again."""
    project = desk.folder / DROPPED
    write_log(project, [decision(1), decision(2)])
    wait_until(lambda: desk.ours(DROPPED) == [dec(1), dec(2)], "our marks")
    write_state(project, "DEC-THEIRS")
    wait_until(lambda: desk.ours(DROPPED) == [dec(1), dec(2)], "our marks again")
    assert desk.state(DROPPED)["synced_decisions"] == [dec(1), dec(2), "DEC-THEIRS"]
    write_state(project, dec(1), dec(2))  # it copied our marks, and not whose they are
    wait_until(lambda: desk.ours(DROPPED) == [dec(1), dec(2)], "our marks once more")
    (project / PATH).unlink()
    write_log(project, [decision(1), decision(2)])
    wait_until(lambda: desk.ours(DROPPED) == [dec(1), dec(2)], "our marks in a new file")
    assert desk.arrived(DROPPED) == [1, 2]
    assert desk.counts(DROPPED)["delivered"] == 2


def test_a_racing_writer_and_we_keep_each_others_marks(desk: Desk) -> None:
    """It reads, edits and renames some hundred times, as jq does, while 50 decisions are delivered.

    What it had renamed into place before we wrote stays: the gap that is left is a rename wide.
    """
    project, expected = desk.folder / RACED, [dec(number) for number in range(100, 150)]
    write_state(project)
    desk.mem0.latency_seconds = 0.2  # so that many marks are written meanwhile
    write_log(project, [decision(number) for number in range(100, 150)])
    theirs: set[str] = set()
    while len(theirs) < 200 or len(desk.arrived(RACED)) < 50:
        assert len(theirs) < 5000, "not all was delivered"
        theirs.add(f"THEIRS-{len(theirs):04}")
        document = desk.state(RACED)
        document["synced_decisions"] = sorted({*document["synced_decisions"], max(theirs)})
        replace(project / PATH, json.dumps(document).encode())
        time.sleep(0.005)
    desk.mem0.latency_seconds = 0.0
    wait_until(lambda: desk.ours(RACED) == expected, "all of our marks")
    synced = set(desk.state(RACED)["synced_decisions"])
    assert synced >= set(expected)
    assert len(theirs - synced) <= 2
    assert desk.arrived(RACED) == list(range(100, 150))
    assert desk.state(RACED)["pending_count"] == 0


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b'{"synced_decisions": [', "the sync-state file is left alone: not JSON"),
        (b'{"synced_decisions": "all"}', "the sync-state file is left alone: not a sync-state document"),
        (b"[]", "the sync-state file is left alone: not a sync-state document"),
    ],
)
def test_a_malformed_file_is_reported_and_never_written(desk: Desk, bad: bytes, what: str) -> None:
    """Its last good marks hold meanwhile, decisions are delivered, and marked when it is mended."""
    project = desk.folder / BROKEN
    number = 10 * (1 + len(desk.arrived(BROKEN)))
    before = [decision(it) for it in desk.arrived(BROKEN)]
    write_state(project, dec(number))
    desk.daemon.scan()  # the marks are taken in
    replace(project / PATH, bad)
    (problem,) = wait_until(lambda: desk.problems(BROKEN), "the malformed file")
    assert problem["what"].startswith(what)
    assert problem["where"].startswith(str(project / PATH))
    write_log(project, [*before, decision(number), decision(number + 1)])
    wait_until(lambda: number + 1 in desk.arrived(BROKEN), "a delivery")
    desk.daemon.scan()
    assert number not in desk.arrived(BROKEN)
    assert (project / PATH).read_bytes() == bad

    write_state(project, dec(number))
    wait_until(lambda: dec(number + 1) in desk.ours(BROKEN), "our mark")
    wait_until(lambda: not desk.problems(BROKEN), "no more problem")


def test_a_mark_of_odd_characters_harms_nobody(desk: Desk) -> None:
    """A lone surrogate, which JSON allows and UTF-8 doesn't, is kept, and others are served."""
    write_state(desk.folder / BROKEN, "\ud800")
    desk.daemon.scan()
    assert not desk.problems(BROKEN)
    assert "\ud800" in desk.state(BROKEN)["synced_decisions"]


def test_nothing_but_the_sync_state_file_is_written(desk: Desk) -> None:
    """A log keeps its bytes and its times, and no other file turns up in the project."""
    project = desk.folder / SOURCE
    log = write_log(project, [decision(1), 7, decision(2)])

    def look() -> tuple[str, int, int]:
        stat = log.stat()
        return hashlib.sha256(log.read_bytes()).hexdigest(), stat.st_mtime_ns, stat.st_ino

    before = look()
    wait_until(lambda: desk.ours(SOURCE) == [dec(1), dec(2)], "our marks")
    desk.daemon.scan()
    assert look() == before
    assert {path for path in project.rglob("*") if not path.is_dir()} == {log, project / PATH}


def test_the_marks_of_others_say_nothing_of_an_embedded_mem0(tmp_path: Path, project: Path) -> None:
    """They tell of the Platform: a local store lacks what they name, and gets it."""
    write_state(project, dec(1))
    write_log(project, [decision(1), decision(2)])
    daemon = Daemon(tmp_path, [project])
    said = daemon.run("sync")
    assert said.stdout == "decisions 2/2\n", said.stderr
    assert daemon.totals()["skipped"] == 0


@pytest.mark.parametrize("with_daemon", [True, False], ids=["a daemon", "none"])
def test_what_others_marked_is_sent_all_the_same_if_a_person_wants_it(
    tmp_path: Path, project: Path, *, with_daemon: bool
) -> None:
    """The old hooks marked before they sent: `sync --resend-marked` doubles nothing either."""
    write_log(project, [decision(1), decision(2)])
    marks = {"version": "1.0", "synced_decisions": [decision(1)["decision_id"]]}
    (project / PATH).write_text(json.dumps(marks))
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        if with_daemon:
            daemon.start()
        try:
            said = daemon.run("sync")
            assert (said.returncode, said.stdout) == (0, "decisions 1/1\n")
            for _ in range(2):
                said = daemon.run("sync", "--resend-marked")
                assert (said.returncode, said.stdout) == (0, "decisions 2/2\n")
        finally:
            if with_daemon:
                daemon.kill()
        assert len(mem0.memories) == 2
