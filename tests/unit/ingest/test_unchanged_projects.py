"""What tells that a project needs no scan, and everything that tells that it needs one."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.core.consent import Consent, Terms
from mem0_syncd.core.item import Kind
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.engine.engine import Engine
from mem0_syncd.engine.project_scan import Scans
from mem0_syncd.ingest import scanner
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.scanner import Scanner
from mem0_syncd.ingest.unchanged_projects import UnchangedProjects
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.origins import Looked
from mem0_syncd.projects import project_file, sync_state_file
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.marks import ProjectMarks
from mem0_syncd.projects.project_destinations import ProjectDestinations, Route
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.sources import decision_log, file_reader
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system.clock import Clock
from mem0_syncd.system.current_file import CurrentFiles
from support.builders import NOW, item
from support.decision_log import decision, write_log
from support.repositories import git, make_repository

LONG_AGO = time.time() - 3600


def no_settings() -> Redactor:
    """A redactor by the default settings."""
    return Redactor(Settings().redact)


class Known:
    """A project of which something was noted."""

    def __init__(self, outbox: Outbox, project: Path) -> None:
        self.outbox, self.project = outbox, project
        self.folders = Folders(outbox.projects)
        self.scanner = Scanner(outbox, Enqueuer(outbox, clock=Clock()), self.folders, clock=Clock())
        marks = ProjectMarks(outbox, lambda: None, self.folders, CurrentFiles(), time.time, no_settings)
        self.unchanged = UnchangedProjects(outbox, self.scanner, marks, time.time)

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
        shop = ProjectRow("shop", project, "command")
        outbox.projects.add(shop)
        outbox.destinations.route(shop, outbox.destinations.use("platform", "https://mem0.example.org").id)
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


def put(known: Known, **changes: Any) -> None:
    """Take something in of the project, or of another one."""
    new = item(**changes)
    row = ProjectRow(new.project, known.project.with_name(new.project), "command")
    Enqueuer(known.outbox, clock=Clock()).take_in(row, [new])


def other_terms(known: Known) -> None:
    known.outbox.consents.change(known.project, lambda _: Consent("shop", Terms(exclude=("secret",))))


def other_destination(known: Known) -> None:
    known.outbox.destinations.use("embedded", "/elsewhere")


def other_id(known: Known) -> None:
    known.outbox.projects.rename("shop", "store")


def worktree(known: Known) -> None:
    known.outbox.projects.add(ProjectRow("shop", known.project / "worktree", "command", is_worktree=True))


def other_origin(known: Known) -> None:
    known.outbox.origins.write("shop", Looked("its first commit", id_is_asked=False, seen="", looked_at=1.0))


def best_practice(known: Known) -> None:
    put(known, kind=Kind.BEST_PRACTICE)


def another_process(known: Known) -> None:
    with closing(Outbox.open(known.outbox.database.path.parent, migrate=False)) as other:
        other.facts.set("paused", "yes")


@pytest.mark.parametrize(
    "write",
    [other_terms, other_destination, other_id, worktree, other_origin, best_practice, another_process],
)
def test_what_decides_a_scan_is_a_change(known: Known, write: Callable[[Known], None]) -> None:
    """Wherever in the outbox it is written."""
    write(known)
    assert not known.is_known()
    known.note()
    assert known.is_known()


def test_what_goes_through_the_queue_and_what_others_have_is_no_change(known: Known) -> None:
    """With a whole scan of all projects for each decision of one, many projects would be much work."""
    shop, other = known.outbox.projects.at(known.project), known.project.with_name("other")
    assert shop is not None
    known.outbox.projects.add(ProjectRow("other", other, "command"))
    put(known)
    put(known, project="other", kind=Kind.BEST_PRACTICE)
    looks, (user_id, *_) = known.outbox.first_contacts, known.outbox.first_contacts.uncontacted(1)
    looks.write_contact(1, user_id, [], time.time(), number=looks.begin_look(1, user_id))
    assert known.outbox.queue.claim(1, time.time(), 10, major=False)
    known.outbox.projects.note_scanned(shop, NOW)
    known.outbox.consents.change(other, lambda _: Consent("other"))
    assert known.is_known()


def test_what_a_scan_forgot_is_a_change(known: Known) -> None:
    """For example because marks were taken away; what was forgotten of another project isn't."""
    known.scanner.forget(known.project.with_name("other"))
    assert known.is_known()
    known.scanner.forget(known.project)
    assert not known.is_known()
    known.note()
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


