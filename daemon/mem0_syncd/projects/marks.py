"""The marks in the projects' sync-state files: those of others are taken in, ours follow the receipts."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
        self._written: dict[Path, tuple[int, ...]] = {}
        self._unwritten: set[Path] = set()
        self._noting = threading.Lock()

    def are_ours(self, folder: Path) -> bool:
        """Whether a folder's sync-state file is as we wrote it last."""
        now = sync_state_file.signature(self._folders.at(folder))
        return now is not None and now == self._written.get(folder)

    def take_in(self, project: ProjectRow) -> bool:
        """Take in what others have marked; returns whether that has changed."""
        if self.are_ours(project.path):
            return False
        try:
            state = sync_state_file.read(self._folders.of(project))
        except Unreadable as error:
            # The last good marks hold meanwhile.
            problems = [sync_state_file.problem_of(error)]
            self._outbox.problems.replace(project.id, "sync-state", problems, project.tree)
            return False
        if project.path not in self._unwritten:  # the write below will tell
            self._outbox.problems.replace(project.id, "sync-state", [], project.tree)
        foreign = set(state.foreign) if state else set()
        foreign -= self._outbox.marks.ids_ever_delivered(project.id, _SOURCE)
        foreign -= self._redactor().secrets_among(foreign).keys()  # no item has one of these
        # What was settled before a crash may not be marked yet, and then no receipt will come to tell.
        self.note({project.id})
        if foreign == self._outbox.marks.foreign(project.id, project.tree):
            return False
        self._outbox.marks.set_foreign(project.id, foreign, project.tree, now=self._now())
        return True

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
        """Write one; what fails by a fault of that project is its problem, and no other's."""
        with self._activity.at(WorkPlace(project.id, project.path, sync_state_file.PATH)):
            try:
                return self._write_one(project)
            except Exception as error:
                if not storage_faults.is_of_a_folder(error):
                    raise
                log.exception("marks failed", project=project.id)
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
                self._written[project.path] = written
                failpoint("marked")
        except (Unreadable, OSError) as error:
            failure = error
            problems.append(sync_state_file.problem_of(error))
        (self._unwritten.add if failure else self._unwritten.discard)(project.path)
        self._outbox.problems.replace(project.id, "sync-state", problems, project.tree)
        # One that can't be understood is left alone until its next change.
        return not isinstance(failure, OSError)
