"""Swaps two files of a folder in one step, if the operating system can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux's renameat2(2), and RENAME_SWAP of macOS's renameatx_np(2)."""

_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def swap(folder: int, one: str, other: str) -> bool:
    """Give each of two files in an open folder the other's name; False if one step can't do that.

    No link is followed. Raises `OSError`, also if one of them is missing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    rename = getattr(libc, name, None)
    if rename is None:
        return False
    if rename(folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:  # a file system without that call
        return False
    raise OSError(number, os.strerror(number), one, None, other)
