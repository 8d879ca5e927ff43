"""Starts scans: the schedule runs one of each folder that may have changed; an event is only a hint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.daemon.delivery_trigger import DeliveryTrigger
from mem0_syncd.daemon.due_scans import DueScan, DueScans
from mem0_syncd.daemon.scheduler import Schedule
from mem0_syncd.engine.engine import Engine
from mem0_syncd.engine.project_scan import GIVE_WAY_SECONDS, Scans
from mem0_syncd.ingest.new_entries import Turn
from mem0_syncd.projects import sync_state_file

MARKS_SECONDS = 0.2
"""Seconds that a change of marks waits for further ones, because they come with every few receipts."""

SPOOL_SECONDS = 1.0
"""How long what waits for a push is left in the spool."""

LONG_SECONDS = 1.0
"""Seconds; after a longer scan the others go first the next time, and it rests for as long."""


@dataclass
class _UnderWay:
    due: DueScan
    scans: Scans
    turns: Iterator[Turn]
    is_large: bool
    seconds: float = 0.0


class ScanTrigger:
    """Runs an engine's scans, and has the results delivered; for any thread.

    Each project has its turns, so that a small one never waits for the end of a large one.
    """

    def __init__(self, engine: Engine, schedule: Schedule, dispatch: DeliveryTrigger) -> None:
        self._engine, self._schedule, self._delivery_trigger = engine, schedule, dispatch
        self._due = DueScans()
        self._stopped = False
        schedule.add("scan", self._scan)
        schedule.add("full scan", self.scan_all, every=engine.settings.scan_seconds)
        schedule.add("spool", self._take_in_spool)

    def stop(self) -> None:
        """Begin no more turns."""
        self._stopped = True

    def heed(self, folder: Path, names: set[str]) -> None:
        """Have a project's folder scanned in which some files have changed; without `names`, any may have."""
        # Most marks are our own, and they say nothing about the other files.
        only_marks = names == {Path(sync_state_file.PATH).name}
        if only_marks and self._engine.marks_are_taken_in(folder):
            return
        seconds = MARKS_SECONDS if only_marks else 0.0
        self._add(folder, changed_only=only_marks, seconds=seconds, is_urgent=True)
        self._schedule.by("scan", seconds)

    def scan_all(self) -> None:
        """Have everything read, and take in the spool."""
        self.take_in_spool()
        for project in self._engine.projects():
            self._add(project.path, changed_only=True)
        self._schedule.soon("scan")

    def take_in_spool(self) -> None:
        """Take in the spool now."""
        self._schedule.soon("spool")

    def _add(
        self, folder: Path, *, changed_only: bool, seconds: float = 0.0, is_urgent: bool = False
    ) -> None:
        self._due.add(DueScan(folder, changed_only, time.monotonic() + seconds, is_urgent))

    def _scan(self) -> None:
        under_way: list[_UnderWay] = []
        failed: list[_UnderWay] = []
        failure: Exception | None = None
        while not self._stopped and self._begin(under_way):
            for scan in list(under_way):
                try:
                    goes_on = self._take_turn(scan, under_way)
                except Exception as error:  # noqa: BLE001 - raised below
                    failed.append(scan)
                    goes_on, failure = False, error
                if not goes_on:
                    under_way.remove(scan)
            time.sleep(GIVE_WAY_SECONDS)
        if self._stopped:
            return
        for scan in failed:
            self._due.add(scan.due)
        if failure is not None:
            self._delivery_trigger.soon()
            raise failure
        self._come_back()

    def _begin(self, under_way: list[_UnderWay]) -> bool:
        """Begin what is due beside what is under way; returns whether there is anything."""
        while True:
            busy = {it.due.folder for it in under_way}
            has_large = any(it.is_large for it in under_way)
            due = self._due.take(busy, time.monotonic(), has_large=has_large)
            if due is None:
                return bool(under_way)
            try:
                project = self._engine.project_at(due.folder)
            except Exception:  # none of them is lost: the schedule tries again
                for it in (due, *(scan.due for scan in under_way)):
                    self._due.add(it)
                raise
            if project:
                scans = Scans()
                turns = self._engine.turns(project, scans, changed_only=due.changed_only)
                under_way.append(_UnderWay(due, scans, turns, due.is_large))

    def _take_turn(self, scan: _UnderWay, under_way: list[_UnderWay]) -> bool:
        """Let one scan take a turn; returns whether it goes on."""
        folder = scan.due.folder
        begun = time.monotonic()
        turn = next(scan.turns, None)
        scan.seconds += time.monotonic() - begun
        if turn is Turn.BEFORE_A_LARGE_FILE and not scan.is_large:
            if any(it.is_large for it in under_way):  # it begins when that one is done
                self._due.rest(folder, begun)
                self._due.add(scan.due)
                return False
            scan.is_large = True
        if turn is not None:
            return True
        self._after(scan.scans)
        self._due.rest(folder, time.monotonic() + scan.seconds if scan.seconds > LONG_SECONDS else None)
        return False

    def _come_back(self) -> None:
        """Have what isn't due yet scanned in time."""
        earliest = self._due.earliest()
        if earliest is not None:
            self._schedule.by("scan", max(0.0, earliest - time.monotonic()))

    def _take_in_spool(self) -> None:
        scans = self._engine.take_in_spool()
        self._after(scans)
        if scans.spool_waits:
            self._schedule.by("spool", SPOOL_SECONDS)

    def _after(self, scans: Scans) -> None:
        if scans.changes:  # a route changes what is due, and not by a batch
            self._delivery_trigger.by(self._engine.settings.flush_seconds)
        for folder, seconds in scans.retry.items():
            self._add(folder, changed_only=False, seconds=seconds)
            self._schedule.by("scan", seconds)
