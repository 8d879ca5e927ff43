"""The marks in the projects' sync-state files: those of others are taken in, ours follow the receipts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from mem0_syncd import sync_state
from mem0_syncd.failpoint import failpoint
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.sources import Unreadable, decision_log

_SOURCE = decision_log.SOURCE.name


class Marks:
    """The marks of all watched projects; for any thread."""

    def __init__(self, outbox: Outbox, on_due: Callable[[], None]) -> None:
        """`on_due` hears that there is something to `write`."""
        self._registry, self._known = outbox.registry, outbox.marks
        self._on_due = on_due
        self._due: set[str] = set()
        self._written: dict[Path, tuple[int, ...] | None] = {}
        self._noting = threading.Lock()

    def are_ours(self, folder: Path) -> bool:
        """Whether a folder's sync-state file is as we wrote it last."""
        now = sync_state.signature(folder / sync_state.PATH)
        return now is not None and now == self._written.get(folder)

    def take_in(self, project: ProjectRow) -> bool:
        """Take in what others have marked; returns whether that has changed."""
        if self.are_ours(project.path):
            return False
        try:
            state = sync_state.read(project.path)
        except Unreadable as error:
            # The last good marks hold meanwhile.
            problems = [sync_state.problem_of(error)]
            self._registry.set_problems(project.id, "sync-state", problems, project.tree)
            return False
        self._registry.set_problems(project.id, "sync-state", [], project.tree)
        foreign = set(state.foreign) if state else set()
        foreign -= self._known.ids_ever_delivered(project.id, _SOURCE)
        # What was settled before a crash may not be marked yet, and then no receipt will come to tell.
        self.note({project.id})
        if foreign == self._known.foreign(project.id, project.tree):
            return False
        self._known.set_foreign(project.id, foreign, project.tree)
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
            wanted = [project for project in self._registry.projects() if project.id in due]
            left = {project.id for project in wanted if not self._write_one(project)}
        finally:
            with self._noting:
                self._due |= left
        return not left

    def _write_one(self, project: ProjectRow) -> bool:
        # A folder that was dropped or moved away is not made again for the marks' sake.
        if not (project.path / sync_state.PATH).parent.is_dir():
            return True
        destination = self._registry.destination_of(project.id)
        marks = self._known.markable(destination.id, project.id, _SOURCE)
        problems, failure = [], None
        try:
            if sync_state.write(project.path, destination.identity, marks):
                self._written[project.path] = sync_state.signature(project.path / sync_state.PATH)
                failpoint("marked")
        except (Unreadable, OSError) as error:
            failure = error
            problems.append(sync_state.problem_of(error))
        self._registry.set_problems(project.id, "sync-state", problems, project.tree)
        # One that can't be understood is left alone until its next change.
        return not isinstance(failure, OSError)
