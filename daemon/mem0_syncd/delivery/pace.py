"""The client's own limit of adds a minute."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 60.5
"""A minute, and a little for adds that travel at unequal speed."""


class Pace:
    """How many more adds a sliding minute allows; a small share is for major ones alone."""

    def __init__(self, per_minute: int | None) -> None:
        """`per_minute` is None where there is no limit."""
        self._limit = per_minute
        self._reserve = max(1, per_minute // 100) if per_minute and per_minute > 1 else 0
        self._sent: deque[float] = deque()

    def room(self, now: float, *, major: bool) -> int:
        """How many may go at the monotonic time `now`."""
        if self._limit is None:
            return 1_000_000
        while self._sent and now - self._sent[0] >= WINDOW_SECONDS:
            self._sent.popleft()
        return max(0, self._limit - (0 if major else self._reserve) - len(self._sent))

    def took(self, now: float, count: int) -> None:
        """Count adds that go at `now`."""
        if self._limit is not None:
            self._sent.extend([now] * count)

    def wait(self, now: float) -> float:
        """Seconds until the next one may go, 0 if one may now."""
        if self._limit is None or self.room(now, major=False) or not self._sent:
            return 0.0
        return max(0.0, self._sent[0] + WINDOW_SECONDS - now)
