"""The schedule: work runs at its period and when asked for, one run at a time, and no request is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from mem0_syncd.daemon.scheduler import Schedule

PATIENCE = 5.0


class Worker:
    """Work that counts its runs, lasts until it is let go, and fails as often as it is told."""

    def __init__(self, *, blocks: bool = False, failures: int = 0) -> None:
        self.runs, self.at_once, self.most_at_once = 0, 0, 0
        self.failures = failures
        self.moments: list[float] = []
        self.changed = threading.Condition()
        self.go_on = threading.Event()
        if not blocks:
            self.go_on.set()

    def __call__(self) -> None:
        with self.changed:
            self.runs += 1
            self.moments.append(time.monotonic())
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            self.changed.notify_all()
        self.go_on.wait(PATIENCE)
        with self.changed:
            self.at_once -= 1
            self.changed.notify_all()
            if self.failures:
                self.failures -= 1
                raise RuntimeError("oops")

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Wait until the condition holds, as long as is bearable."""
        with self.changed:
            return self.changed.wait_for(condition, PATIENCE)


@pytest.fixture
def reports() -> list[tuple[str, str]]:
    """What was reported: names, and errors' texts."""
    return []


@pytest.fixture
def schedule(reports: list[tuple[str, str]]) -> Iterator[Schedule]:
    """A schedule that runs."""
    schedule = Schedule(lambda name, error: reports.append((name, str(error or ""))))
    schedule.start()
    yield schedule
    schedule.stop()


def settle() -> None:
    """Give what shouldn't happen its chance."""
    time.sleep(0.1)


def test_work_that_is_asked_for_runs_soon_and_once(schedule: Schedule, reports: list[Any]) -> None:
    """Within a fraction of a second, and not before."""
    work = Worker()
    schedule.add("work", work)
    settle()
    assert work.runs == 0
    schedule.soon("work")
    assert work.wait(lambda: work.runs == 1)
    settle()
    assert work.runs == 1
    assert reports == [("work", "")]


def test_work_runs_at_its_period(schedule: Schedule) -> None:
    """Unasked."""
    work = Worker()
    schedule.add("work", work, every=0.05)
    assert work.wait(lambda: work.runs >= 3)


def test_a_request_during_a_run_makes_one_more_run(schedule: Schedule) -> None:
    """However many there are; and never two at a time."""
    work = Worker(blocks=True)
    schedule.add("work", work)
    schedule.soon("work")
    assert work.wait(lambda: work.runs == 1)
    for _ in range(5):
        schedule.soon("work")
        time.sleep(0.01)
    settle()
    assert work.runs == 1
    work.go_on.set()
    assert work.wait(lambda: work.runs == 2)
    settle()
    assert (work.runs, work.most_at_once) == (2, 1)


def test_no_request_is_lost(schedule: Schedule) -> None:
    """Every one is followed by a run that began after it."""
    work = Worker()
    schedule.add("work", work)
    for _ in range(50):
        asked = time.monotonic()
        schedule.soon("work")
        assert work.wait(lambda asked=asked: any(moment >= asked for moment in work.moments))  # type: ignore[misc]
    assert work.most_at_once == 1


def test_a_job_that_raises_is_reported_and_runs_again(schedule: Schedule, reports: list[Any]) -> None:
    """When it is asked for, and at its period."""
    work = Worker(failures=2)
    schedule.add("work", work, every=0.05)
    assert work.wait(lambda: work.runs >= 3)
    settle()
    assert reports[:3] == [("work", "oops"), ("work", "oops"), ("work", "")]


def test_a_job_that_raises_still_makes_the_run_that_was_asked_for(
    schedule: Schedule, reports: list[Any]
) -> None:
    """The request came during the run that failed."""
    work = Worker(blocks=True, failures=1)
    schedule.add("work", work)
    schedule.soon("work")
    assert work.wait(lambda: work.runs == 1)
    schedule.soon("work")
    settle()
    work.go_on.set()
    assert work.wait(lambda: work.runs == 2)
    settle()
    assert reports == [("work", "oops"), ("work", "")]


