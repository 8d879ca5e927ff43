"""Which projects are as they were before their last scan, so that a scan of all skips them."""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from pathlib import Path

from mem0_syncd.ingest.scanner import Scanner
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import project_file, sync_state_file
from mem0_syncd.projects.marks import ProjectMarks
from mem0_syncd.sources import file_reader
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system import replaced_file
from mem0_syncd.system.clock import Moment
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import UntrustedFolder

_FILES = (
    project_file.PATH,
    *dict.fromkeys(it.path for it in SOURCES),
    ".git/description",
)
"""The files that decide what a scan does, besides the outbox; git writes the last one only once."""

Signature = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Look:
    """A project's files, and what is known of it, at one moment; of folders their numbers."""

    files: tuple[Signature, ...]
    sync_state: Signature
    folders: tuple[int | None, ...]
    outbox: int


class UnchangedProjects:
    """What was seen of each project before its last scan; for any thread."""

    def __init__(self, outbox: Outbox, scanner: Scanner, marks: ProjectMarks, now: Moment) -> None:
        """`now` is the time since the epoch."""
        self._outbox, self._scanner, self._marks, self._now = outbox, scanner, marks, now
        self._known: dict[Path, tuple[Look, int]] = {}

    def look(self, folder: UntrustedFolder) -> Look | None:
        """What a folder looks like; None if that can't be told, or a file changed a moment ago."""
        before, now = self._outbox.projects.basis_of_scan(folder.root), self._now()
        try:
            *files, sync_state = folder.stats((*_FILES, sync_state_file.PATH))
            root, git = folder.top(".git")
        except (RefusedFile, OSError):
            return None
        signatures = tuple(file_reader.signature(it, now) for it in files)
        marks = replaced_file.signature_of(sync_state) if sync_state else None
        is_fresh = () in signatures or (
            file_reader.signature(sync_state, now) == () and not self._marks.is_taken_in(folder.root, marks)
        )
        # Of a linked work tree, the main one counts as well.
        is_elsewhere = git is not None and not stat.S_ISDIR(git.st_mode)
        if is_fresh or is_elsewhere or root is None:
            return None
        return Look(signatures, marks, (root.st_ino, git.st_ino if git else None), before)

    def decided(self, folder: Path, look: Look | None) -> Look | None:
        """The look with what is known of the project by now, of which its scan has just decided a part."""
        return look and replace(look, outbox=self._outbox.projects.basis_of_scan(folder))

    def is_known(self, folder: Path, look: Look | None) -> bool:
        """Whether a folder's last scan began with such a look, and did nothing that needs another one."""
        return look is not None and self._known.get(folder) == self._seen(folder, look)

    def note(self, folder: Path, look: Look | None) -> None:
        """Note the look with which a folder's last scan began; None if it is to be scanned again."""
        if look is None:
            self._known.pop(folder, None)
        else:
            self._known[folder] = self._seen(folder, look)

    def _seen(self, folder: Path, look: Look) -> tuple[Look, int]:
        """The look, without the sync-state file while there is nothing new in it, for we write it ourselves.

        With it goes how many times what was read of the folder was forgotten.
        """
        if self._marks.is_taken_in(folder, look.sync_state):
            look = replace(look, sync_state=())
        return look, self._scanner.forgotten(folder)
