"""The daemon: the engine with events, schedule and control socket around it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from mem0_syncd import __version__
from mem0_syncd.config.reloading import renewed
from mem0_syncd.config.settings import Settings
from mem0_syncd.control.server import ControlServer
from mem0_syncd.daemon.control_handlers import ControlHandlers
from mem0_syncd.daemon.current_failures import Failures
from mem0_syncd.daemon.delivery_trigger import DeliveryTrigger
from mem0_syncd.daemon.heartbeat import Heartbeat
from mem0_syncd.daemon.scan_trigger import ScanTrigger
from mem0_syncd.daemon.scheduler import Schedule
from mem0_syncd.daemon.sd_notify import Notifier
from mem0_syncd.daemon.unwatched_folders import UnwatchedFolders
from mem0_syncd.daemon.upgrade import Upgrade
from mem0_syncd.daemon.wakeup import Wakeup
from mem0_syncd.engine.engine import Callbacks, Engine
from mem0_syncd.engine.forgetting import delete_what_is_due
from mem0_syncd.engine.keeping import fetch_some
from mem0_syncd.engine.rehashing import renew_some
from mem0_syncd.errors import Problem
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import project_file, sync_state_file
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system import paths, storage_faults
from mem0_syncd.system.log import configure
from mem0_syncd.verify.audit import audit_what_is_due
from mem0_syncd.watcher import Watcher

RETRY_SECONDS = 10.0
"""Seconds after which what failed is tried again."""

LOOK_SECONDS = 20.0
"""Seconds between two looks at what no event reports, most of it folders of projects."""

TICK_SECONDS = 10.0
AUDIT_CHECK_SECONDS = 3600.0
"""Seconds between two checks whether an audit is due: a laptop that slept at the time makes up for it."""
COMPACT_SECONDS = 3600.0
OLD_MEMORIES_SECONDS = 60.0
"""Seconds between two batches of memories with old hashes, until there are none."""

OWED_SECONDS = 30.0
"""Seconds between two tries of deletions that are owed."""

ORIGINS_SECONDS = 300.0
"""Seconds between two checks whether a project's repository is another one now."""

MARK_SECONDS = 0.2
"""Seconds that marks wait for further receipts, so that many become one write."""

MARK_LONGEST_SECONDS = 0.8

log = structlog.get_logger("daemon")


