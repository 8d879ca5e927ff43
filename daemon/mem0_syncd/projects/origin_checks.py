"""Checks the origins of the projects' repositories: when a look is due, and its durable result."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakSet

import structlog

from mem0_syncd.core.foreign_memories import UNKNOWN
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.origins import Looked
from mem0_syncd.projects import git, project_file
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.projects import project_id
from mem0_syncd.system.clock import Clock
from mem0_syncd.system.untrusted_folder import UntrustedFolder

PATIENCE_SECONDS = 5.0
"""Seconds that a project's first scan waits for its origin: without it, what is read carries none."""

AT_ONCE = min(4, os.cpu_count() or 1)
"""Histories that are read at a time."""

AGAIN_SECONDS = 600.0
"""Seconds after which something that has changed is looked at again; twice as long after each time."""

LONGEST_SECONDS = 24 * 3600.0

log = structlog.get_logger("origin")


class OriginChecks:
    """Looks at the repositories of one outbox's projects; for any thread."""

    def __init__(
        self,
        outbox: Outbox,
        ask: Callable[[], None],
        folders: Folders,
        *,
        origin_of: Callable[..., str],
        clock: Clock,
    ) -> None:
        """`ask` has `look` called, soon or at once."""
        self._outbox, self._ask, self._folders = outbox, ask, folders
        self._origin_of, self._now, self._monotonic = origin_of, clock.wall, clock.monotonic
        self._known: dict[str, Looked] = {}
        self._has_any = outbox.items.has_any
        self._readers: WeakSet[subprocess.Popen[bytes]] = WeakSet()
        self._is_closed = False
        self._waiting_since: dict[str, float] = {}
        self._looking = threading.Lock()
        self._due: list[ProjectRow] = []

    def is_awaited(self, project: ProjectRow) -> bool:
        """Whether a scan must wait a moment, until the project's origin is known or surely isn't.

        The first one must, and the first after another repository has replaced a known one.
        """
        if not self._is_seen(project):
            self._ask()
            # What an earlier version has delivered goes on meanwhile.
            if not self._is_seen(project) and (project.id in self._known or not self._has_any(project.id)):
                now = self._monotonic()
                return now - self._waiting_since.setdefault(project.id, now) < PATIENCE_SECONDS
        self._waiting_since.pop(project.id, None)
        return False

    def look(self) -> bool:
        """Look at some of the repositories whose look is due; returns whether there are more."""
        with self._looking:
            # Of many projects not all are asked again for each two that are looked at.
            due = self._due or [it for it in self._own_folders() if self._is_due(it)]
            self._due = due[AT_ONCE:]
            looks = [_Look(it, self._outbox.origins.looked(it.id), self) for it in due[:AT_ONCE]]
            for look in looks:
                look.start()
            for look in looks:
                look.join()
                if look.found is not None and not self._is_closed:
                    self._outbox.origins.write(look.project.id, look.found)
                    log.info("origin_read", project=look.project.id, origin=look.found.origin or "unknown")
        return bool(self._due) and not self._is_closed

    def close(self) -> None:
        """End what is being read, and begin no more looks."""
        self._is_closed = True
        for reader in list(self._readers):
            reader.kill()

    def _is_seen(self, project: ProjectRow) -> bool:
        """Whether there is nothing to find out that a scan must wait for."""
        looked = self._known.get(project.id)
        if looked is not None and self._is_there(project, looked):
            return True
        looked = self._outbox.origins.looked(project.id)
        if looked is None:
            return False
        self._known[project.id] = looked
        return self._is_there(project, looked)

    def read(self, project: ProjectRow, before: Looked | None) -> Looked:
        """The result of a look at a project's repository now; what was known before is kept."""
        folder = self._main(project)
        # Before it is read: what changes meanwhile is seen by the next look.
        seen = {known: self._seen(folder, is_known=known) for known in (True, False)}
        origin = UNKNOWN
        if seen[False] != str(folder):  # otherwise there is nothing that a reader could find
            origin = self._origin_of(folder, self._folders.trusted, started=self._readers.add)
        if origin == UNKNOWN and before is not None:
            origin = before.origin
        looks = before.looks + 1 if before is not None else 1
        return Looked(origin, self._id_is_asked(project, folder), seen[origin != UNKNOWN], self._now(), looks)

    def _own_folders(self) -> Sequence[ProjectRow]:
        """One folder of each project: its own, else a worktree."""
        by_id: dict[str, ProjectRow] = {}
        for project in self._outbox.projects.all():
            by_id.setdefault(project.id, project)
        return list(by_id.values())

    def _is_due(self, project: ProjectRow) -> bool:
        looked = self._outbox.origins.looked(project.id)
        if looked is None:
            return True
        is_known = looked.origin != UNKNOWN
        if looked.seen == self._seen(self._main(project), is_known=is_known):
            return False
        wait = 0.0 if is_known else min(AGAIN_SECONDS * 2 ** min(looked.looks - 1, 10), LONGEST_SECONDS)
        return not 0 <= self._now() - looked.looked_at < wait

    def _is_there(self, project: ProjectRow, looked: Looked) -> bool:
        """Whether a project's repository is still the one that was looked at, as far as a scan needs it."""
        if looked.origin == UNKNOWN or project.is_worktree:
            return True
        return looked.seen == self._seen(project.path, is_known=True)

    def _main(self, project: ProjectRow) -> Path:
        """The folder of a project's repository: its main work tree."""
        main = git.main_tree(project.path, trusted=self._folders.trusted) if project.is_worktree else None
        return main or project.path

    def _seen(self, folder: Path, *, is_known: bool) -> str:
        """A value that changes when there may be another origin; of a known one, with another repository.

        It is the path alone if there is no repository.
        """
        watched = UntrustedFolder(folder, trusted=self._folders.trusted)
        stamp = watched.stamp(".git")
        if stamp is None:
            return str(folder)
        if not is_known:
            return f"{folder} {stamp[0]} {stamp[1]}"
        # A new folder may get the number of one that was removed; git writes this file once, at first.
        return f"{folder} {stamp[0]} {watched.stamp('.git/description')}"

    def _id_is_asked(self, project: ProjectRow, folder: Path) -> bool:
        """Whether a project's id is neither its folder's name nor the user's choice."""
        if project.id == project_id(folder.name):
            return False
        try:
            asked = project_file.read(UntrustedFolder(folder, trusted=self._folders.trusted)).id
        except (project_file.BadProjectFile, OSError):
            return False
        return asked is not None and project_id(asked) == project.id


class _Look(threading.Thread):
    """One look, with a thread of its own for as long as the reader needs; the reader ends with it."""

    def __init__(self, project: ProjectRow, before: Looked | None, looks: OriginChecks) -> None:
        super().__init__(name=f"origin of {project.id}", daemon=True)
        self.project, self._before, self._looks = project, before, looks
        self.found: Looked | None = None

    def run(self) -> None:
        self.found = self._looks.read(self.project, self._before)
