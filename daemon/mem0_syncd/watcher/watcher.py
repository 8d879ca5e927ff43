"""File events: which project may have changed. Events are hints; the scan finds out."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from mem0_syncd.errors import Problem
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import UntrustedFolder
from mem0_syncd.watcher.event_folders import WatchedFolders

Identity = tuple[int, int]

PROBE_SECONDS = 5.0
"""Seconds that an event of a probe file may take; normally it takes milliseconds."""

_PASSES = 3
"""Passes over the watches at most: a folder may appear between the look and its watch."""


class Watcher:
    """Watches the folders that the sources' files are in, or the nearest ones that exist.

    One watch for each folder, never a recursive one: `.claude` may hold whole work trees. `update` must be
    called when `on_upheaval` was, and `look` now and then, for not every event comes.
    """

    def __init__(
        self,
        files: Iterable[str],
        on_change: Callable[[Path, set[str]], None],
        on_upheaval: Callable[[], None],
        own: Path,
        open_folder: Callable[[ProjectRow], UntrustedFolder] = lambda project: UntrustedFolder(project.path),
    ) -> None:
        """`files` are relative to each project.

        `on_change` is called with a project's folder and the changed files.

        The files are names, and none if any of them may have changed. `on_upheaval` is called when folders or
        links came or went, on a thread that mustn't call `update` itself. `own` is a private folder to test
        whether events come through. `open_folder` opens a project's folder with what the user's settings
        allow.
        """
        self._places = WatchedFolders(files)
        self._on_change, self._on_upheaval = on_change, on_upheaval
        self._open_folder = open_folder
        self._lock = threading.Lock()
        self._projects: list[ProjectRow] = []
        self._armed: dict[Path, tuple[ObservedWatch, Identity]] = {}
        self._owners: dict[Path, set[Path]] = {}
        self._homeless: list[ProjectRow] = []
        self._problems: list[Problem] = []
        self._observer = _observer()
        self._started = False
        self._own = own
        self._heard = 0

    def start(self) -> None:
        """Begin to watch; to be called before `watch`."""
        self._stir()
        self._observer.start()
        self._started = True

    def stop(self) -> None:
        """Stop watching."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        shutil.rmtree(self._own, ignore_errors=True)

    def sign(self) -> Hashable | None:
        """A value that changes from call to call while events come through; None if they can't be probed."""
        self._stir()
        return self._heard if self._own in self._armed else None

    def _stir(self) -> None:
        """Make an event."""
        with contextlib.suppress(OSError):
            self._own.mkdir(mode=0o700, exist_ok=True)
            (self._own / "pulse").touch()

    def watch(self, projects: Iterable[ProjectRow]) -> list[Problem]:
        """Watch these projects and no others; returns the problems of those that can't be watched."""
        self._projects = list(projects)
        return self.update()

    def update(self) -> list[Problem]:
        """Update the watches for the folders that exist now; returns the problems.

        A project whose folders have changed is reported as changed.
        """
        changed: set[Path] = set()
        with self._lock:
            if self._started and not self._observer.is_alive():
                self._observer.stop()  # its other threads live on
                self._observer = _observer()
                self._observer.start()
            for _ in range(_PASSES):
                news, self._problems = self._bring_in_line()
                changed |= news
                if not news:
                    break
        for folder in changed:
            self._on_change(folder, set())
        return self._problems

    def look(self) -> list[Problem]:
        """Update the watches if something has changed that no event reports; cheap if nothing has."""
        with self._lock:
            is_well = (
                not self._problems
                and self._observer.is_alive()
                and all(emitter.is_alive() for emitter in self._observer.emitters)
                and all(_identity(folder) == identity for folder, (_, identity) in self._armed.items())
                and not any(map(self._is_there, self._homeless))
            )
        return [] if is_well else self.update()

    def _bring_in_line(self) -> tuple[set[Path], list[Problem]]:
        """The folders of the projects whose watches changed, and the problems."""
        owners: dict[Path, set[Path]] = {self._own: set()} if self._own.is_dir() else {}
        self._homeless = []
        for project in self._projects:
            folders = self._places.of(self._open_folder(project))
            for folder in folders:
                owners.setdefault(folder, set()).add(project.path)
            if not folders:
                self._homeless.append(project)
        before, self._owners = self._owners, owners
        alive = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()}
        changed: set[Path] = set()
        for folder, (watch, identity) in list(self._armed.items()):
            if folder not in owners or _identity(folder) != identity or watch not in alive:
                self._disarm(folder)
                changed |= before.get(folder, set())
        problems = []
        for folder in owners.keys() - self._armed.keys():
            changed |= owners[folder]
            if problem := self._arm(folder):
                problems.append(problem)
        return changed, problems

    def _is_there(self, project: ProjectRow) -> bool:
        """Whether a project's folder can be watched now."""
        try:
            return self._open_folder(project).is_folder()
        except (RefusedFile, OSError):
            return False

    def _arm(self, folder: Path) -> Problem | None:
        try:
            identity = _identity(folder)
            watch = self._observer.schedule(_Handler(self, folder), str(folder), follow_symlink=True)
        except OSError as error:
            return Problem(
                f"the folder can't be watched ({error.strerror}); it is polled instead",
                str(folder),
                "raise fs.inotify.max_user_watches and max_user_instances",
            )
        if identity is not None:
            self._armed[folder] = (watch, identity)
        return None

    def _disarm(self, folder: Path) -> None:
        watch, _ = self._armed.pop(folder)
        if watch in {emitter.watch for emitter in self._observer.emitters}:
            self._observer.unschedule(watch)

    def probe(self, folder: Path) -> bool:
        """Whether an event comes through: a file is written into a private folder, and removed."""
        handler, file = _Probe(), folder / "probe"
        watch = self._observer.schedule(handler, str(folder))
        try:
            file.touch()
            return handler.heard.wait(PROBE_SECONDS)
        finally:
            file.unlink(missing_ok=True)
            self._observer.unschedule(watch)

    def heard(self, folder: Path, event: FileSystemEvent) -> None:
        """Take in one event of a watched folder."""
        self._heard += 1
        names = self._places.news(folder, event)
        if names is None:
            return
        for project in self._owners.get(folder, ()):
            self._on_change(project, names)
        if not names:
            self._on_upheaval()


class _Handler(FileSystemEventHandler):
    def __init__(self, watcher: Watcher, folder: Path) -> None:
        self._watcher, self._folder = watcher, folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._watcher.heard(self._folder, event)


class _Probe(FileSystemEventHandler):
    def __init__(self) -> None:
        self.heard = threading.Event()

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - any will do
        self.heard.set()


def _observer() -> BaseObserver:
    if sys.platform == "linux":
        from mem0_syncd.watcher.inotify import FolderObserver

        return FolderObserver()
    return Observer()


def _identity(folder: Path) -> Identity | None:
    try:
        stat = folder.lstat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