class Daemon:
    """An engine with its events, schedule and control socket."""

    def __init__(self, settings: Settings, outbox: Outbox, wakeup: Wakeup, notifier: Notifier) -> None:
        callbacks = Callbacks(self._after_change, self._mark_soon, self._look_for_origins_soon)
        self._engine = engine = Engine(settings, outbox, callbacks)
        self._outbox = outbox
        self._wakeup = wakeup
        self._notifier = notifier
        self._upgrade = Upgrade()
        self._failures = Failures(settings.state_dir)
        self._mark_pause = MARK_SECONDS
        self._reloading = threading.Lock()
        self._schedule = Schedule(self._after_job)
        self._schedule.add("mark", self._mark)
        self._schedule.add("look", self._look, every=LOOK_SECONDS)
        self._schedule.add("audit", self._audit, every=AUDIT_CHECK_SECONDS)
        self._schedule.add("old memories", partial(renew_some, engine), every=OLD_MEMORIES_SECONDS)
        self._schedule.add("keep", self._keep, every=OLD_MEMORIES_SECONDS)
        self._schedule.add("owed deletions", self._delete_what_is_owed, every=OWED_SECONDS)
        self._schedule.add("compact", self._compact, every=COMPACT_SECONDS)
        self._schedule.add("origins", self._look_at_origins, every=ORIGINS_SECONDS)
        self._delivery_trigger = DeliveryTrigger(engine, self._schedule, self._heed_what_was_mended)
        self._scan_trigger = ScanTrigger(engine, self._schedule, self._delivery_trigger)
        files = [*(source.path for source in SOURCES), sync_state_file.PATH, project_file.PATH]
        socket = paths.socket_path(settings.state_dir)
        self._watcher = Watcher(
            files,
            self._scan_trigger.heed,
            partial(self._schedule.soon, "watches"),
            socket.with_suffix(".own"),
            engine.folders.of,
        )
        self._unwatched = UnwatchedFolders(
            self._watcher, outbox, self._scan_trigger.scan_all, partial(self._schedule.by, "look")
        )
        self._schedule.add("watches", self._unwatched.update)
        self._heartbeat = Heartbeat(
            self._watcher, self._schedule, engine.deliveries, notifier, engine.activity
        )
        answers = ControlHandlers(
            engine,
            self._scan_trigger,
            self._delivery_trigger,
            self._watcher,
            reload=self.reload,
            watch_projects=self.watch_projects,
            delete_owed=partial(self._schedule.soon, "owed deletions"),
            problems=self.problems,
        )
        self._control = ControlServer(
            socket,
            settings.state_dir,
            answers.operations,
            answers.long_operations,
            partial(storage_faults.problem_of, folder=settings.state_dir),
        )

    def run(self) -> bool:
        """Work until a signal wakes it, or another version can take over; then drain.

        Returns whether that version is to be started. Raises what keeps the daemon from beginning, and the
        error that shows that the outbox is damaged.
        """
        with contextlib.ExitStack() as running:
            running.callback(self._control.stop)
            self._begin(running)
            self._wait_for_end()
            log.info("daemon_stopping", for_another_version=self._upgrade.is_ready)
        log.info("daemon_stopped")
        return self._upgrade.is_ready

    def _begin(self, running: contextlib.ExitStack) -> None:
        engine, outbox = self._engine, self._outbox
        for name, value in (
            ("pid", str(os.getpid())),
            ("version", __version__),
            ("since", datetime.now(UTC).isoformat()),
        ):
            outbox.facts.set(name, value)
        outbox.problems.replace("", "settings", [])
        self._control.start()
        running.callback(self._end, engine.close)
        self._watcher.start()
        running.callback(self._watcher.stop)
        self._schedule.start()
        running.callback(self._schedule.stop)
        running.callback(self._scan_trigger.stop)
        self.watch_projects()
        self._scan_trigger.scan_all()
        self._delivery_trigger.soon()
        self._schedule.soon("audit")
        self._schedule.soon("origins")
        self._heartbeat.start()
        running.callback(self._end, self._heartbeat.stop)
        self._say_ready()
        running.callback(self._notifier.stopping)
        log.info("daemon_ready", projects=len(engine.projects()), pid=os.getpid())

    def _wait_for_end(self) -> None:
        while (number := self._wakeup.wait(TICK_SECONDS)) in {None, signal.SIGHUP}:
            if self._failures.damage is not None:
                raise self._failures.damage
            if number == signal.SIGHUP:
                self.reload()
            if self._upgrade.is_ready:
                return
            self._schedule.follow_clock()

    def _end(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Exception as error:
            # What couldn't be written down is looked up, and marked, after the next start.
            if storage_faults.problem_of(error, self._engine.settings.state_dir) is None:
                raise
            log.warning("shutdown_incomplete", exc_info=error)

    def reload(self) -> None:
        """Read the settings again; wrong ones leave the old ones in force, and are reported."""
        with self._reloading:
            self._notifier.reloading()
            former = self._engine.settings
            settings, problems = renewed(former)
            if settings != former:
                configure(settings.log_level, settings.log_file)
                self._engine.renew(settings)
                self._schedule.repeat("full scan", settings.scan_seconds)
                self.watch_projects()
                self._scan_trigger.scan_all()
                self._delivery_trigger.soon()
            self._outbox.problems.replace("", "settings", problems)
            log.info("settings_read", problems=[problem.what for problem in problems])
            self._say_ready()

    def _say_ready(self) -> None:
        self._notifier.ready(f"{len(self._engine.projects())} projects")

    # Work

    def _after_change(self, *, major: bool) -> None:
        if major:
            self._delivery_trigger.soon()
        else:
            self._delivery_trigger.by(self._engine.settings.flush_seconds)

    def _heed_what_was_mended(self) -> None:
        """Read the settings again if they have changed: that may end a hold."""
        settings = self._engine.settings
        if renewed(settings) != (settings, []):
            self.reload()

    def _look_for_origins_soon(self) -> None:
        self._schedule.soon("origins")

    def _look_at_origins(self) -> None:
        if self._engine.look_for_origins():
            self._schedule.soon("origins")

    def _mark_soon(self) -> None:
        self._schedule.by("mark", self._mark_pause)

    def _mark(self) -> None:
        begun = time.monotonic()
        if not self._engine.write_marks():
            self._schedule.by("mark", RETRY_SECONDS)
        # Marking thousands of decisions takes a while: it mustn't be most of what the daemon does.
        self._mark_pause = min(max(MARK_SECONDS, 20 * (time.monotonic() - begun)), MARK_LONGEST_SECONDS)

    def watch_projects(self) -> None:
        """Watch the present projects."""
        self._unwatched.watch(self._engine.projects())

    def _keep(self) -> None:
        if fetch_some(self._engine):  # they are taken in where their projects' items go now
            self._engine.forget()
            self._scan_trigger.scan_all()

    def _delete_what_is_owed(self) -> None:
        if delete_what_is_due(self._engine):
            self._delivery_trigger.soon()  # what waited for that

    def _audit(self) -> None:
        audit_what_is_due(self._engine, time.time())

    def _look(self) -> None:
        """Look at what no event reports."""
        self._outbox.integrity.check()
        if self._engine.take_in_misfits():
            self.watch_projects()
            self._scan_trigger.scan_all()
        self._unwatched.check()
        self._upgrade.look()
        if self._upgrade.is_ready:
            self._wakeup.ring()

    def problems(self) -> list[Problem]:
        """The present problems."""
        upgrade = [self._upgrade.problem] if self._upgrade.problem else []
        return list(dict.fromkeys([*self._failures, *upgrade, *self._heartbeat.problems]))

    def _after_job(self, name: str, error: Exception | None) -> None:
        self._failures.hear(name, error)
        if error is not None:
            self._schedule.by(name, RETRY_SECONDS)
        if self._failures.damage is not None:
            self._wakeup.ring()

    def _compact(self) -> None:
        freed = self._outbox.vacuum.run()
        log.debug("outbox_compacted", freed=freed)
