"""Imports of libraries without the parts that we don't need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Make imports in the block find modules missing, unless they are loaded already."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:  # import understands None as missing
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def needless_hashes() -> list[str]:
    """The module that hashes with OpenSSL, if Python has the same hashes of its own.

    Some distributions leave theirs out, all but BLAKE2.
    """
    return ["_hashlib"] if find_spec("_md5") else []
