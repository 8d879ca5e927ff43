"""The engine: scanning, delivering and marking on one state folder, with or without a daemon around it."""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from mem0_syncd.config.settings import Settings
from mem0_syncd.core.settlement import Rules
from mem0_syncd.delivery import Connection, Deliveries, Delivery, Queries
from mem0_syncd.engine import destination_choice
from mem0_syncd.engine.project_scan import GIVE_WAY_SECONDS, ProjectScans, Scans
from mem0_syncd.errors import Problem
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.kept_reader import KeptReader
from mem0_syncd.ingest.late_redaction import look_through
from mem0_syncd.ingest.new_entries import Turn
from mem0_syncd.ingest.scanner import RETRY_SECONDS, Scanner
from mem0_syncd.ingest.spool_reader import SpoolReader
from mem0_syncd.ingest.unchanged_projects import UnchangedProjects
from mem0_syncd.outbox import DestinationRow, Outbox, ProjectRow
from mem0_syncd.outbox.damaged_outbox import RENEWED_AT
from mem0_syncd.outbox.kept_items import KeptItem
from mem0_syncd.projects import listed_projects
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.marks import ProjectMarks
from mem0_syncd.projects.origin_checks import OriginChecks
from mem0_syncd.projects.project_destinations import ProjectDestinations
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.repository_origin import origin_of
from mem0_syncd.system.clock import Clock
from mem0_syncd.system.current_file import CurrentFiles
from mem0_syncd.system.state_folder import StateFolder

DRAIN_SECONDS = 10.0

