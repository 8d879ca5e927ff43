"""Reads the sources' files: whole, or from where the last read ended, and only what has changed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO

from mem0_syncd.sources.jsonl import start_of_last_block
from mem0_syncd.system.regular_file import read_all, read_some
from mem0_syncd.system.untrusted_folder import LONGEST_LOG, UntrustedFolder

LONGEST_READ = LONGEST_LOG
"""Bytes of an appended file that are read at a time."""

_FINGERPRINT_BYTES = 4096

# A file system's clock ticks some milliseconds apart: two writes in one tick can look like one.
_RACY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a read of an appended file ended, and what shows that the file still begins like that.

    `is_within_line` if that is within a line that is too long to be read.
    """

    inode: int
    offset: int
    lines: int
    fingerprint: bytes
    is_within_line: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a file: all of it, or what was appended after an offset and `lines` lines.

    `mark` is the end of the whole lines. `block` is where the last of them begin that may be the first half
    of something. `too_long` is the number of a line that was skipped.
    """

    data: bytes
    signature: tuple[int, ...]
    offset: int = 0
    lines: int = 0
    mark: Mark | None = None
    block: Mark | None = None
    has_more: bool = False
    too_long: int = 0

    @property
    def is_tail(self) -> bool:
        """Whether the file had been read up to there before."""
        return self.offset > 0


def signature_of(folder: UntrustedFolder, name: str, now: float) -> tuple[int, ...] | None:
    """The signature of a file at the moment `now`.

    Raises `Refused` for what may not be read, and `OSError`.
    """
    return signature(folder.stat(name), now)


def signature(found: os.stat_result | None, now: float) -> tuple[int, ...] | None:
    """What tells a file from its earlier self at the moment `now`; None without a file.

    It is () if that can't be told, because the file has just changed.
    """
    if found is None:
        return None
    if now - found.st_mtime < _RACY_SECONDS:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read(
    folder: UntrustedFolder,
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
            return Contents(read_all(file, LONGEST_LOG), signature)
        return _read_lines(file, signature, mark, LONGEST_READ)


def mark_before(folder: UntrustedFolder, name: str, read: Contents, line: int) -> Mark:
    """The mark at the beginning of a line of what was read; raises `Refused` and `OSError`."""
    end = 0
    for _ in range(line - 1 - read.lines):
        end = read.data.index(b"\n", end) + 1
    with folder.open(name) as file:
        return _mark(file, read.offset + end, line - 1)


def _read_lines(file: BinaryIO, signature: tuple[int, ...], mark: Mark | None, most: int) -> Contents:
    begin = mark if mark and _begins_like(file, mark) else None
    offset, lines = (begin.offset, begin.lines) if begin else (0, 0)
    if begin and begin.is_within_line:
        offset = _after_hole(file, offset)
    data = _bytes_at(file, offset, most)
    if begin and begin.is_within_line:
        end = data.find(b"\n") + 1
        offset += end or len(data)
        lines += bool(end)
        if not end:
            there = _mark(file, offset, lines, is_within_line=True)
            return Contents(b"", signature, offset, lines, there, has_more=len(data) == most)
        data = b""  # two of them at once would be too much
        data = _bytes_at(file, offset, most)
    has_more = len(data) == most
    whole, block = data.rfind(b"\n") + 1, start_of_last_block(data)
    if has_more and not whole:
        there = _mark(file, offset + len(data), lines, is_within_line=True)
        return Contents(b"", signature, offset, lines, there, has_more=True, too_long=lines + 1)
    if has_more:
        whole = block or whole
        data = b""
        data = _bytes_at(file, offset, whole)
    there = _mark(file, offset + whole, lines + data.count(b"\n", 0, whole))
    half = None if has_more else _mark(file, offset + block, lines + data.count(b"\n", 0, block))
    return Contents(data, signature, offset, lines, there, half, has_more)


def _mark(file: BinaryIO, offset: int, lines: int, *, is_within_line: bool = False) -> Mark:
    return Mark(os.fstat(file.fileno()).st_ino, offset, lines, _fingerprint(file, offset), is_within_line)


def _after_hole(file: BinaryIO, offset: int) -> int:
    """Where the next written bytes are, so that the holes of a sparse file aren't read."""
    try:
        return os.lseek(file.fileno(), offset, os.SEEK_DATA)
    except (AttributeError, OSError):  # there are none up to the end, or the file system can't tell
        return offset


def _bytes_at(file: BinaryIO, offset: int, most: int) -> bytes:
    file.seek(offset)
    return read_some(file, most)


def _begins_like(file: BinaryIO, mark: Mark) -> bool:
    found = os.fstat(file.fileno())
    is_longer = found.st_ino == mark.inode and found.st_size >= mark.offset > 0
    return is_longer and _fingerprint(file, mark.offset) == mark.fingerprint


def _fingerprint(file: BinaryIO, offset: int) -> bytes:
    """The hash of a file's first bytes, and of the last ones before an offset."""
    digest = hashlib.blake2b(digest_size=16)
    for start in (0, max(0, offset - _FINGERPRINT_BYTES)):
        file.seek(start)
        digest.update(file.read(min(_FINGERPRINT_BYTES, offset - start)))
    return digest.digest()
