"""What tells that a project needs no scan, and everything that tells that it needs one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.scanner import Scanner
from mem0_syncd.ingest.unchanged_projects import UnchangedProjects
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import project_file, sync_state_file
from mem0_syncd.projects.folders import Folders
from mem0_syncd.sources import SOURCES
from mem0_syncd.system.clock import Clock
from support.decision_log import decision, write_log
from support.repositories import git, make_repository

LONG_AGO = time.time() - 3600


class Known:
    """A project of which something was noted."""

    def __init__(self, outbox: Outbox, project: Path) -> None:
        self.outbox, self.project = outbox, project
        self.folders = Folders(outbox.projects)
        self.scanner = Scanner(outbox, Enqueuer(outbox, clock=Clock()), self.folders, clock=Clock())
        self.unchanged = UnchangedProjects(outbox, self.scanner, time.time)

    def note(self) -> None:
        age(self.project)
        self.unchanged.note(self.project, self.unchanged.look(self.folders.at(self.project)))

    def is_known(self) -> bool:
        return self.unchanged.is_known(self.project, self.unchanged.look(self.folders.at(self.project)))


def age(folder: Path) -> None:
    """Have every file look as if it were written long ago."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def known(tmp_path: Path, project: Path) -> Iterator[Known]:
    """A repository with a log, noted as it is."""
    make_repository(project, "first")
    write_log(project, [decision(1)])
    (tmp_path / "state").mkdir()
    with closing(Outbox.open(tmp_path / "state")) as outbox:
        outbox.destinations.use("platform", "https://mem0.example.org")
        it = Known(outbox, project)
        it.note()
        yield it


def test_what_was_noted_is_known_until_something_changes(known: Known) -> None:
    """However often it is looked at."""
    assert known.is_known()
    assert known.is_known()
    known.unchanged.note(known.project, None)
    assert not known.is_known()


@pytest.mark.parametrize(
    "name", [project_file.PATH, sync_state_file.PATH, *(source.path for source in SOURCES)]
)
def test_a_file_that_comes_changes_or_goes_is_a_change(known: Known, name: str) -> None:
    """Each that a scan reads."""
    path = known.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for change in (lambda: path.write_text("[]\n"), lambda: path.write_text("[1]\n"), path.unlink):
        change()
        assert not known.is_known()
        known.note()
        assert known.is_known()


def other_repository(project: Path) -> None:
    (project / ".git/description").write_text("another one")


def link_to_elsewhere(project: Path) -> None:
    (project / ".claude").rename(project.with_name("elsewhere"))
    (project / ".claude").symlink_to(project.with_name("elsewhere"))


def in_its_place(project: Path) -> None:
    shutil.copytree(project, project.with_name("copy"), copy_function=shutil.copy2)
    project.rename(project.with_name("before"))
    project.with_name("copy").rename(project)


@pytest.mark.parametrize("change", [other_repository, link_to_elsewhere, in_its_place, shutil.rmtree])
def test_another_folder_or_repository_is_a_change(known: Known, change: Callable[[Path], None]) -> None:
    """Also one with the same files, and one that may not be read."""
    change(known.project)
    assert not known.is_known()


def test_what_is_written_to_the_outbox_is_a_change(known: Known) -> None:
    """By this process or by another one."""
    known.outbox.facts.set("paused", "yes")
    assert not known.is_known()
    known.note()
    with closing(Outbox.open(known.outbox.database.path.parent, migrate=False)) as other:
        other.facts.set("paused", None)
    assert not known.is_known()


def test_what_a_scan_forgot_is_a_change(known: Known) -> None:
    """For example because marks were taken away."""
    known.scanner.forget()
    assert not known.is_known()


def test_a_file_of_a_moment_ago_is_no_standstill(known: Known) -> None:
    """A file system's clock is too coarse for the next write to show."""
    write_log(known.project, [decision(1), decision(2)])
    known.unchanged.note(known.project, known.unchanged.look(known.folders.at(known.project)))
    assert not known.is_known()


def test_a_linked_work_tree_is_scanned_each_time(known: Known, tmp_path: Path) -> None:
    """Whether it is one, its main tree has to say."""
    linked = tmp_path / "linked"
    git(known.project, "worktree", "add", "-q", str(linked))
    assert known.unchanged.look(known.folders.at(linked)) is None
