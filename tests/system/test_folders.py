"""Folders that come, go, move and are links: what is written where a project's log belongs arrives."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from mem0_syncd.sources.decision_log import PATH
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, replace, rewrite_log, write_log
from support.mem0_platform import Mem0Platform

NEVER = 3600.0
OFTEN = 0.5

LATER, REBORN, LINKED, LINKED_LOG, LEAVING, WORK_TREES, MOVED_IN = (
    "later",
    "reborn",
    "linked",
    "linked-log",
    "leaving",
    "work-trees",
    "moved-in",
)
REPLACED, POINTED_ELSEWHERE, TRAVELLING = "replaced", "pointed-elsewhere", "travelling"
A_MOMENT = 0.3
"""Seconds that a person or a program takes between two steps, so that the daemon sees each by itself."""


@dataclass
class Home:
    """A folder with projects in it, the daemon that watches them, and the Mem0 they go to."""

    folder: Path
    mem0: Mem0Platform
    daemon: Daemon

    def wait_for(self, project: str, *numbers: int) -> None:
        """Wait until just these cases of a project are in Mem0, each once."""

        def arrived() -> list[int]:
            return cases(self.mem0.texts(f"{project}-decisions").elements())

        wait_until(lambda: arrived() == sorted(numbers), f"{project}: {numbers}, not {arrived()}")


def document(number: int) -> bytes:
    """A log of one case."""
    return json.dumps({"decisions": [decision(number)]}).encode()


@pytest.fixture(scope="module")
def mem0() -> Iterator[Mem0Platform]:
    """One Mem0 for all: each test has a project of its own."""
    with Mem0Platform() as platform:
        yield platform


def at_home(folder: Path, mem0: Mem0Platform, names: list[str], mend_seconds: float) -> Iterator[Home]:
    """A daemon that watches an empty folder of each name."""
    projects = [folder / name for name in names]
    for project in projects:
        project.mkdir()
    trusted = json.dumps([str(folder / "trusted")])
    daemon = Daemon(folder, projects, **platform_settings(mem0.url), MEM0_SYNCD_TRUSTED_FOLDERS=trusted)
    with running(daemon, mend_seconds=mend_seconds):
        yield Home(folder, mem0, daemon)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, mem0: Mem0Platform) -> Iterator[Home]:
    """Projects whose daemon knows of changes by file events alone."""
    names = [LATER, REBORN, LINKED, LINKED_LOG, LEAVING, WORK_TREES, MOVED_IN]
    yield from at_home(tmp_path_factory.mktemp("told"), mem0, names, NEVER)


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory, mem0: Mem0Platform) -> Iterator[Home]:
    """Projects whose daemon looks after its watches often, for what no event tells of."""
    names = [REPLACED, POINTED_ELSEWHERE, TRAVELLING]
    yield from at_home(tmp_path_factory.mktemp("looking"), mem0, names, OFTEN)


def test_a_folder_that_appears_later_is_watched_from_then_on(told: Home) -> None:
    """The log may come long after the project, each folder above it after the other."""
    project = told.folder / LATER
    for folder in (project / ".claude", (project / PATH).parent):
        folder.mkdir()
        time.sleep(A_MOMENT)
    rewrite_log(project, [decision(1)])
    told.wait_for(LATER, 1)
    write_log(project, [decision(1), decision(2)])
    told.wait_for(LATER, 1, 2)


def test_a_folder_that_is_deleted_and_made_again_is_watched_again(told: Home) -> None:
    """A checkout may drop the folder and bring it back, once and again."""
    project = told.folder / REBORN
    for number in (1, 2, 3):
        write_log(project, [decision(number)])
        told.wait_for(REBORN, *range(1, number + 1))
        shutil.rmtree(project / ".claude")
        time.sleep(A_MOMENT * (number - 1))  # with and without time to notice
    told.daemon.scan()
    time.sleep(A_MOMENT)
    assert not (project / ".claude").exists()  # nor is it made again for the marks' sake


def test_a_folder_that_is_a_link_to_a_trusted_one_is_followed(told: Home) -> None:
    """What is written in the folder that `.claude` points to counts, by whatever path it is written."""
    project, elsewhere = told.folder / LINKED, told.folder / "trusted/dotfiles"
    elsewhere.mkdir(parents=True)
    (project / ".claude").symlink_to(elsewhere)
    write_log(project, [decision(1)])
    told.wait_for(LINKED, 1)
    replace(elsewhere / "coordination/decision-log.json", document(2))
    told.wait_for(LINKED, 1, 2)


def test_a_log_that_is_a_link_within_the_project_is_followed(told: Home) -> None:
    """The file that the log points to may have another name, and be written in place or replaced."""
    project = told.folder / LINKED_LOG
    kept = project / "kept"
    kept.mkdir()
    (kept / "linked-log.json").write_text('{"decisions": []}')
    (project / PATH).parent.mkdir(parents=True)
    (project / PATH).symlink_to("../../kept/linked-log.json")
    time.sleep(A_MOMENT)
    rewrite_log(project, [decision(1)])
    told.wait_for(LINKED_LOG, 1)
    replace(kept / "linked-log.json", document(2))
    told.wait_for(LINKED_LOG, 1, 2)
    assert (project / PATH).is_symlink()


def test_a_link_that_leaves_the_project_is_not_followed_but_named(told: Home) -> None:
    """Neither at once nor when what it leads to changes; once the file itself is there, it is read."""
    project, private = told.folder / LEAVING, told.folder / "private"
    write_log(private, [decision(1)])
    (project / PATH).parent.mkdir(parents=True)
    (project / PATH).symlink_to(private / PATH)

    def named() -> list[str]:
        problems = told.daemon.status()["problems"]
        return [it["what"] for it in problems if it["where"] == str(project / PATH)]

    (what,) = wait_until(named, "the link")
    assert f"{PATH} is a link to {private / PATH}" in what
    write_log(private, [decision(2)])
    told.daemon.scan()
    assert named() == [what]
    told.wait_for(LEAVING)
    write_log(project, [decision(3)])
    told.wait_for(LEAVING, 3)
    wait_until(lambda: not named(), "the end of the problem")
    assert json.loads((private / PATH).read_text())["decisions"] == [decision(2)]


def test_a_work_tree_inside_the_project_is_not_taken_for_it(told: Home) -> None:
    """Whole work trees live below `.claude`, each with a log of its own that isn't this project's."""
    project = told.folder / WORK_TREES
    write_log(project, [decision(1)])
    told.wait_for(WORK_TREES, 1)
    write_log(project / ".claude/worktrees/x", [decision(2)])
    write_log(project, [decision(1), decision(3)])
    told.wait_for(WORK_TREES, 1, 3)
    told.daemon.scan()
    assert told.daemon.status()["totals"]["pending"] == 0
    told.wait_for(WORK_TREES, 1, 3)


def test_a_log_that_is_moved_in_from_another_folder_is_read(told: Home) -> None:
    """A rename from anywhere on the same disk brings a whole file at once."""
    project, draft = told.folder / MOVED_IN, told.folder / "draft.json"
    (project / PATH).parent.mkdir(parents=True)
    for number in (1, 2):
        replace(draft, document(number)).rename(project / PATH)
        told.wait_for(MOVED_IN, *range(1, number + 1))


def test_a_folder_that_takes_the_place_of_another_is_watched(looking: Home) -> None:
    """One `.claude` is moved away and another put in its place: the new one counts, the old one doesn't."""
    project = looking.folder / REPLACED
    write_log(project, [decision(1)])
    looking.wait_for(REPLACED, 1)
    write_log(looking.folder / "other", [decision(2)])
    (project / ".claude").rename(looking.folder / "before")
    (looking.folder / "other/.claude").rename(project / ".claude")
    looking.wait_for(REPLACED, 1, 2)
    replace(looking.folder / "before/coordination/decision-log.json", document(3))
    write_log(project, [decision(2), decision(4)])
    looking.wait_for(REPLACED, 1, 2, 4)


