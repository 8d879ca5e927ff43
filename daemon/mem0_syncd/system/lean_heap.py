"""The C library's heap, which all threads of the daemon can share."""

from __future__ import annotations

import contextlib
import ctypes

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's mallopt(3)."""


_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 256 << 10


def share() -> None:
    """Have threads that are yet to start allocate from one heap, where the C library can be told.

    glibc gives each a heap of its own, in which what is free is of no use to the others; under the
    interpreter's lock, they would hardly ever wait for each other. Large blocks are given back as soon as
    they are free: from then on it would keep those as large as any that was freed before, one long file's.
    """
    with contextlib.suppress(AttributeError):  # other C libraries have one heap anyway, or their own ways
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)