def test_by_never_postpones(schedule: Schedule) -> None:
    """Neither a run that was asked for earlier, nor the periodic one."""
    asked, periodic = Worker(), Worker()
    schedule.add("asked", asked)
    schedule.by("asked", 0.1)
    schedule.by("asked", 60.0)
    schedule.add("periodic", periodic, every=0.1)
    schedule.by("periodic", 60.0)
    assert asked.wait(lambda: asked.runs == 1)
    assert periodic.wait(lambda: periodic.runs >= 2)


def test_by_brings_a_run_forward(schedule: Schedule) -> None:
    """To the earliest that was asked for, and it runs once for all."""
    work = Worker()
    schedule.add("work", work, every=3600.0)
    before = time.monotonic()
    schedule.by("work", 60.0)
    schedule.by("work", 0.1)
    schedule.by("work", 0.2)
    assert work.wait(lambda: work.runs == 1)
    assert 0.08 < work.moments[0] - before < 2.0
    settle()
    settle()
    assert work.runs == 1


@pytest.mark.parametrize("seconds", [0.0, -5.0])
def test_what_was_due_already_runs_at_once(schedule: Schedule, seconds: float) -> None:
    """A due time may have passed."""
    work = Worker()
    schedule.add("work", work)
    schedule.by("work", seconds)
    assert work.wait(lambda: work.runs == 1)


def test_jobs_do_not_wait_for_each_other(schedule: Schedule) -> None:
    """One that hangs delays nobody."""
    stuck, free = Worker(blocks=True), Worker()
    schedule.add("stuck", stuck)
    schedule.add("free", free)
    schedule.soon("stuck")
    assert stuck.wait(lambda: stuck.runs == 1)
    schedule.soon("free")
    assert free.wait(lambda: free.runs == 1)
    stuck.go_on.set()


def test_work_that_nobody_added_can_be_asked_for(schedule: Schedule) -> None:
    """Nothing happens."""
    schedule.soon("nobody's")


def test_a_stopped_schedule_begins_nothing_more(reports: list[Any]) -> None:
    """What runs goes on."""
    schedule, work = Schedule(lambda name, error: reports.append(name)), Worker(blocks=True)
    schedule.start()
    schedule.add("work", work)
    schedule.soon("work")
    assert work.wait(lambda: work.runs == 1)
    schedule.stop()
    work.go_on.set()
    assert work.wait(lambda: work.at_once == 0)
    settle()
    assert (work.runs, reports) == (1, ["work"])


def test_what_was_asked_for_before_the_start_runs_at_the_start() -> None:
    """As `Schedule.start` says."""
    schedule, work = Schedule(lambda name, error: None), Worker()
    schedule.add("work", work)
    schedule.soon("work")
    schedule.start()
    try:
        assert work.wait(lambda: work.runs == 1)
    finally:
        schedule.stop()


def test_work_that_goes_on_gives_signs_and_work_that_stands_still_does_not(schedule: Schedule) -> None:
    """What doesn't run owes none."""
    counted = threading.Event()
    stands, ends = threading.Event(), threading.Event()

    def work() -> None:
        while not stands.is_set():
            sorted(range(1000))
            sum(range(1000))
        counted.set()
        ends.wait(PATIENCE)

    schedule.add("count", work)
    assert schedule.signs() == {}
    schedule.soon("count")
    signs: set[Any] = set()
    deadline = time.monotonic() + PATIENCE
    while len(signs) < 3 and time.monotonic() < deadline:
        signs.add(schedule.signs().get("count"))
    assert len(signs) >= 3
    stands.set()
    assert counted.wait(PATIENCE)
    same = 0
    while same < 20 and time.monotonic() < deadline:
        same = same + 1 if schedule.signs() == schedule.signs() != {} else 0
    assert same == 20
    ends.set()
    while schedule.signs() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert schedule.signs() == {}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_stops_no_work(schedule: Schedule, hours: int) -> None:
    """Set back, what was due goes on at its period; set forward, or after a sleep, it runs at once."""
    with time_machine.travel(datetime.now(UTC)) as now:
        schedule.add("work", work := Worker(), every=0.5)
        assert work.wait(lambda: work.runs == 1)
        now.shift(timedelta(hours=hours))
        schedule.follow_clock()
        now.shift(0.5)
        schedule.soon("another")  # which has the scheduler look at the clock
        schedule.add("another", Worker(), every=0.1)
        assert work.wait(lambda: work.runs >= 2)