def test_a_link_that_is_pointed_elsewhere_is_followed_there(looking: Home) -> None:
    """A project's `.claude` may be switched from one folder to another and go on from there."""
    project = looking.folder / POINTED_ELSEWHERE
    link = project / ".claude"
    for number, folder in enumerate(("first", "second"), 1):
        write_log(looking.folder / "trusted" / folder, [decision(number)])
        link.unlink(missing_ok=True)
        link.symlink_to(looking.folder / "trusted" / folder / ".claude")
        looking.wait_for(POINTED_ELSEWHERE, *range(1, number + 1))
    write_log(looking.folder / "trusted/second", [decision(2), decision(3)])
    looking.wait_for(POINTED_ELSEWHERE, 1, 2, 3)


def test_a_project_that_is_moved_away_is_missed_until_it_is_back(looking: Home) -> None:
    """Its absence is a problem that says what to do; nothing is made in its place, and nothing sent twice."""
    project, away = looking.folder / TRAVELLING, looking.folder / "away"
    write_log(project, [decision(1)])
    looking.wait_for(TRAVELLING, 1)
    wait_until((project / SYNC_STATE).exists, "the marks")
    time.sleep(A_MOMENT)  # so that nothing else has the daemon look

    def missing() -> list[dict[str, str]]:
        return [it for it in looking.daemon.status()["problems"] if it["where"] == str(project)]

    project.rename(away)
    (problem,) = wait_until(missing, "the project's absence")
    assert problem["what"] == "the project's folder is not there"
    assert f"project add PATH --id {TRAVELLING}" in problem["remedy"]
    assert not project.exists()
    write_log(away, [decision(1), decision(2)])
    away.rename(project)
    looking.wait_for(TRAVELLING, 1, 2)
    wait_until(lambda: not missing(), "the project's return")


def test_every_project_is_read_at_the_start_and_watched_from_then_on(
    tmp_path: Path, mem0: Mem0Platform
) -> None:
    """Of many projects, none has to change to be read, and none is forgotten when it does."""
    projects = [tmp_path / f"project-{number}" for number in range(60)]
    for number, project in enumerate(projects):
        write_log(project, [decision(number)])
    daemon = Daemon(tmp_path, projects, **platform_settings(mem0.url))
    with running(daemon, mend_seconds=NEVER):
        daemon.wait_delivered(60)
        for number, project in enumerate(projects):
            write_log(project, [decision(number), decision(100 + number)])
        daemon.wait_delivered(120)
    for number, project in enumerate(projects):
        assert cases(mem0.texts(f"{project.name}-decisions").elements()) == [number, 100 + number]
