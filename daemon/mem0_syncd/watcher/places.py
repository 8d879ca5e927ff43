"""The places: in which folders an event may tell of a project's files, and what it tells of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from watchdog.events import DirModifiedEvent, FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent


class Places:
    """The places of the files that are read; these are relative to each project."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = [Path(file) for file in files]
        self._names = {file.name for file in self._files}
        self._ways = {part for file in self._files for part in file.parts[:-1]}

    def of(self, project: Path) -> set[Path]:
        """The folders of a project's files, or the nearest that exist, and those above them."""
        folders = set()
        for file in self._files:
            path = project / file
            folder = path.parent
            while not folder.is_dir() and folder != project:
                folder = folder.parent
            if folder.is_dir():
                folders.add(folder)
            if folder != project:
                folders.add(project / file.parts[0])
            if path.is_symlink():
                # The target's writer makes no event where the link is, nor need the names be the same.
                target = Path(os.path.realpath(path))
                folders.add(target.parent)
                self._names.add(target.name)
        return {folder for folder in folders if folder.is_dir()}

    def news(self, folder: Path, event: FileSystemEvent) -> set[str] | None:
        """The names of files that an event in one of these folders tells of; None where it tells nothing.

        They are none where folders or links came or went, and any file may have changed.
        """
        # That a folder was modified only repeats what another event says of something in it.
        if isinstance(event, FileOpenedEvent | FileClosedNoWriteEvent | DirModifiedEvent):
            return None
        paths = {os.fsdecode(event.src_path), os.fsdecode(event.dest_path)}
        names = {path: os.path.basename(path) for path in paths}  # noqa: PTH119 - text
        named = {path: name for path, name in names.items() if name in self._names}
        is_way = not self._ways.isdisjoint(names.values())
        if event.is_directory or str(folder) in paths or is_way or any(map(os.path.islink, named)):
            return set()
        return set(named.values()) or None
