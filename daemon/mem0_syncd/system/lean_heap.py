"""The C library's heap, which all threads of the daemon can share."""

from __future__ import annotations

import contextlib
import ctypes

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's mallopt(3)."""


_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 256 << 10


def share() -> None:
    """Have new threads allocate from one heap, if the C library can.

    glibc gives each thread a heap of its own, whose free memory is of no use to the others. Under the
    interpreter's lock they would hardly ever wait for each other. Large blocks are given back when they are
    free: by default it would keep all that are as large as any that was freed before, such as one long
    file's.
    """
    with contextlib.suppress(AttributeError):  # other C libraries have one heap anyway, or their own ways
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)
