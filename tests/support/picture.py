"""A picture of a folder: everything that can be told of what is in it, to be compared with a later one."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_COUNTED = 1 << 20
"""A longer file is known by its size, times and beginning."""


@dataclass(frozen=True)
class Sight:
    """What one path shows: a regular file's content, a link's target, and what `lstat` says of all."""

    mode: int
    owner: tuple[int, int]
    inode: int
    links: int
    size: int
    changed_at: int
    content: str


Picture = dict[str, Sight]


def picture_of(folder: Path, leaving_out: Iterable[Path] = ()) -> Picture:
    """Everything below a folder, links not followed; a path left out takes what is below it along.

    The folder that such a path is in may change its own times, for files come and go in it.
    """
    left_out = {os.fsencode(path) for path in leaving_out}
    busy = {os.path.dirname(path) for path in left_out}  # noqa: PTH120 - names may be no text
    return {
        os.fsdecode(path): _sight(path, is_busy=path in busy)
        for path in _paths(os.fsencode(folder), left_out)
    }


def differences(before: Picture, after: Picture) -> dict[str, str]:
    """What came, went or changed between two pictures, by path; nothing where they are equal."""
    found = {}
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None:
            found[path] = f"came: {new}"
        elif new is None:
            found[path] = f"went: {old}"
        elif old != new:
            found[path] = f"{old} became {new}"
    return found


def _paths(folder: bytes, left_out: set[bytes]) -> Iterator[bytes]:
    yield folder
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.path in left_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _paths(entry.path, left_out)
            else:
                yield entry.path


def _sight(path: bytes, *, is_busy: bool) -> Sight:
    found = os.lstat(path)
    content = ""
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:  # noqa: PTH123 - a name may be no text
            content = hashlib.blake2b(file.read(_COUNTED)).hexdigest()
    elif stat.S_ISLNK(found.st_mode):
        content = os.fsdecode(os.readlink(path))  # noqa: PTH115 - likewise
    is_folder = stat.S_ISDIR(found.st_mode)
    return Sight(
        mode=found.st_mode,
        owner=(found.st_uid, found.st_gid),
        inode=found.st_ino,
        links=0 if is_folder else found.st_nlink,
        size=0 if is_folder else found.st_size,
        changed_at=0 if is_busy else found.st_mtime_ns,
        content=content,
    )
