"""Imports of what others wrote, without what they could do without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let what is imported in the block find modules missing, unless they are there by now."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:  # None is what import understands as missing
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def needless_hashes() -> list[str]:
    """The module that hashes with OpenSSL, where Python has as many hashes of its own.

    Some distributions leave theirs out, all but BLAKE2.
    """
    return ["_hashlib"] if find_spec("_md5") else []