log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callbacks, called on any thread, for work that a scan doesn't do itself.

    `on_change` is called when changes have just become durable, with `major`: whether a major decision is
    among them. `on_marks_due` is called when there are marks to write. `on_origin_unknown` is called when a
    project's origin must be looked for; where that is None, the scan looks itself.
    """

    on_change: Callable[..., None] = lambda *, major: None  # noqa: ARG005
    on_marks_due: Callable[[], None] = lambda: None
    on_origin_unknown: Callable[[], None] | None = None


class Engine:
    """Everything that runs on one state folder, for the holder of its lock; without a schedule."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        callbacks: Callbacks | None = None,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`clock`, `rng` and `environ` are the machine's own by default; nothing below takes them itself."""
        self.settings = settings
        self.outbox = outbox
        self.clock = clock or Clock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._environ = environ
        self._callbacks = callbacks or Callbacks()
        shutil.rmtree(StateFolder(settings.state_dir).inventories, ignore_errors=True)
        destination = destination_choice.choose_destination(settings, outbox.destinations)
        self.folders = Folders(outbox.projects, settings.trusted_folders)
        self._misfits = self._take_in_listed()
        left = sum(map(self._doubt_interrupted_sends, outbox.destinations.all()))
        log.info("destination_chosen", identity=destination.identity, doubted=left)
        self.deliveries = Deliveries(self._make_delivery)
        self.deliveries.pause(paused=outbox.facts.is_paused)
        self.activity = CurrentFiles()
        self.marks = ProjectMarks(
            outbox, self._callbacks.on_marks_due, self.folders, self.activity, self.now, self._redactor
        )
        self._project_destinations = ProjectDestinations(
            outbox, self._destination_named, self._after_move, self.folders, self.now
        )
        self._pickup = SpoolReader(
            outbox,
            self._project_destinations,
            settings.state_dir,
            self.folders,
            self.activity,
            self.now,
            read_lag_of=self._read_lag_of,
        )
        ask = self._callbacks.on_origin_unknown or self._look_for_origins
        self._origin_looks = OriginChecks(
            outbox, ask, self.folders, origin_of=partial(origin_of, environ=environ), clock=self.clock
        )
        # One turn of a scan, or the spool, at a time.
        self._scanning = threading.Lock()
        self._project_scans = ProjectScans(
            outbox,
            self.folders,
            self.activity,
            marks=self.marks,
            project_destinations=self._project_destinations,
            origin_looks=self._origin_looks,
            turn=self._scanning,
        )
        self._read_anew()

    def _read_anew(self) -> None:
        """Read and take in by the present settings, whatever was read before."""
        look_through(self.outbox, self._redactor())
        self._intake = Enqueuer(
            self.outbox,
            clock=self.clock,
            major_categories=self.settings.major_categories,
            infer=self.settings.infer,
            redaction=self.settings.redact,
            allow=self.settings.redact_allow,
            on_change=self._callbacks.on_change,
            read_lag_of=self._read_lag_of,
        )
        self._scanner = Scanner(self.outbox, self._intake, self.folders, clock=self.clock)
        self.marks.take_in_anew()
        self._kept = KeptReader(self.outbox, self._intake)
        unchanged = UnchangedProjects(self.outbox, self._scanner, self.marks, self.now)
        self._project_scans.use(self._scanner, unchanged, self._kept)

    def _redactor(self) -> Redactor:
        return Redactor(self.settings.redact, self.settings.redact_allow)

    def renew(self, settings: Settings) -> None:
        """Use other settings from now on; what is under way ends by the former ones."""
        with self._scanning:
            self.settings = settings
            destination_choice.choose_destination(settings, self.outbox.destinations)
            self.folders.trusted = tuple(settings.trusted_folders)
            self._misfits = self._take_in_listed()
            self._read_anew()
        for delivery in self.deliveries:
            delivery.renew()

    def _take_in_listed(self) -> list[Problem]:
        """Watch the projects that the settings list; returns the problems."""
        return listed_projects.take_in_settings(
            self.outbox, self.settings.projects, trusted=self.folders.trusted
        )

    def _look_for_origins(self) -> None:
        while self.look_for_origins():
            pass

    def look_for_origins(self) -> bool:
        """Look at some of the repositories whose look is due; returns whether there are more."""
        return self._origin_looks.look()

    def _doubt_interrupted_sends(self, destination: DestinationRow) -> int:
        now = self.now()
        rules = self.rules_of(destination)
        self.outbox.clock_shift.clamp(destination.id, now, rules)
        return self.outbox.interrupted_sends.doubt(destination.id, now, rules.certain_after(now))

    def _make_delivery(self, destination: DestinationRow) -> Delivery:
        delivery = Delivery(
            self.outbox,
            destination.id,
            self._means_of,
            on_settled=self.marks.note,
            rng=random.Random(self._rng.random()),  # noqa: S311 - each of its own, for it is for one thread
            clock=self.clock,
            environ=self._environ,
        )
        renewed_at = self.outbox.facts.get(RENEWED_AT)
        if renewed_at is not None:
            # What the damaged outbox had sent must be visible when Mem0 is asked what it holds.
            longest = self.rules_of(destination).certain_after(0.0)
            delivery.hold_off(min(longest, float(renewed_at) + longest - self.now()))
        return delivery

    def _means_of(self, destination: DestinationRow) -> Connection:
        return destination_choice.means(self.settings, destination.name)

    def now(self) -> float:
        """Seconds since the epoch, by the machine's clock."""
        return self.clock.wall()

    def rules_of(self, destination: DestinationRow) -> Rules:
        """The rules by which an outcome at a destination is settled."""
        return self._means_of(destination).rules

    def _read_lag_of(self, destination: DestinationRow) -> float:
        return self.rules_of(destination).read_lag

    def _destination_named(self, name: str | None) -> DestinationRow:
        return destination_choice.destination_named(name, self.settings, self.outbox.destinations)

    def _after_move(self, project: ProjectRow) -> None:
        self._scanner.forget(project.path)
        self.marks.note({project.id})

    def take_in_misfits(self) -> bool:
        """Look again at listed projects that couldn't be watched; returns whether one can be now."""
        before = self._misfits
        if before:
            self._misfits = self._take_in_listed()
        return len(self._misfits) < len(before)

    def deliveries_in_use(self) -> list[Delivery]:
        """The deliveries to the destinations of all projects."""
        return [self.deliveries.to(it) for it in self.outbox.destinations.in_use()]

    def questions(self, destination: DestinationRow) -> Queries:
        """The queries of a destination, beside all deliveries."""
        return self.deliveries.to(destination).questions

    def questions_of(self, project: str) -> Queries:
        """The queries of the destination that a project's items go to."""
        return self.questions(self.outbox.destinations.of(project))

    def pause(self, *, paused: bool) -> None:
        """Begin nothing more at any destination, or go on; for later starts as well."""
        self.outbox.facts.pause(paused=paused)
        self.deliveries.pause(paused=paused)

    def projects(self) -> list[ProjectRow]:
        """The watched folders."""
        return self.outbox.projects.all()

    def project_at(self, folder: Path) -> ProjectRow | None:
        """A watched folder; None once it isn't watched any more."""
        return self.outbox.projects.at(folder)

    def note_marks(self) -> None:
        """Have the next write of marks check all projects."""
        self.marks.note({project.id for project in self.projects()})

    def write_marks(self) -> bool:
        """Write the marks that are due; returns whether all could be written."""
        return self.marks.write()

    def marks_are_taken_in(self, folder: Path) -> bool:
        """Whether there is nothing new in a folder's sync-state file, for example for we wrote it."""
        return self.marks.are_taken_in(folder)

    # Scanning

    def scan(
        self,
        only: Iterable[ProjectRow] | None = None,
        *,
        changed_only: bool = False,
        heed_marks: bool = True,
    ) -> Scans:
        """Scan projects, all by default; what can't be scanned is raised after the others are done.

        Without `heed_marks`, what others marked as synced is taken in, too.
        """
        scans, failure = Scans(), None
        for project in self.projects() if only is None else only:
            try:
                for _ in self.turns(project, scans, changed_only=changed_only, heed_marks=heed_marks):
                    self.clock.sleep(GIVE_WAY_SECONDS)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = error
        if failure is not None:
            raise failure
        return scans

    def turns(
        self, project: ProjectRow, scans: Scans, *, changed_only: bool = False, heed_marks: bool = True
    ) -> Iterator[Turn]:
        """Scan a project in turns; see `ProjectScans.turns`."""
        return self._project_scans.turns(project, scans, changed_only=changed_only, heed_marks=heed_marks)

    def courier_pids(self) -> list[int]:
        """The process ids of the running couriers."""
        return self.deliveries.courier_pids()

    def scan_until_settled(
        self, only: Iterable[ProjectRow] | None = None, *, heed_marks: bool = True
    ) -> None:
        """Scan, and again while a file looks as if a writer were at work on it."""
        left = list(self.projects() if only is None else only)
        while left:
            retry = self.scan(left, heed_marks=heed_marks).retry
            left = [project for project in left if retry.get(project.path, math.inf) <= RETRY_SECONDS]
            self.clock.sleep(RETRY_SECONDS if left else 0)

    def forget(self) -> None:
        """Make the next scan read everything, as if nothing had been read before."""
        with self._scanning:
            self._scanner.forget()

    def scan_anew(self) -> None:
        """Read everything again."""
        self.forget()
        self.scan_until_settled()

    def take_in_spool(self) -> Scans:
        """Take in what hooks and commands have spooled."""
        with self._scanning:
            return Scans(self._pickup.take_in(self._intake), spool_waits=self._pickup.waits)

    def take_in_again(self, project: ProjectRow, kept: Iterable[KeptItem]) -> None:
        """Take in items that were kept here, as if their sources had just said them."""
        with self._scanning:
            route = self._project_destinations.settle(project)
            if route is not None:
                self._kept.take_in(route.project, route.terms, kept)

    @contextlib.contextmanager
    def delivering(self) -> Iterator[None]:
        """Deliver in the background for the block, without a daemon."""
        stopped = threading.Event()

        def deliver(delivery: Delivery) -> None:
            while not stopped.is_set():
                wait = delivery.run()
                self.marks.write()
                stopped.wait(0.2 if wait is None else min(wait, 0.2))

        threads = [
            threading.Thread(target=deliver, args=(delivery,), name="deliver", daemon=True)
            for delivery in self.deliveries_in_use()
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            self.close()
            for thread in threads:
                thread.join()

    def close(self) -> None:
        """End the couriers, after what is under way has had its time."""
        self._origin_looks.close()
        self.deliveries.close(DRAIN_SECONDS)
        self.marks.write()
