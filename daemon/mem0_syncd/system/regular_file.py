"""A regular file where a walk has ended: it is checked, opened, checked again, and read within a size.

This imports next to nothing, because hooks read here, too.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from mem0_syncd.system.unreadable_file import Reason, RefusedFile
from mem0_syncd.system.untrusted_walk import End, check_owner

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_MIB = 1 << 20

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_file(end: End) -> BinaryIO:
    """The file where a walk ended; raises `RefusedFile` and `OSError`."""
    if end.found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), end.path)
    check_file(end.found, end)  # first: opening a device may make it act
    try:
        handle = os.open(end.name, _READ, dir_fd=end.folder)
    except OSError as error:
        if error.errno not in {errno.ELOOP, errno.EMLINK}:
            raise
        raise RefusedFile(
            Reason.CHANGING, "it became a link while it was opened", "nothing: it is read again"
        ) from None
    try:
        check_file(os.fstat(handle), end)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_all(file: BinaryIO, most: int) -> bytes:
    """An open file's contents, at most `most` bytes; raises `RefusedFile` and `OSError`."""
    size = os.fstat(file.fileno()).st_size
    data = read_some(file, most + 1) if size <= most else b""
    if size > most or len(data) > most:
        raise too_large(max(size, len(data)), most)
    return data


def too_large(size: int, most: int) -> RefusedFile:
    """Why a file of `size` bytes isn't read, if it may have `most`."""
    what = f"longer than a file of its kind may be: {_size(size)} of {_size(most)}"
    return RefusedFile(Reason.TOO_LARGE, what, "shorten it, or move it away")


def check_file(found: os.stat_result, end: End) -> None:
    """Refuse what is no regular file, or of another owner: raises `RefusedFile`."""
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        is_folder = stat.S_ISDIR(found.st_mode)
        what = f"{kind} is in the file's place" if is_folder else f"not a regular file, but {kind}"
        raise RefusedFile(Reason.NOT_A_FILE, what, "move it away")
    check_owner(found, end.area, end.name)


def read_some(file: BinaryIO, most: int) -> bytes:
    """As many bytes as there are, up to `most`: a file may shrink or grow meanwhile."""
    data = file.read(min(most, os.fstat(file.fileno()).st_size + 1))
    while len(data) < most and (more := file.read(min(most - len(data), _MIB))):
        data += more
    return data


def _size(count: int) -> str:
    return f"{count / _MIB:.1f} MiB" if count >= _MIB else f"{count / 1024:.1f} KiB"
