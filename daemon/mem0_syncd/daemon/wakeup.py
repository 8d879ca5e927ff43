"""Wakes the daemon's main thread: by a signal, or from another thread."""

from __future__ import annotations

import os
import select
import signal

_NUDGE = 0


class Wakeup:
    """Keeps every ring until it is waited for; one for each process."""

    def __init__(self) -> None:
        # A pipe, because a signal that comes just before a lock is waited for doesn't end that wait.
        self._told, self._telling = os.pipe()
        os.set_blocking(self._telling, False)

    def listen(self, *signals: signal.Signals) -> None:
        """Have these signals ring, and do nothing else; for the main thread."""
        signal.set_wakeup_fd(self._telling, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: None)

    def ring(self, number: int = _NUDGE) -> None:
        """Ring as a signal would; without a number, only wake the waiting thread."""
        os.write(self._telling, bytes([number]))

    def wait(self, seconds: float) -> int | None:
        """The next signal; None for a ring without a number, and if none came in so many seconds."""
        readable, _, _ = select.select([self._told], [], [], seconds)
        return (os.read(self._told, 1)[0] or None) if readable else None
