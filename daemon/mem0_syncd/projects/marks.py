"""The marks in the projects' sync-state files: others' are taken in, ours follow the receipts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from mem0_syncd.errors import Problem
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import sync_state_file
from mem0_syncd.projects.folders import Folders
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.sources import decision_log
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import Moment
from mem0_syncd.system.current_file import CurrentFiles, WorkPlace
from mem0_syncd.system.failpoint import failpoint
from mem0_syncd.system.unreadable_file import Unreadable

log = structlog.get_logger("marks")

_SOURCE = decision_log.SOURCE.name


class ProjectMarks:
    """The marks of all watched projects; for any thread."""

    def __init__(
        self,
        outbox: Outbox,
        on_due: Callable[[], None],
        folders: Folders,
        activity: CurrentFiles,
        now: Moment,
        redactor: Callable[[], Redactor],
    ) -> None:
        """`on_due` is called when there is something to `write`, `redactor` for one by the settings.

        `now` is the time since the epoch.
        """
        self._outbox = outbox
        self._on_due, self._folders = on_due, folders
        self._activity = activity
        self._now = now
        self._redactor = redactor
        self._due: set[str] = set()
        self._taken_in: dict[Path, tuple[int, ...] | None] = {}
        self._unwritten: set[Path] = set()
        self._noting = threading.Lock()

    def are_taken_in(self, folder: Path) -> bool:
        """Whether a folder's sync-state file, or that there is none, is as it was when it was taken in.

        It is also as we wrote it last, unless others had marked something meanwhile.
        """
        return self.is_taken_in(folder, self._signature(folder))

    def is_taken_in(self, folder: Path, signature: tuple[int, ...] | None) -> bool:
        """Whether a folder's sync-state file was taken in when it had that signature."""
        return folder in self._taken_in and signature == self._taken_in[folder]

    def take_in(self, project: ProjectRow) -> bool:
        """Take in what others have marked; returns whether that has changed."""
        signature = self._signature(project.path)
        if signature is not None and signature == self._taken_in.get(project.path):
            return False
        try:
            state = sync_state_file.read(self._folders.of(project))
        except Unreadable as error:
            # The last valid marks hold meanwhile.
            problems = [sync_state_file.problem_of(error)]
            self._outbox.problems.replace(project.id, "sync-state", problems, project.tree)
            return False
        if project.path not in self._unwritten:  # the write below will report it
            self._outbox.problems.replace(project.id, "sync-state", [], project.tree)
        foreign = self._strange(project, state.foreign if state else frozenset())
        # What was settled before a crash may not be marked yet, and then no receipt will come for it.
        self.note({project.id})
        has_changed = foreign != self._outbox.marks.foreign(project.id, project.tree)
        if has_changed:
            self._outbox.marks.set_foreign(project.id, foreign, project.tree, now=self._now())
        self._taken_in[project.path] = signature
        return has_changed

    def take_in_anew(self) -> None:
        """Have all sync-state files taken in again, by the redactor of now."""
        self._taken_in.clear()

    def _signature(self, folder: Path) -> tuple[int, ...] | None:
        return sync_state_file.signature(self._folders.at(folder))

    def _is_known(self, project: ProjectRow, foreign: Iterable[str]) -> bool:
        """Whether what others marked is taken in already."""
        return self._strange(project, foreign) == self._outbox.marks.foreign(project.id, project.tree)

    def _strange(self, project: ProjectRow, foreign: Iterable[str]) -> set[str]:
        """Of the ids that others marked, those that were never delivered from here."""
        strange = set(foreign) - self._outbox.marks.ids_ever_delivered(project.id, _SOURCE)
        return strange - self._redactor().secrets_among(strange).keys()  # no item has one of these

    def note(self, project_ids: set[str]) -> None:
        """Have these projects' files looked at by the next `write`."""
        with self._noting:
            self._due |= project_ids
        self._on_due()

    def write(self) -> bool:
        """Bring the sync-state files of projects with news in line with the receipts.

        Returns whether all could be written; the others are due again at the next call.
        """
        with self._noting:
            due, self._due = self._due, set()
        left = due
        try:
            wanted = [project for project in self._outbox.projects.all() if project.id in due]
            left = {project.id for project in wanted if not self._try_to_write(project)}
        finally:
            with self._noting:
                self._due |= left
        return not left

    def _try_to_write(self, project: ProjectRow) -> bool:
        """Write one; an error that is that project's fault is its problem alone."""
        with self._activity.at(WorkPlace(project.id, project.path, sync_state_file.PATH)):
            try:
                return self._write_one(project)
            except Exception as error:
                if not storage_faults.is_of_a_folder(error):
                    raise
                log.exception("marks_failed", project=project.id)
                problem = Problem(
                    f"the sync-state file can't be written: {type(error).__name__}",
                    sync_state_file.PATH,
                    "look into that file; if nothing is wrong with it, report this with what the log says",
                )
                self._outbox.problems.replace(project.id, "sync-state", [problem], project.tree)
                return True

    def _write_one(self, project: ProjectRow) -> bool:
        destination = self._outbox.destinations.of(project.id)
        marks = self._outbox.marks.markable(destination.id, project.id, _SOURCE)
        folder = self._folders.of(project)
        problems, failure = [], None
        try:
            written = sync_state_file.write(folder, destination.identity, marks)
            if written is not None:
                if self._is_known(project, written.foreign):
                    self._taken_in[project.path] = written.signature
                failpoint("marked")
        except (Unreadable, OSError) as error:
            failure = error
            problems.append(sync_state_file.problem_of(error))
        (self._unwritten.add if failure else self._unwritten.discard)(project.path)
        self._outbox.problems.replace(project.id, "sync-state", problems, project.tree)
        # A file that can't be understood is left alone until its next change.
        return not isinstance(failure, OSError)
