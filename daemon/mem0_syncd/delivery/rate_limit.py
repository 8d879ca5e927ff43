"""The client's own limit of adds a minute."""

from __future__ import annotations

import math
from collections import deque

WINDOW_SECONDS = 60.1
"""A minute, and a little for clocks that run at unequal speed."""


class RateLimit:
    """How many more adds a sliding minute allows; a small share is for major ones alone.

    An add counts from when it is handed over until a minute after its end. So no minute has more than the
    limit, whenever Mem0 counted it, and by whichever minute.
    """

    def __init__(self, per_minute: int | None) -> None:
        """`per_minute` is None without a limit."""
        self._under_way = 0
        self._ended: deque[float] = deque()
        self.limit(per_minute)

    def limit(self, per_minute: int | None) -> None:
        """Use another limit from now on; earlier adds count for it."""
        self._limit = per_minute
        self._reserve = max(1, per_minute // 100) if per_minute and per_minute > 1 else 0

    def room(self, now: float, *, major: bool) -> int:
        """How many may be sent at the monotonic time `now`."""
        if self._limit is None:
            return 1_000_000
        while self._ended and self._ended[0] + WINDOW_SECONDS <= now:
            self._ended.popleft()
        taken = self._under_way + len(self._ended)
        return max(0, self._limit - (0 if major else self._reserve) - taken)

    def took(self, count: int) -> None:
        """Count adds that are sent now."""
        self._under_way += count

    def ended(self, now: float, *, was_sent: bool = True) -> None:
        """Count one that has ended at `now`, or was never sent at all."""
        self._under_way -= 1
        if was_sent and self._limit is not None:
            self._ended.append(now)

    def wait(self, now: float) -> float:
        """Seconds until the next one may be sent, 0 if one may now; infinite while only an end makes room."""
        if self.room(now, major=False):
            return 0.0
        return max(0.0, self._ended[0] + WINDOW_SECONDS - now) if self._ended else math.inf