@pytest.fixture
def engine(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on a project with a log, which has scanned it once; no write is too fresh to be trusted."""
    monkeypatch.setattr(file_reader, "_RACY_SECONDS", 0.0)
    write_log(project, [decision(1)])
    (tmp_path / "state").mkdir()
    with closing(Outbox.open(tmp_path / "state")) as outbox:
        settings = Settings(state_dir=tmp_path / "state", destination="embedded", projects=[project])
        engine = Engine(settings, outbox)
        engine.scan_until_settled()
        yield engine


def deliver(engine: Engine) -> None:
    """Have everything that is queued be in Mem0, and marked."""
    outbox, here = engine.outbox, engine.outbox.destinations.get().id
    for user_id in outbox.first_contacts.uncontacted(here):
        outbox.first_contacts.write_contact(
            here, user_id, [], time.time(), number=outbox.first_contacts.begin_look(here, user_id)
        )
    claims = outbox.queue.claim(here, time.time(), 10, major=False)
    assert claims
    receipts = [(it.entry, Receipt((f"m-{it.entry.id}",))) for it in claims]
    outbox.queue.settle(here, receipts, time.time())
    engine.marks.note({"shop"})
    assert engine.write_marks()


def scanned(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a full scan does more than to look whether something has changed."""
    settle = ProjectDestinations.settle
    settled: list[ProjectRow] = []

    def note(self: ProjectDestinations, it: ProjectRow) -> Route | None:
        settled.append(it)
        return settle(self, it)

    with monkeypatch.context() as patch:
        patch.setattr(ProjectDestinations, "settle", note)
        engine.scan(changed_only=True)
    return bool(settled)


def test_a_project_is_scanned_once_and_then_passed_over_also_after_it_was_delivered_and_marked(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a first scan decides, and the marks that we write, ask for no second one."""
    assert not scanned(engine, monkeypatch)
    deliver(engine)
    assert "DEC" in (project / sync_state_file.PATH).read_text()
    assert not scanned(engine, monkeypatch)


def test_a_sync_state_file_that_somebody_removes_is_written_again(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next full scan."""
    deliver(engine)
    (project / sync_state_file.PATH).unlink()
    assert scanned(engine, monkeypatch)
    assert engine.write_marks()
    assert (project / sync_state_file.PATH).exists()


def test_what_others_mark_just_before_we_write_is_heeded(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is then as we wrote it, and says something new all the same."""
    theirs = project / sync_state_file.PATH
    theirs.write_text('{"synced_decisions": ["THEIRS"]}')
    deliver(engine)
    assert "THEIRS" in theirs.read_text()
    assert scanned(engine, monkeypatch)
    assert engine.outbox.marks.foreign("shop") == {"THEIRS"}


def test_a_file_that_could_not_be_read_is_tried_again_though_it_looks_as_it_did(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kept it from being read may end without a trace, as an error of a network's disk does."""
    write_log(project, [decision(1), decision(2)])
    read = file_reader.read

    def fail(*args: Any, **named: Any) -> file_reader.Contents:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(file_reader, "read", fail)
        patch.setattr(scanner, "SETTLING_SECONDS", -1.0)
        engine.scan(changed_only=True)
        assert [it.where for _, it in engine.outbox.problems.all()] == [decision_log.PATH]
    assert file_reader.read is read
    engine.scan(changed_only=True)
    assert engine.outbox.problems.all() == []
    assert engine.outbox.database.rows("SELECT * FROM item WHERE source_id = ?", ("DEC-20260105-0002",))


def test_settings_that_come_amid_a_scan_have_the_project_read_by_them(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read by the former ones isn't taken for read by the new ones."""
    write_log(project, [decision(1), decision(2)])
    (row,) = engine.projects()
    turns = engine.turns(row, Scans(), changed_only=True)
    next(turns)
    engine.renew(engine.settings)
    for _ in turns:
        pass
    assert scanned(engine, monkeypatch)
