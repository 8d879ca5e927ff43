"""The daemon: the service with its clockwork of events, schedule and control socket."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from mem0_syncd import __version__, paths, project_file, sync_state
from mem0_syncd.answers import Answers
from mem0_syncd.audit import audit_what_is_due
from mem0_syncd.bell import Bell
from mem0_syncd.control import ControlServer
from mem0_syncd.delivery import Delivery
from mem0_syncd.errors import Problem
from mem0_syncd.keeper import Keeper
from mem0_syncd.log import configure
from mem0_syncd.notify import Notifier
from mem0_syncd.outbox import Outbox, faults
from mem0_syncd.reloading import renewed
from mem0_syncd.scheduler import Schedule
from mem0_syncd.service import Scans, Service
from mem0_syncd.settings import Settings
from mem0_syncd.sources import SOURCES
from mem0_syncd.upgrade import Upgrade
from mem0_syncd.watcher import Watcher

MEND_SECONDS = 10.0
TICK_SECONDS = 10.0
BEAT_SECONDS = 60.0
"""How often delivery looks for what is due unasked, should a wake-up ever be lost."""

AUDIT_CHECK_SECONDS = 3600.0
"""How often it is looked whether an audit is due: a laptop that slept at the time makes up for it."""
COMPACT_SECONDS = 3600.0

MARK_SECONDS = 0.2
"""How long marks wait for further receipts, so that many become one write."""

MARK_LONGEST_SECONDS = 0.8

log = structlog.get_logger("daemon")


class Daemon(Service):
    """The service with its clockwork: events, schedule and control socket."""

    def __init__(self, settings: Settings, outbox: Outbox, bell: Bell, notifier: Notifier) -> None:
        super().__init__(settings, outbox)
        self.bell = bell
        self.notifier = notifier
        self._dirty: dict[Path, bool] = {}
        self._failures: dict[str, Problem] = {}
        self._damage: Exception | None = None
        self.upgrade = Upgrade()
        self._mark_pause = MARK_SECONDS
        self._noting = threading.Lock()
        self._reloading = threading.Lock()
        files = [*(source.path for source in SOURCES), sync_state.PATH, project_file.PATH]
        socket = paths.socket_path(settings.state_dir)
        self.watcher = Watcher(files, self._note_change, self._mend_soon, socket.with_suffix(".own"))
        self.schedule = Schedule(self._after_job)
        self.schedule.add("scan", self._scan_dirty)
        self.schedule.add("full scan", self.scan_all, every=settings.scan_seconds)
        self.schedule.add("spool", self._take_in_spool)
        self.schedule.add("mark", self._mark)
        self.schedule.add("mend", self._mend)
        self.schedule.add("look", self._look, every=MEND_SECONDS)
        self.schedule.add("audit", self._audit, every=AUDIT_CHECK_SECONDS)
        self.schedule.add("compact", self._compact, every=COMPACT_SECONDS)
        self._scheduled: set[int] = set()
        self.keeper = Keeper(self.watcher, self.schedule, self.deliveries, notifier)
        self.control = ControlServer(
            socket,
            settings.state_dir,
            Answers(self).operations,
            partial(faults.problem_of, where=settings.state_dir),
        )

    def run(self) -> bool:
        """Work until the bell brings a signal, or another version can take over; then drain.

        Returns whether that version is to be started. Raises what keeps the daemon from beginning, and the
        error that shows that the outbox is damaged.
        """
        with contextlib.ExitStack() as running:
            running.callback(self.control.stop)
            self._begin(running)
            self._wait_for_end()
            log.info("stopping", for_another_version=self.upgrade.is_ready)
        log.info("stopped")
        return self.upgrade.is_ready

    def _begin(self, running: contextlib.ExitStack) -> None:
        registry = self.outbox.registry
        for name, value in (
            ("pid", str(os.getpid())),
            ("version", __version__),
            ("since", datetime.now(UTC).isoformat()),
        ):
            registry.set_fact(name, value)
        registry.set_problems("", "settings", [])
        self.control.start()
        running.callback(self._end, self.close)
        self.watcher.start()
        running.callback(self.watcher.stop)
        self.schedule.start()
        running.callback(self.schedule.stop)
        self.watch_projects()
        self.scan_all()
        self.deliver_soon()
        self.schedule.soon("audit")
        self.keeper.start()
        running.callback(self._end, self.keeper.stop)
        self._say_ready()
        running.callback(self.notifier.stopping)
        log.info("ready", projects=len(registry.projects()), pid=os.getpid())

    def _wait_for_end(self) -> None:
        while (number := self.bell.wait(TICK_SECONDS)) in {None, signal.SIGHUP}:
            if self._damage is not None:
                raise self._damage
            if number == signal.SIGHUP:
                self.reload()
            if self.upgrade.is_ready:
                return
            self.schedule.follow_clock()

    @staticmethod
    def _end(part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:
            # What couldn't be written down is looked up, and marked, after the next start.
            if faults.problem_of(error, "") is None:
                raise
            log.warning("something is left to the next start", exc_info=error)

    def reload(self) -> None:
        """Read the settings again; wrong ones leave the old ones in force, and are reported."""
        with self._reloading:
            self.notifier.reloading()
            settings, problems = renewed(self.settings)
            if settings != self.settings:
                configure(settings.log_level, settings.log_file)
                self.renew(settings)
                self.schedule.repeat("full scan", settings.scan_seconds)
                self.watch_projects()
                self.scan_all()
                self.deliver_soon()
            self.outbox.registry.set_problems("", "settings", problems)
            log.info("settings read again", problems=[problem.what for problem in problems])
            self._say_ready()

    def _say_ready(self) -> None:
        self.notifier.ready(f"{len(self.outbox.registry.projects())} projects")

    # Work

    def _note_change(self, folder: Path, names: set[str]) -> None:
        # Marks come with every few receipts, most of them our own, and tell nothing of the other files.
        only_marks = names == {Path(sync_state.PATH).name}
        if only_marks and self.marks.are_ours(folder):
            return
        with self._noting:
            self._dirty[folder] = only_marks and self._dirty.get(folder, True)
        self.schedule.by("scan", MARK_SECONDS if only_marks else 0.0)

    def scan_all(self) -> None:
        """Have everything read, and what was spooled taken up."""
        self.schedule.soon("spool")
        with self._noting:
            for project in self.outbox.registry.projects():
                self._dirty.setdefault(project.path, True)
        self.schedule.soon("scan")

    def _scan_dirty(self) -> None:
        with self._noting:
            dirty, self._dirty = self._dirty, {}
        watched = [project for project in self.outbox.registry.projects() if project.path in dirty]
        try:
            for changed_only in (False, True):
                some = [project for project in watched if dirty[project.path] is changed_only]
                self._after_scan(self.scan(some, changed_only=changed_only))
        except Exception:
            with self._noting:
                self._dirty = {**dirty, **self._dirty}
            self.deliver_soon()
            raise

    def _after_change(self, *, major: bool) -> None:
        if major:
            self.deliver_soon()
        else:
            self._deliver_by(self.settings.flush_seconds)

    def _after_scan(self, scans: Scans) -> None:
        if scans.changes:  # a route changes what is due, and not by a batch
            self._deliver_by(self.settings.flush_seconds)
        if scans.retry:
            with self._noting:
                self._dirty |= dict.fromkeys(scans.retry, False)
            self.schedule.by("scan", min(scans.retry.values()))

    def _take_in_spool(self) -> None:
        self._after_scan(self.take_in_spool())

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.is_to_be_probed_after_a_hold():
            self._heed_what_was_mended()
        wait = delivery.run()
        if wait is not None:
            self.schedule.by(_work("deliver", delivery), wait)
        self.schedule.by(_work("rest", delivery), self.settings.courier_idle_seconds)

    def _heed_what_was_mended(self) -> None:
        """A person may have put right, in the settings, what holds a destination."""
        if renewed(self.settings) != (self.settings, []):
            self.reload()

    def _deliver_by(self, seconds: float) -> None:
        for delivery in self.deliveries_in_use():
            with self._noting:
                if delivery.destination_id not in self._scheduled:
                    self._scheduled.add(delivery.destination_id)
                    work = partial(self._deliver, delivery)
                    self.schedule.add(_work("deliver", delivery), work, every=BEAT_SECONDS)
                    self.schedule.add(_work("rest", delivery), partial(self._rest, delivery))
            self.schedule.by(_work("deliver", delivery), seconds)

    def deliver_soon(self) -> None:
        """Have what is due delivered now."""
        for delivery in self.deliveries:
            delivery.nudge()
        self._deliver_by(0.0)

    def _rest(self, delivery: Delivery) -> None:
        wait = delivery.line.rest(self.settings.courier_idle_seconds)
        if delivery.line.pid is not None:
            self.schedule.by(_work("rest", delivery), wait)

    def _mark_soon(self) -> None:
        self.schedule.by("mark", self._mark_pause)

    def _mark(self) -> None:
        begun = time.monotonic()
        if not self.marks.write():
            self.schedule.by("mark", MEND_SECONDS)
        # Marking thousands of decisions takes a while: it mustn't be most of what the daemon does.
        self._mark_pause = min(max(MARK_SECONDS, 20 * (time.monotonic() - begun)), MARK_LONGEST_SECONDS)

    def watch_projects(self) -> None:
        """Watch the projects that there are now."""
        self._report_unwatched(self.watcher.watch(self.outbox.registry.projects()))

    def _audit(self) -> None:
        audit_what_is_due(self, time.time())

    def _mend_soon(self) -> None:
        self.schedule.soon("mend")

    def _mend(self) -> None:
        self._report_unwatched(self.watcher.mend())

    def _look(self) -> None:
        """Look for what no event tells of."""
        if self.take_in_misfits():
            self.watch_projects()
            self.scan_all()
        self._report_unwatched(self.watcher.look())
        if (news := self.upgrade.look()) is not None:
            self._failures["upgrade"] = news
        elif self._failures.pop("upgrade", None):
            log.info("the version that runs is installed again")
        if self.upgrade.is_ready:
            self.bell.ring()

    def _report_unwatched(self, problems: list[Problem]) -> None:
        self.outbox.registry.set_problems("", "watcher", problems)
        if problems:  # What no event tells of is looked at instead.
            self.scan_all()

    @property
    def problems(self) -> list[Problem]:
        """What goes wrong at this moment; in memory, for the outbox may be just what can't be written."""
        return list(dict.fromkeys([*self._failures.values(), *self.keeper.problems]))

    def _after_job(self, name: str, error: Exception | None) -> None:
        if error is None:
            self._failures.pop(name, None)
            return
        state = self.settings.state_dir
        what = f"{name}: {type(error).__name__}: {error}"
        fault = faults.problem_of(error, state)
        problem = fault or Problem(what, str(state), "it is tried again; see the log")
        if self._failures.get(name) != problem:  # a disk that is full needn't be told every ten seconds
            log.error("job failed", job=name, exc_info=error)
        self._failures[name] = problem
        self.schedule.by(name, MEND_SECONDS)
        if faults.is_damage(error):
            self._damage = error
            self.bell.ring()

    def _compact(self) -> None:
        freed = self.outbox.compaction.run()
        log.debug("compacted", freed=freed)


def _work(name: str, delivery: Delivery) -> str:
    return f"{name} {delivery.destination_id}"
