"""Shows progress on standard error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from mem0_syncd.status.render import duration
from mem0_syncd.system import output
from mem0_syncd.system.clock import Moment
from mem0_syncd.system.terminal_safety import visible

QUIET_SECONDS = 1.0
"""Seconds that a person waits before progress is shown."""

LINE_SECONDS = 10.0
"""Seconds between two lines of progress in a log."""


class Progress(Protocol):
    """The callbacks that show progress."""

    def tell(self, done: int, total: int) -> None:
        """Called with (done, total)."""

    def say(self, what: str) -> None:
        """Called with what is being done now."""


@contextmanager
def progress(what: str, monotonic: Moment = time.monotonic) -> Iterator[Progress]:
    """Show the progress of the block: a bar on a terminal, a line now and then elsewhere."""
    if not output.is_talk_seen():
        yield _Lines(what, monotonic)
        return
    bar = _Bar(what)
    try:
        yield bar
    finally:
        bar.end()


def line(what: str, done: int, total: int, seconds: float) -> str:
    """One line of progress, with the time left at the speed of the seconds so far."""
    if not total:
        return f"{what} ..."
    left = f", about {duration(seconds * (total - done) / done)} left" if done else ""
    return f"{what}: {done} of {total}{left}"


class _Lines:
    def __init__(self, what: str, monotonic: Moment) -> None:
        self._what, self._monotonic = what, monotonic
        self._begun = self._last = monotonic()
        self._done = self._total = 0

    def tell(self, done: int, total: int) -> None:
        now = self._monotonic()
        if total != self._total or done < self._done:  # other work, with a speed of its own
            self._begun = now
        self._done, self._total = done, total
        if now - self._last >= LINE_SECONDS:
            self._last = now
            output.talk(line(self._what, done, total, now - self._begun))

    def say(self, what: str) -> None:
        self._what = what
        self.tell(self._done, self._total)


class _Bar:
    def __init__(self, what: str) -> None:
        self._what = what
        self._done = self._total = 0
        self._bar: Any = None
        self._changing = threading.Lock()
        self._timer = threading.Timer(QUIET_SECONDS, self._show)
        self._timer.daemon = True
        self._timer.start()

    def tell(self, done: int, total: int) -> None:
        with self._changing:
            self._done, self._total = done, total
            self._draw()

    def say(self, what: str) -> None:
        with self._changing:
            self._what = what
            self._draw()

    def end(self) -> None:
        self._timer.cancel()
        with self._changing:
            if self._bar is not None:
                self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        naming = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
        self._naming = naming
        self._counting = (
            *naming,
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        bar = Bar(*naming, console=output.console(of_talk=True), transient=True)
        with self._changing:
            if not self._timer.finished.is_set():
                self._bar = bar
                bar.add_task(visible(self._what), total=None)
                bar.start()
                self._draw()

    def _draw(self) -> None:
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.columns = self._counting if self._total else self._naming
            self._bar.update(
                task, description=visible(self._what), completed=self._done, total=self._total or None
            )
