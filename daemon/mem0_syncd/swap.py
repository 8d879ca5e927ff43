"""Swapping two files in one step, where the operating system can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux's renameat2(2), and RENAME_SWAP of macOS's renamex_np(2)."""

_HERE = -100
"""AT_FDCWD of Linux: a relative path is of the working directory."""

_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def swap(one: Path, other: Path) -> bool:
    """Give each of two files the other one's name; False where that can't be done in one step.

    Raises `OSError`, for one when either isn't there.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    name = "renamex_np" if sys.platform == "darwin" else "renameat2"
    rename = getattr(libc, name, None)
    if rename is None:
        return False
    here = () if sys.platform == "darwin" else (_HERE,)
    if rename(*here, os.fsencode(one), *here, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:  # a file system that has no such thing
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))
