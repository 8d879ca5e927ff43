"""The service: scanning, delivering and marking on one state folder, with or without a daemon around it."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from mem0_syncd import inventory, means, project_file, projects, spool, spooled
from mem0_syncd.delivery import Deliveries, Delivery, Means
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.git_index import tracks_any
from mem0_syncd.intake import Intake
from mem0_syncd.item import Kind
from mem0_syncd.marks import Marks
from mem0_syncd.memory import user_id
from mem0_syncd.outbox import DestinationRow, Outbox, ProjectRow
from mem0_syncd.outbox.renewal import RENEWED_AT
from mem0_syncd.project_file import ProjectFile
from mem0_syncd.scanner import RETRY_SECONDS, Scanner
from mem0_syncd.settings import Settings
from mem0_syncd.sources import SOURCES

DRAIN_SECONDS = 10.0

log = structlog.get_logger("service")


@dataclass
class Scans:
    """What some scans did together: changes, and what to look at again.

    `retry` is by folder, in seconds.
    """

    changes: int = 0
    retry: dict[Path, float] = field(default_factory=dict)


class Service:
    """Everything that runs on one state folder, for the holder of its lock."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self.settings = settings
        self.outbox = outbox
        shutil.rmtree(settings.state_dir / inventory.FOLDER, ignore_errors=True)
        destination = means.choose_destination(settings, outbox.registry)
        self.misfits = projects.take_in_settings(outbox.registry, settings.projects)
        left = sum(map(self._doubt_what_was_sending, outbox.registry.destinations()))
        log.info("destination", identity=destination.identity, doubted=left)
        self._read_anew()
        self.deliveries = Deliveries(self._make_delivery)
        self.deliveries.pause(paused=outbox.registry.fact("paused") is not None)
        self._wishes: dict[Path, ProjectFile] = {}
        self.marks = Marks(outbox, self._mark_soon)
        self._scanning = threading.Lock()

    def _read_anew(self) -> None:
        """Read and take in by the settings, whatever was read before."""
        self.intake = Intake(
            self.outbox,
            major_categories=self.settings.major_categories,
            infer=self.settings.infer,
            redaction=self.settings.redact,
            on_change=self._after_change,
        )
        self.scanner = Scanner(self.outbox.registry, self.intake)

    def renew(self, settings: Settings) -> None:
        """Work by other settings from now on; what is under way ends by the former ones."""
        with self._scanning:
            self.settings = settings
            means.choose_destination(settings, self.outbox.registry)
            self.misfits = projects.take_in_settings(self.outbox.registry, settings.projects)
            self._read_anew()
        for delivery in self.deliveries:
            delivery.renew()

    def _after_change(self, *, major: bool) -> None:
        """Hear of changes that have just become durable; for whoever delivers beside the scan."""

    def _mark_soon(self) -> None:
        """Hear that marks are due; for whoever writes them beside the scan."""

    def _doubt_what_was_sending(self, destination: DestinationRow) -> int:
        now = time.time()
        rules = means.means(self.settings, destination).rules
        self.outbox.times.clamp(destination.id, now, rules)
        return self.outbox.queue.doubt_what_was_sending(destination.id, now, rules.certain_after(now))

    def _make_delivery(self, destination: DestinationRow) -> Delivery:
        delivery = Delivery(self.outbox, destination.id, self._means_of, on_settled=self.marks.note)
        renewed_at = self.outbox.registry.fact(RENEWED_AT)
        if renewed_at is not None:
            # What the damaged outbox had sent must be there to be seen when Mem0 is asked what it holds.
            longest = self._means_of(destination).rules.certain_after(0.0)
            delivery.line.hold_off(min(longest, float(renewed_at) + longest - time.time()))
        return delivery

    def _means_of(self, destination: DestinationRow) -> Means:
        return means.means(self.settings, destination)

    def take_in_misfits(self) -> bool:
        """Look again at listed projects that couldn't be watched; returns whether one can be by now."""
        before = self.misfits
        if before:
            self.misfits = projects.take_in_settings(self.outbox.registry, self.settings.projects)
        return len(self.misfits) < len(before)

    def deliveries_in_use(self) -> list[Delivery]:
        """The deliveries to where any project's items go now."""
        return [self.deliveries.to(it) for it in self.outbox.registry.destinations_in_use()]

    # Scanning

    def scan(
        self,
        only: Iterable[ProjectRow] | None = None,
        *,
        changed_only: bool = False,
        heed_marks: bool = True,
    ) -> Scans:
        """Scan projects, all by default; what can't be scanned is raised once the others are.

        Without `heed_marks`, what others marked as synced is taken in, too.
        """
        scans, failure = Scans(), None
        with self._scanning:
            for project in self.outbox.registry.projects() if only is None else only:
                try:
                    self._scan_one(project, scans, changed_only=changed_only, heed_marks=heed_marks)
                except Exception as error:  # noqa: BLE001 - raised below
                    failure = error
        if failure is not None:
            raise failure
        return scans

    def _scan_one(self, project: ProjectRow, scans: Scans, *, changed_only: bool, heed_marks: bool) -> None:
        self._report_missing(project)
        wishes = self._wishes_of(project)
        if wishes is None:  # what nobody may send is for nobody to guess
            return
        scans.changes += self._route(project, wishes)
        if self.marks.take_in(project):  # first: what others marked isn't sent
            self.scanner.forget()
        self._note_second_writer(project)
        scanned = self.scanner.scan(project, wishes, changed_only=changed_only, heed_marks=heed_marks)
        scans.changes += scanned.changes
        if scanned.retry_after is not None:
            scans.retry[project.path] = scanned.retry_after
        if scanned.changes:
            self._note_second_writer(project)

    def _note_second_writer(self, project: ProjectRow) -> None:
        """What git brings to others, their daemons send as well."""
        if tracks_any(project.path, (source.path for source in SOURCES)):
            user_ids = [user_id(kind, project.id) for kind in Kind]
            self.outbox.looks.share(self.outbox.registry.destination_of(project.id).id, user_ids)

    def scan_until_settled(
        self, only: Iterable[ProjectRow] | None = None, *, heed_marks: bool = True
    ) -> None:
        """Scan, and again while a file looks as if a writer were at work on it."""
        left = list(self.outbox.registry.projects() if only is None else only)
        while left:
            retry = self.scan(left, heed_marks=heed_marks).retry
            left = [project for project in left if retry.get(project.path, math.inf) <= RETRY_SECONDS]
            time.sleep(RETRY_SECONDS if left else 0)

    def scan_anew(self) -> None:
        """Read everything anew, as if nothing had been read before."""
        with self._scanning:
            self.scanner.forget()
        self.scan_until_settled()

    def _wishes_of(self, project: ProjectRow) -> ProjectFile | None:
        """What the folder's own settings say, or said last; None where they could never be read."""
        problems = []
        try:
            self._wishes[project.path] = project_file.read(project.path)
        except project_file.BadProjectFile as error:
            problems.append(error.problem)
        self.outbox.registry.set_problems(project.id, "project file", problems, project.tree)
        return self._wishes.get(project.path)

    def _route(self, project: ProjectRow, wishes: ProjectFile) -> bool:
        """Have the project's items go where it wishes: a new destination gets everything that it lacks.

        Returns whether they went elsewhere before.
        """
        registry = self.outbox.registry
        destination = means.destination_named(wishes.destination, self.settings, registry)
        if not registry.set_destination_of(project, destination.id):
            return False
        log.info("route", project=project.id, folder=str(project.path), to=destination.identity)
        self.scanner.forget()
        self.marks.note({project.id})
        return True

    def take_in_spool(self) -> Scans:
        """Take in what hooks and commands have spooled."""
        scans, registry = Scans(), self.outbox.registry
        with self._scanning:
            for path, event in spool.take(self.settings.state_dir):
                folder = Path(event.get("cwd") or event.get("project") or "/")
                with contextlib.suppress(SyncdError):  # in no watched project: nothing is to be done
                    project = projects.find(registry, folder)
                    wishes = self._wishes_of(project)
                    if wishes is None:  # it stays spooled until they can be read
                        continue
                    scans.changes += self._route(project, wishes)
                    reading = spooled.understand(event, project, self._made_since(project, event))
                    taken = self.intake.take_in(project, reading.items, wishes)
                    registry.set_problems(project.id, "session", reading.problems, project.tree)
                    scans.changes += taken.changes
                spool.remove(path)
            registry.set_problems("", "spool", spool.problems(self.settings.state_dir))
        return scans

    def _made_since(self, project: ProjectRow, event: Mapping[str, Any]) -> spooled.Made:
        """What a session made: the items seen since another session of the project was last heard of."""
        if event["event"] != "session":
            return spooled.Made()
        registry, name = self.outbox.registry, f"session:{project.id}"
        last = json.loads(registry.fact(name) or '{"id": "", "began": 0, "heard": 0}')
        began = last["began"] if last["id"] == event["session_id"] else last["heard"]
        registry.set_fact(name, json.dumps({"id": event["session_id"], "began": began, "heard": time.time()}))
        if not began:  # the first session of all: what was there before it isn't its own
            return spooled.Made()
        destination = registry.destination_of(project.id)
        seen = partial(self.outbox.ledger.seen_since, destination.id, project.id, since=began)
        return spooled.Made(decisions=seen(Kind.DECISION), patterns=seen(Kind.AGENT_PATTERN))

    def _report_missing(self, project: ProjectRow) -> None:
        missing = Problem(
            "the project's folder is not there", str(project.path), f"mem0-syncd project remove {project.id}"
        )
        problems = [] if project.path.is_dir() else [missing]
        self.outbox.registry.set_problems(project.id, "folder", problems, project.tree)

    def begin_sync(
        self, project_id: str | None = None, *, resend_marked: bool = False, accept_account: bool = False
    ) -> int:
        """Scan, and make everything live due; returns the id of the newest entry.

        `resend_marked` takes in what others marked as synced, too; `accept_account` goes on with the
        account that the key is of now.
        """
        registry = self.outbox.registry
        if accept_account:
            self._accept_accounts()
        self.take_in_spool()
        wanted = [it for it in registry.projects() if project_id in {None, it.id}]
        self.scan_until_settled(wanted, heed_marks=not resend_marked)
        for destination in registry.destinations_in_use():
            self.outbox.queue.make_due(destination.id, time.time())
            registry.probe_now(destination.id, time.time())
        return self.outbox.queue.newest_id()

    def _accept_accounts(self) -> None:
        """Go on with the accounts that the keys are of now; each is a destination of its own."""
        registry = self.outbox.registry
        accepted = []
        for destination in registry.destinations_in_use():
            if destination.account:
                account = self.deliveries.to(destination).questions.account()
                if account not in ("", destination.account):
                    accepted.append(registry.accept_account(destination, account))
        if not accepted:
            where = ", ".join(it.identity for it in registry.destinations_in_use())
            raise SyncdError(
                "the API key is of the account in use", where=where, remedy="see: mem0-syncd status"
            )
        log.info("accounts accepted", identities=[it.identity for it in accepted])
        with self._scanning:
            self.scanner.forget()
        self.marks.note({project.id for project in registry.projects()})

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
        """Let go of the couriers, once what is under way has had its time."""
        self.deliveries.close(DRAIN_SECONDS)
        self.marks.write()
