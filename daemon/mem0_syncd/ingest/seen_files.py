"""What is remembered of the files between scans, so that only what is new in them is parsed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mem0_syncd.core.entry_problems import NO_PROBLEMS, EntryProblems
from mem0_syncd.sources import file_reader

MOST_ENTRIES = 200_000
"""Entries of all files that are remembered, some 150 bytes each; a forgotten file is read again."""

Keys = int | tuple[int, ...]
"""What tells whether two entries are of one item: the hash of an item's key, or of several items'."""


NO_ENTRIES: Mapping[bytes, Keys] = MappingProxyType({})
"""What is remembered of the entries of a file that has none, or isn't there, as most of all files are."""


@dataclass(slots=True)
class SeenFile:
    """What is remembered of one file; replaced as a whole, after the commit.

    `seen` has every entry by its digest.
    """

    signature: tuple[int, ...] | None = ()
    mark: file_reader.Mark | None = None
    seen: Mapping[bytes, Keys] = field(default_factory=lambda: NO_ENTRIES)
    complaints: EntryProblems = NO_PROBLEMS
    bad_since: float | None = None


class SeenFiles:
    """The memos of all files, within a budget: those that were replaced longest ago are dropped."""

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._left = most
        self._memos: dict[tuple[Path, str], SeenFile] = {}

    def of(self, folder: Path, source: str) -> SeenFile:
        """The memo of a file, which may be an empty one."""
        return self._memos.setdefault((folder, source), SeenFile())

    def replace(self, folder: Path, source: str, memo: SeenFile) -> None:
        """Replace the memo of a file."""
        former = self._memos.pop((folder, source), None)
        self._memos[folder, source] = memo
        # Kept as a count: adding up all memos for each file would take most of a scan.
        self._left += (len(former.seen) if former else 0) - len(memo.seen)
        for other in self._memos.values() if self._left < 0 else ():
            self._left += len(other.seen)
            other.seen = NO_ENTRIES
            if self._left >= 0:
                break

    def forget(self, folder: Path | None = None) -> None:
        """Remember nothing of a folder's files, or of any file."""
        for key in [it for it in self._memos if folder in (None, it[0])]:
            self._left += len(self._memos.pop(key).seen)
