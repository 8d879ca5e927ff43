"""The clocks: those of the machine as one value, and a wall clock that ignores jumps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

JUMP_SECONDS = 2.0
"""Seconds by which a clock may be set without any correction; it is followed at once."""

# Neither jumps nor stands still while the machine sleeps; macOS calls by the second name what Linux does by
# the first.
_EVEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

Moment = Callable[[], float]


def _even() -> float:
    return time.clock_gettime(_EVEN)


# Taken from the module each time, so that a test which replaces the process's clock at its start has them,
# too.
@dataclass(frozen=True, slots=True)
class Clock:
    """A machine's clocks, in seconds, and how to wait there; a simulation has its own."""

    wall: Moment = field(default_factory=lambda: time.time)
    """Since the epoch; it may be set at any time."""

    monotonic: Moment = field(default_factory=lambda: time.monotonic)
    """Since some moment; it is never set, and may stand still while the machine sleeps."""

    even: Moment = _even
    """Since some moment; it is never set, and never stands still."""

    sleep: Callable[[float], None] = field(default_factory=lambda: time.sleep)
    """Wait for so many seconds."""


class SteadyClock:
    """The wall clock's time; after a jump it goes on as before, until the jump is followed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.wall() - clock.even()

    def now(self) -> float:
        """Seconds since the epoch."""
        self._offset += self._drift() if self.jump() == 0.0 else 0.0
        return self._clock.even() + self._offset

    def monotonic(self) -> float:
        """Seconds since some moment; it is never set."""
        return self._clock.monotonic()

    def jump(self) -> float:
        """How many seconds the wall clock was set forward, or back, since the last followed jump."""
        drift = self._drift()
        return drift if abs(drift) >= JUMP_SECONDS else 0.0

    def follow(self, jump: float) -> None:
        """Follow a jump of the wall clock."""
        self._offset += jump

    def _drift(self) -> float:
        return self._clock.wall() - self._clock.even() - self._offset


def rfc3339(moment: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339, in UTC and to the second."""
    from datetime import UTC, datetime

    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
