"""The survey: what may have changed is scanned by the schedule; events are hints, the scan finds out."""

from __future__ import annotations

import threading
from pathlib import Path

from mem0_syncd import sync_state
from mem0_syncd.dispatch import Dispatch
from mem0_syncd.scheduler import Schedule
from mem0_syncd.service import Scans, Service

MARKS_SECONDS = 0.2
"""How long a change of marks waits for further ones, for they come with every few receipts."""


class Survey:
    """Runs a service's scans, and has what they found delivered; for any thread."""

    def __init__(self, service: Service, schedule: Schedule, dispatch: Dispatch) -> None:
        self._service, self._schedule, self._dispatch = service, schedule, dispatch
        # What is to be scanned, and whether those of its files only that look changed.
        self._folders: dict[Path, bool] = {}
        self._noting = threading.Lock()
        schedule.add("scan", self._scan)
        schedule.add("full scan", self.scan_all, every=service.settings.scan_seconds)
        schedule.add("spool", self._take_in_spool)

    def heed(self, folder: Path, names: set[str]) -> None:
        """Have a project's folder scanned in which some files, or any if none is named, have changed."""
        # Most marks are our own, and none tells anything of the other files.
        only_marks = names == {Path(sync_state.PATH).name}
        if only_marks and self._service.marks.are_ours(folder):
            return
        self._note(folder, changed_only=only_marks)
        self._schedule.by("scan", MARKS_SECONDS if only_marks else 0.0)

    def scan_all(self) -> None:
        """Have everything read, and what was spooled taken up."""
        self._schedule.soon("spool")
        for project in self._service.outbox.registry.projects():
            self._note(project.path, changed_only=True)
        self._schedule.soon("scan")

    def _note(self, folder: Path, *, changed_only: bool) -> None:
        with self._noting:
            self._folders[folder] = changed_only and self._folders.get(folder, True)

    def _scan(self) -> None:
        with self._noting:
            folders, self._folders = self._folders, {}
        projects = [it for it in self._service.outbox.registry.projects() if it.path in folders]
        try:
            for changed_only in (False, True):
                some = [project for project in projects if folders[project.path] is changed_only]
                self._after(self._service.scan(some, changed_only=changed_only))
        except Exception:
            for folder, changed_only in folders.items():
                self._note(folder, changed_only=changed_only)
            self._dispatch.soon()
            raise

    def _take_in_spool(self) -> None:
        self._after(self._service.take_in_spool())

    def _after(self, scans: Scans) -> None:
        if scans.changes:  # a route changes what is due, and not by a batch
            self._dispatch.by(self._service.settings.flush_seconds)
        for folder, seconds in scans.retry.items():
            self._note(folder, changed_only=False)
            self._schedule.by("scan", seconds)
