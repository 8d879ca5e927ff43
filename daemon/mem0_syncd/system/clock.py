"""The clocks: those of the machine as one value, and a wall clock that no jump sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

JUMP_SECONDS = 2.0
"""What a clock may be set by without anybody having to know; it is followed at once."""

# Neither jumps nor stands still while the machine sleeps; macOS calls by the second name what Linux does by
# the first.
_EVEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

Moment = Callable[[], float]


def _even() -> float:
    return time.clock_gettime(_EVEN)


# Taken from the module at each making, so that who replaces the process's clock at its start has them, too.
@dataclass(frozen=True, slots=True)
class Clock:
    """What a machine tells of the time, in seconds, and how one waits there; a simulation has its own."""

    wall: Moment = field(default_factory=lambda: time.time)
    """Since the epoch; it may be set at any time."""

    monotonic: Moment = field(default_factory=lambda: time.monotonic)
    """Since some moment; it is never set, and may stand still while the machine sleeps."""

    even: Moment = _even
    """Since some moment; it is never set, and never stands still."""

    sleep: Callable[[float], None] = field(default_factory=lambda: time.sleep)
    """Waits for so many seconds."""


class SteadyClock:
    """Tells the wall clock's time; one that has jumped counts as if it hadn't, until the jump is followed."""

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
        """How many seconds the wall clock has been set forward, or back, and not been followed."""
        drift = self._drift()
        return drift if abs(drift) >= JUMP_SECONDS else 0.0

    def follow(self, jump: float) -> None:
        """Tell the time as the wall clock does since a jump."""
        self._offset += jump

    def _drift(self) -> float:
        return self._clock.wall() - self._clock.even() - self._offset


def rfc3339(moment: float | None) -> str | None:
    """Seconds since the epoch as RFC 3339, in UTC and to the second."""
    from datetime import UTC, datetime

    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
