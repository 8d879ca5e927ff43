"""Folders that the system can't watch: they are reported, and polled until it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mem0_syncd.errors import Problem
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.watcher import Watcher

POLL_SECONDS = 10.0
"""Seconds between two scans while there are folders that can't be watched."""


class UnwatchedFolders:
    """Updates the watches of a watcher, and has what it can't watch polled; for any thread."""

    def __init__(
        self,
        watcher: Watcher,
        outbox: Outbox,
        scan_all: Callable[[], None],
        check_within: Callable[[float], None],
    ) -> None:
        """`check_within` has `check` called within so many seconds."""
        self._watcher, self._outbox = watcher, outbox
        self._scan_all, self._check_within = scan_all, check_within

    def watch(self, projects: Iterable[ProjectRow]) -> None:
        """Watch these projects and no others."""
        self._report(self._watcher.watch(projects))

    def update(self) -> None:
        """Update the watches for the folders that exist now."""
        self._report(self._watcher.update())

    def check(self) -> None:
        """Update the watches if something has changed that no event reports."""
        self._report(self._watcher.look())

    def _report(self, problems: list[Problem]) -> None:
        self._outbox.problems.replace("", "watcher", problems)
        if problems:  # What no event reports is scanned instead.
            self._scan_all()
            self._check_within(POLL_SECONDS)
