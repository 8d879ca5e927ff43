"""Callbacks for progress."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int], None]
"""Called with (done, total)."""


def to_nobody(done: int, total: int) -> None:
    """Ignore progress."""
