"""What git tracks in a folder, read from git's own files without a process."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from mem0_syncd.errors import is_want_of_handles
from mem0_syncd.projects.git import Repository, repository_of
from mem0_syncd.system.unreadable_file import Reason, RefusedFile
from mem0_syncd.system.untrusted_folder import LONGEST_LOG, UntrustedFolder

_NAME_LENGTH = 0x0FFF
_EXTENDED = 0x4000
_FIXED = 62
"""Bytes of an entry before its name: times, modes, object id and flags (gitformat-index(5))."""


def tracks_any(
    folder: Path,
    names: Iterable[str],
    *,
    trusted: Iterable[Path] = (),
    opened: UntrustedFolder | None = None,
) -> bool:
    """Whether git tracks any of some files of a folder, which may be anywhere in a work tree.

    `folder` is without links. What can't be read isn't tracked. An index that is too large to be read counts
    as if it named them. `opened` is the folder, if it is open already. Raises `OSError` if file handles run
    out.
    """
    trusted = tuple(trusted)
    found = repository_of(folder, trusted=trusted, opened=opened)
    if found is None:
        return False
    wanted = tuple((folder.relative_to(found.tree) / name).as_posix().encode() for name in names)
    try:
        root = opened if opened and found.root == folder else UntrustedFolder(found.root, trusted=trusted)
        index = root.stat(f"{found.own}/index")
        return index is not None and _tracks_any(found, trusted, index.st_mtime_ns, wanted)
    except RefusedFile as error:
        return error.reason in {Reason.TOO_LARGE, Reason.TOO_MANY}
    except (OSError, struct.error, IndexError, ValueError) as error:
        if is_want_of_handles(error):
            raise
        return False


@lru_cache(maxsize=1024)
def _tracks_any(
    found: Repository, trusted: tuple[Path, ...], _changed_at: int, wanted: tuple[bytes, ...]
) -> bool:
    with UntrustedFolder(found.root, trusted=trusted) as folder:
        # With a split index most of it is in a file beside it.
        parts = ["index", *(name for name in folder.names(found.own) if name.startswith("sharedindex."))]
        return any(_names_any(folder.read(f"{found.own}/{part}", LONGEST_LOG), wanted) for part in parts)


def _names_any(index: bytes, wanted: Sequence[bytes]) -> bool:
    magic, version, count = struct.unpack_from(">4sII", index)
    if magic != b"DIRC":
        return False
    if version >= 4:  # noqa: PLR2004 - from there on names are cut short
        return any(name in wanted for name in _short_names(index, count))
    return any(_has(index, name) for name in wanted)


def _has(index: bytes, name: bytes) -> bool:
    """Whether an index names a file: the length comes before the name, so a longer name doesn't match."""
    at = index.find(name + b"\0")
    while at >= 0:
        flags = int.from_bytes(index[at - 2 : at])
        extended = int.from_bytes(index[at - 4 : at - 2])
        length = min(len(name), _NAME_LENGTH)
        if flags & _NAME_LENGTH == length or (extended & _EXTENDED and extended & _NAME_LENGTH == length):
            return True
        at = index.find(name + b"\0", at + 1)
    return False


def _short_names(index: bytes, count: int) -> Iterator[bytes]:
    at, name = 12, b""
    for _ in range(count):
        flags = int.from_bytes(index[at + _FIXED - 2 : at + _FIXED])
        at += _FIXED + (2 if flags & _EXTENDED else 0)
        cut = index[at] & 0x7F
        while index[at] & 0x80:
            at += 1
            cut = ((cut + 1) << 7) | (index[at] & 0x7F)
        end = index.index(b"\0", at + 1)
        name = name[: len(name) - cut] + index[at + 1 : end]
        yield name
        at = end + 1
