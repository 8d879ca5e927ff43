"""How far something has come, as whoever does it tells whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int], None]
"""Is told that so many of so many are done."""


def to_nobody(done: int, total: int) -> None:
    """Nobody waits who would like to know."""
