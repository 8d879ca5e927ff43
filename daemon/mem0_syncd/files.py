"""Reading the sources' files: whole, or from where the last read ended, and only what has changed."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import BinaryIO

from mem0_syncd.unreadable import Reason, Refused
from mem0_syncd.watched_folder import LONGEST_LOG, WatchedFolder, read_all, read_some

LONGEST_READ = LONGEST_LOG
"""Bytes of an appended file that are read at a time."""

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
    """What was read of a file: all of it, or what was appended after `lines` lines.

    Of one that `is_cut` there is more to be read after the mark.
    """

    data: bytes
    lines: int
    signature: tuple[int, ...]
    mark: Mark | None
    is_cut: bool = False

    @property
    def is_tail(self) -> bool:
        """Whether the file had been read up to there before."""
        return self.lines > 0


def signature_of(folder: WatchedFolder, name: str) -> tuple[int, ...] | None:
    """What tells a file from its earlier self; None where there is none, () where it can't be told.

    Raises `Refused` for what may not be read, and `OSError`.
    """
    found = folder.stat(name)
    if found is None:
        return None
    if time.time() - found.st_mtime < _RACY_SECONDS:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read(
    folder: WatchedFolder,
    name: str,
    signature: tuple[int, ...],
    mark: Mark | None,
    *,
    appended: bool,
) -> Contents:
    """What the file holds, after the mark if the file has only grown since.

    Of an appended file it is at most `LONGEST_READ` bytes, and the rest is read after the mark. Raises
    `Refused` and `OSError`.
    """
    with folder.open(name) as file:
        if not appended:
            return Contents(read_all(file, LONGEST_LOG), 0, signature, None)
        inode = os.fstat(file.fileno()).st_ino
        begin = mark if mark and mark.inode == inode and _begins_like(file, mark) else None
        offset, lines = (begin.offset, begin.lines) if begin else (0, 0)
        file.seek(offset)
        data = read_some(file, LONGEST_READ + 1)
        is_cut = len(data) > LONGEST_READ
        if is_cut:
            data, signature = data[: _last_beginning(data[:LONGEST_READ])], ()
        complete = data.rfind(b"\n") + 1
        end = offset + complete
        lines_read = lines + data.count(b"\n", 0, complete)
        return Contents(
            data, lines, signature, Mark(inode, end, lines_read, _fingerprint(file, end)), is_cut=is_cut
        )


def _last_beginning(data: bytes) -> int:
    """Where the last entry begins, which may be cut off: an object of several lines begins at the margin."""
    found = data.rfind(b"\n{") + 1 or data.rfind(b"\n") + 1
    if not found:
        raise Refused(
            Reason.TOO_LARGE, f"a line is longer than {len(data):,} bytes", "remove the line, or break it up"
        )
    return found


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
