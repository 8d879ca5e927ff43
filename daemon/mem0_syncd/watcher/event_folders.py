"""The folders whose events concern a project's files, and what each event means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from watchdog.events import DirModifiedEvent, FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent

from mem0_syncd.system.untrusted_folder import UntrustedFolder

_MOST_FOLDERS = 20
"""Folders that are watched for one file: links may lead through any number."""


class WatchedFolders:
    """The folders of the files that are read, which are relative to each project."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = list(files)
        paths = [PurePosixPath(file) for file in self._files]
        self._names = {path.name for path in paths}
        self._ways = {part for path in paths for part in path.parts[:-1]}

    def of(self, project: UntrustedFolder) -> set[Path]:
        """The folders of a project's files, or the nearest that exist, and those on the way to them.

        They are without links. None is outside of the project, unless links may lead there.
        """
        folders: set[Path] = set()
        for file in self._files:
            way, name = project.way(file)
            folders.update(way[-_MOST_FOLDERS:])
            if name is not None:
                # Writing to a link's target makes no event where the link is, nor by its name.
                self._names.add(name)
        return folders

    def news(self, folder: Path, event: FileSystemEvent) -> set[str] | None:
        """The names of the files that an event in one of these folders concerns; None if it concerns none.

        They are empty if folders or links came or went, and any file may have changed.
        """
        # That a folder was modified only repeats another event in it.
        if isinstance(event, FileOpenedEvent | FileClosedNoWriteEvent | DirModifiedEvent):
            return None
        paths = {os.fsdecode(event.src_path), os.fsdecode(event.dest_path)}
        names = {path: os.path.basename(path) for path in paths}  # noqa: PTH119 - text
        named = {path: name for path, name in names.items() if name in self._names}
        is_way = not self._ways.isdisjoint(names.values())
        if event.is_directory or str(folder) in paths or is_way or any(map(os.path.islink, named)):
            return set()
        return set(named.values()) or None
