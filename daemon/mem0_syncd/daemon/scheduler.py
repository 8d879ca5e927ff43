"""Periodic and requested work, on APScheduler; the outbox is the durable state, not the job store."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from mem0_syncd.system.clock import Clock, SteadyClock

_NEVER = timedelta(days=365)

Work = Callable[[], None]
Report = Callable[[str, Exception | None], None]


class Schedule:
    """Named jobs, each run by one thread at a time, at its period and on request.

    A request for a job that is running makes it run once more; none is lost.
    """

    def __init__(self, report: Report) -> None:
        """`report` is called at the end of every run, with the exception that ended it, if there was one."""
        self._report = report
        self._clock = SteadyClock(Clock())
        self._asking = threading.Lock()
        self._guarded: dict[str, _Guarded] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            # By default a job that is late is dropped, and one that fires while it runs is lost.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 100},
        )

    def add(self, name: str, work: Work, *, every: float | None = None) -> None:
        """Add a job under a name, run every so many seconds, or only on request."""
        period = timedelta(seconds=every) if every else _NEVER
        guarded = self._guarded[name] = _Guarded(name, work, self._report)
        self._scheduler.add_job(guarded, "interval", id=name, seconds=period.total_seconds())

    def repeat(self, name: str, every: float) -> None:
        """Run a job at another period from now on."""
        with self._asking:
            self._scheduler.reschedule_job(name, trigger="interval", seconds=every)

    def by(self, name: str, seconds: float) -> None:
        """Have a job run within so many seconds, or when it was due anyway if that is earlier."""
        when = datetime.now(UTC) + timedelta(seconds=max(0.0, seconds))
        with self._asking:
            job = self._scheduler.get_job(name)
            due = getattr(job, "next_run_time", None)  # it has none before the start
            if job is not None and (due is None or when < due):
                job.modify(next_run_time=when)

    def soon(self, name: str) -> None:
        """Have a job run at once."""
        self.by(name, 0.0)

    def signs(self) -> dict[str, Hashable]:
        """For each running job, where its thread is: a value that stays the same means that it hangs."""
        frames = sys._current_frames()  # noqa: SLF001 - it has no other name
        return {
            name: (guarded.runs, _place(frames.get(thread)))
            for name, guarded in list(self._guarded.items())
            if (thread := guarded.thread) is not None
        }

    def thread_of(self, name: str) -> int | None:
        """The thread that runs a job now, if there is one."""
        guarded = self._guarded.get(name)
        return guarded.thread if guarded else None

    def follow_clock(self) -> None:
        """Correct run times that a clock that was set back has moved away; to be called now and then."""
        back = self._clock.jump()
        if not back:
            return
        self._clock.follow(back)
        # After a clock was set forward, or a machine slept, all that is overdue runs anyway.
        with self._asking:
            for job in self._scheduler.get_jobs() if back < 0 else ():
                job.modify(next_run_time=job.next_run_time + timedelta(seconds=back))

    def start(self) -> None:
        """Start; what was requested before runs now."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no more jobs; running ones go on."""
        self._scheduler.shutdown(wait=False)


class _Guarded:
    def __init__(self, name: str, work: Work, report: Report) -> None:
        self._name, self._work, self._report = name, work, report
        self._lock = threading.Lock()
        self._again = False
        self.thread: int | None = None
        self.runs = 0

    def __call__(self) -> None:
        with self._lock:
            if self.thread is not None:
                self._again = True
                return
            self.thread = threading.get_ident()
        while True:
            self.runs += 1
            try:
                self._work()
                self._report(self._name, None)
            except Exception as error:  # noqa: BLE001 - APScheduler would only log it
                self._report(self._name, error)
            with self._lock:
                if not self._again:
                    self.thread = None
                    return
                self._again = False


def _place(frame: FrameType | None) -> Hashable:
    """A thread's position: every call's code and instruction, from the innermost outwards."""
    place = []
    while frame is not None:
        place.append((id(frame.f_code), frame.f_lasti))
        frame = frame.f_back
    return tuple(place)
