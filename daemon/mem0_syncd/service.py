"""The service: wires scanner, watcher, delivery, scheduler and control socket together."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from mem0_syncd import __version__, means, paths, projects, sync_state
from mem0_syncd.control import ControlServer
from mem0_syncd.delivery import Delivery
from mem0_syncd.errors import Problem
from mem0_syncd.failpoint import failpoint
from mem0_syncd.item import Kind
from mem0_syncd.memory import user_id
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.scanner import Scanner
from mem0_syncd.scheduler import Schedule
from mem0_syncd.settings import Settings
from mem0_syncd.sources import SOURCES, Unreadable, decision_log
from mem0_syncd.watcher import Watcher

DRAIN_SECONDS = 10.0
MEND_SECONDS = 10.0
MARK_SECONDS = 0.2
"""How long marks wait for further receipts, so that many become one write."""

log = structlog.get_logger("service")


@dataclass
class Scans:
    """What some scans did together: changes, a major one among them, and the projects to look at again."""

    changes: int = 0
    major: bool = False
    retry: set[str] = field(default_factory=set)


class Service:
    """Everything that runs on one state folder, for the holder of its lock."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self.settings = settings
        self.outbox = outbox
        destination = means.choose_destination(settings, outbox.registry)
        projects.take_in_settings(outbox.registry, settings.projects)
        left = outbox.queue.doubt_what_was_sending(time.time(), self._certain_from_now(destination.name))
        log.info("destination", identity=destination.identity, doubted=left)
        self.scanner = Scanner(outbox, major_categories=settings.major_categories, infer=settings.infer)
        self.delivery = Delivery(outbox, partial(means.means, settings), on_settled=self._mark_soon)
        self.delivery.paused = outbox.registry.fact("paused") is not None
        self._to_mark: set[str] = set()
        self._scanning = threading.Lock()
        self._marking = threading.Lock()

    def _certain_from_now(self, destination: str) -> float:
        return time.time() if destination == "embedded" else self.settings.rules.certain_after(time.time())

    # Scanning

    def scan(self, only: Iterable[ProjectRow] | None = None, *, changed_only: bool = False) -> Scans:
        """Scan projects, all by default, with the marks of others taken in first."""
        scans = Scans()
        with self._scanning:
            for project in self.outbox.registry.projects() if only is None else only:
                self._take_in_marks(project)
                scanned = self.scanner.scan(project, changed_only=changed_only)
                scans.changes += scanned.changes
                scans.major |= scanned.major
                if scanned.retry_after is not None:
                    scans.retry.add(project.id)
                self._report_missing(project)
        return scans

    def scan_until_settled(self, only: Iterable[ProjectRow] | None = None) -> None:
        """Scan, and again while a file looks as if a writer were at work on it."""
        left = list(self.outbox.registry.projects() if only is None else only)
        while left:
            retry = self.scan(left).retry
            left = [project for project in left if project.id in retry]
            time.sleep(0.1 if left else 0)

    def _report_missing(self, project: ProjectRow) -> None:
        missing = Problem(
            "the project's folder is not there", str(project.path), f"mem0-syncd project remove {project.id}"
        )
        self.outbox.registry.set_problems(project.id, "folder", [] if project.path.is_dir() else [missing])

    # Marks

    def _take_in_marks(self, project: ProjectRow) -> None:
        registry, source = self.outbox.registry, decision_log.SOURCE.name
        try:
            state = sync_state.read(project.path)
        except Unreadable as error:
            # The last good marks hold meanwhile.
            registry.set_problems(project.id, "sync-state", [sync_state.problem_of(error)])
            return
        registry.set_problems(project.id, "sync-state", [])
        foreign = set(state.foreign) if state else set()
        foreign -= self.outbox.ledger.ids_ever_delivered(project.id, source)
        if foreign != registry.foreign_marks(project.id):
            registry.set_foreign_marks(project.id, foreign)
            self.scanner.forget()
        if state is not None:
            self._mark_soon({project.id})

    def _mark_soon(self, project_ids: set[str]) -> None:
        with self._marking:
            self._to_mark |= project_ids

    def mark(self) -> None:
        """Bring the sync-state files of projects with news in line with the receipts."""
        with self._marking:
            due, self._to_mark = self._to_mark, set()
        destination = self.outbox.registry.destination()
        for project in self.outbox.registry.projects():
            if project.id not in due or not project.path.is_dir():
                continue
            marks = self.outbox.ledger.marks(destination.id, project.id, decision_log.SOURCE.name)
            problems = []
            try:
                sync_state.write(project.path, destination.identity, marks)
            except (Unreadable, OSError) as error:
                problems.append(sync_state.problem_of(error))
            self.outbox.registry.set_problems(project.id, "sync-state", problems)
            failpoint("marked")

    def begin_sync(self, project_id: str | None = None) -> int:
        """Scan, and make everything live due; returns the id of the newest entry."""
        registry = self.outbox.registry
        self.scan_until_settled(it for it in registry.projects() if project_id in {None, it.id})
        destination = registry.destination()
        self.outbox.queue.make_due(destination.id, time.time())
        registry.probe_now(destination.id, time.time())
        return self.outbox.queue.newest_id()

    @contextlib.contextmanager
    def delivering(self) -> Iterator[None]:
        """Deliver in the background for the block, without a daemon."""
        stopped = threading.Event()

        def deliver() -> None:
            while not stopped.is_set():
                wait = self.delivery.run()
                self.mark()
                stopped.wait(0.2 if wait is None else min(wait, 0.2))

        thread = threading.Thread(target=deliver, name="deliver", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            self.close()
            thread.join()

    def close(self) -> None:
        """Let go of the courier, once what is under way has had its time."""
        self.delivery.drain(DRAIN_SECONDS)
        self.delivery.close()
        self.mark()


class Daemon(Service):
    """The service with its clockwork: events, schedule and control socket."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        super().__init__(settings, outbox)
        self._dirty: dict[str, bool] = {}
        self._noting = threading.Lock()
        self._stop = threading.Event()
        files = [*(source.path for source in SOURCES), sync_state.PATH]
        self.watcher = Watcher(files, self._note_change)
        self.schedule = Schedule(self._after_job)
        self.schedule.add("scan", self._scan_dirty)
        self.schedule.add("full scan", self._scan_all, every=settings.scan_seconds)
        self.schedule.add("deliver", self._deliver)
        self.schedule.add("mark", self.mark)
        self.schedule.add("mend", self._mend, every=MEND_SECONDS)
        self.schedule.add("rest", self._rest)
        self.control = ControlServer(
            paths.socket_path(settings.state_dir),
            settings.state_dir,
            {
                "ping": self._answer_ping,
                "sync": self._answer_sync,
                "deliver": self._answer_deliver,
                "projects": self._answer_projects,
                "pause": partial(self._answer_pause, paused=True),
                "resume": partial(self._answer_pause, paused=False),
                "recall": self._answer_recall,
            },
        )

    def run(self) -> None:
        """Work until `stop` is called; then drain and return."""
        registry = self.outbox.registry
        for name, value in (
            ("pid", str(os.getpid())),
            ("version", __version__),
            ("since", datetime.now(UTC).isoformat()),
        ):
            registry.set_fact(name, value)
        self.control.start()
        self.watcher.start()
        self.schedule.start()
        self._watch_projects()
        self._scan_all()
        self._deliver_soon()
        log.info("ready", projects=len(registry.projects()), pid=os.getpid())
        self._stop.wait()
        log.info("stopping")
        self.schedule.stop()
        self.watcher.stop()
        self.close()
        self.control.stop()
        log.info("stopped")

    def stop(self) -> None:
        """Have `run` return, in a signal handler too."""
        self._stop.set()

    # Work

    def _note_change(self, project_id: str) -> None:
        with self._noting:
            self._dirty[project_id] = False
        self.schedule.soon("scan")

    def _scan_all(self) -> None:
        with self._noting:
            for project in self.outbox.registry.projects():
                self._dirty.setdefault(project.id, True)
        self.schedule.soon("scan")

    def _scan_dirty(self) -> None:
        with self._noting:
            dirty, self._dirty = self._dirty, {}
        watched = [project for project in self.outbox.registry.projects() if project.id in dirty]
        for changed_only in (False, True):
            some = [project for project in watched if dirty[project.id] is changed_only]
            scans = self.scan(some, changed_only=changed_only)
            self._after_scan(scans)

    def _after_scan(self, scans: Scans) -> None:
        if scans.major:
            self._deliver_soon()
        elif scans.changes:
            self.schedule.by("deliver", self.settings.flush_seconds)
        if scans.retry:
            with self._noting:
                self._dirty |= dict.fromkeys(scans.retry, False)
            self.schedule.by("scan", 0.2)

    def _deliver(self) -> None:
        wait = self.delivery.run()
        if wait is not None:
            self.schedule.by("deliver", wait)
        self.schedule.by("rest", self.settings.courier_idle_seconds)

    def _deliver_soon(self) -> None:
        self.delivery.nudge()
        self.schedule.soon("deliver")

    def _rest(self) -> None:
        wait = self.delivery.rest(self.settings.courier_idle_seconds)
        if self.delivery.courier_pid is not None:
            self.schedule.by("rest", wait)

    def _mark_soon(self, project_ids: set[str]) -> None:
        super()._mark_soon(project_ids)
        self.schedule.by("mark", MARK_SECONDS)

    def _watch_projects(self) -> None:
        self._report_unwatched(self.watcher.watch(self.outbox.registry.projects()))

    def _mend(self) -> None:
        self._report_unwatched(self.watcher.mend())

    def _report_unwatched(self, problems: list[Problem]) -> None:
        self.outbox.registry.set_problems("", "watcher", problems)
        if problems:  # What no event tells of is looked at instead.
            self._scan_all()

    def _after_job(self, name: str, error: Exception | None) -> None:
        if error is not None:
            log.error("job failed", job=name, exc_info=error)
        with contextlib.suppress(Exception):
            what = f"{name}: {type(error).__name__}: {error}"
            problem = Problem(what, str(self.settings.state_dir), "it is tried again; see the log")
            self.outbox.registry.set_problems("", f"job {name}", [problem] if error else [])
        if error is not None:
            self.schedule.by(name, MEND_SECONDS)

    # Answers

    def _answer_ping(self, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"pid": os.getpid(), "version": __version__, "courier": self.delivery.courier_pid}

    def _answer_sync(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        newest = self.begin_sync(request.get("project"))
        self._deliver_soon()
        return {"newest": newest}

    def _answer_deliver(self, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._deliver_soon()
        return {}

    def _answer_projects(self, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._watch_projects()
        self._scan_all()
        return {"projects": len(self.outbox.registry.projects())}

    def _answer_pause(self, _request: Mapping[str, Any], *, paused: bool) -> Mapping[str, Any]:
        self.outbox.registry.set_fact("paused", "yes" if paused else None)
        self.delivery.paused = paused
        self._deliver_soon()
        return {"paused": paused}

    def _answer_recall(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"hits": recall(self, request["query"], request["project"], request["limit"])}


def recall(service: Service, query: str, project: str, limit: int) -> list[dict[str, Any]]:
    """The memories of a project, and the global best practices, that are nearest to a query."""
    user_ids = [user_id(kind, project) for kind in Kind]
    return service.delivery.search(query, user_ids, limit)
