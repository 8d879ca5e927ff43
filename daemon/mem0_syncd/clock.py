"""The wall clock as far as it runs evenly, so that no jump decides anything."""

from __future__ import annotations

import time
from collections.abc import Callable

JUMP_SECONDS = 2.0
"""What a clock may be set by without anybody having to know; it is followed at once."""

# Neither jumps nor stands still while the machine sleeps; macOS calls by the second name what Linux does by
# the first.
_EVEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


Moment = Callable[[], float]


class Clock:
    """Tells the wall clock's time; one that has jumped counts as if it hadn't, until the jump is followed."""

    def __init__(
        self, wall: Callable[[], float] = time.time, even: Callable[[], float] | None = None
    ) -> None:
        self._wall = wall
        self._even = even or (lambda: time.clock_gettime(_EVEN))
        self._offset = wall() - self._even()

    def now(self) -> float:
        """Seconds since the epoch."""
        self._offset += self._drift() if self.jump() == 0.0 else 0.0
        return self._even() + self._offset

    def jump(self) -> float:
        """How many seconds the wall clock has been set forward, or back, and not been followed."""
        drift = self._drift()
        return drift if abs(drift) >= JUMP_SECONDS else 0.0

    def follow(self, jump: float) -> None:
        """Tell the time as the wall clock does since a jump."""
        self._offset += jump

    def _drift(self) -> float:
        return self._wall() - self._even() - self._offset
