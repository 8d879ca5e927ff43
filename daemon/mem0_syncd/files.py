"""Reading the sources' files: whole, or from where the last read ended, and only what has changed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mem0_syncd.sources import Unreadable

_FINGERPRINT_BYTES = 4096

# A file system's clock ticks some milliseconds apart: two writes in one tick can look like one.
_RACY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a read of an appended file ended, and what tells that the file still begins like that."""

    inode: int
    offset: int
    lines: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a file: all of it, or what was appended after `lines` lines."""

    data: bytes
    lines: int
    signature: tuple[int, ...]
    mark: Mark | None

    @property
    def is_tail(self) -> bool:
        """Whether the file had been read up to there before."""
        return self.lines > 0


def signature_of(path: Path) -> tuple[int, ...] | None:
    """What tells a file from its earlier self; None where there is none, () where it can't be told.

    Raises `Unreadable` for what is no file.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        what = "a folder is in the file's place" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise Unreadable(what, remedy="move it away")
    if time.time() - found.st_mtime < _RACY_SECONDS:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read(path: Path, signature: tuple[int, ...], mark: Mark | None, *, appended: bool) -> Contents:
    """What the file holds, after the mark if the file has only grown since; raises `OSError`."""
    with path.open("rb") as file:
        inode = os.fstat(file.fileno()).st_ino
        begin = mark if mark and mark.inode == inode and _begins_like(file, mark) else None
        offset, lines = (begin.offset, begin.lines) if begin else (0, 0)
        file.seek(offset)
        data = file.read()
        if not appended:
            return Contents(data, 0, signature, None)
        complete = data.rfind(b"\n") + 1
        end = offset + complete
        lines_read = data.count(b"\n", 0, complete)
        return Contents(data, lines, signature, Mark(inode, end, lines + lines_read, _fingerprint(file, end)))


def _begins_like(file: BinaryIO, mark: Mark) -> bool:
    size = os.fstat(file.fileno()).st_size
    return mark.offset > 0 and size >= mark.offset and _fingerprint(file, mark.offset) == mark.fingerprint


def _fingerprint(file: BinaryIO, offset: int) -> bytes:
    """The hash of a file's first bytes, and of the last ones before an offset."""
    digest = hashlib.blake2b(digest_size=16)
    for start in (0, max(0, offset - _FINGERPRINT_BYTES)):
        file.seek(start)
        digest.update(file.read(min(_FINGERPRINT_BYTES, offset - start)))
    return digest.digest()
