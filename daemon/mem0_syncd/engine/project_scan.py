"""The scan of a project from its beginning to its end: consent, marks, files, and what follows from them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.ingest.kept_reader import KeptReader
from mem0_syncd.ingest.new_entries import Turn
from mem0_syncd.ingest.scanner import RETRY_SECONDS, Scanner
from mem0_syncd.ingest.unchanged_projects import UnchangedProjects
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import folder_problems, project_file, sync_state_file
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.git_index import tracks_any
from mem0_syncd.projects.marks import ProjectMarks
from mem0_syncd.projects.origin_checks import OriginChecks
from mem0_syncd.projects.project_destinations import ProjectDestinations
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system import storage_faults
from mem0_syncd.system.current_file import CurrentFiles, WorkPlace

GIVE_WAY_SECONDS = 0.001
"""Seconds between two turns: a lock isn't fair, and the thread that has released it would get it again."""

log = structlog.get_logger("scan")


@dataclass
class Scans:
    """What some scans did together: changes, and what to look at again.

    `retry` is by folder, in seconds. `spool_waits` is whether the spool is to be looked at again soon.
    """

    changes: int = 0
    retry: dict[Path, float] = field(default_factory=dict)
    spool_waits: bool = False


class ProjectScans:
    """Scans projects, each in turns; several may be under way, but only one thread takes a turn at a time."""

    def __init__(
        self,
        outbox: Outbox,
        folders: Folders,
        activity: CurrentFiles,
        *,
        marks: ProjectMarks,
        project_destinations: ProjectDestinations,
        origin_looks: OriginChecks,
        turn: threading.Lock,
    ) -> None:
        """`turn` is held for each turn; `use` says with what is scanned."""
        self._outbox, self._folders, self._activity = outbox, folders, activity
        self._marks, self._project_destinations, self._origin_looks = (
            marks,
            project_destinations,
            origin_looks,
        )
        self._turn = turn
        self._beginning = threading.Lock()
        self._under_way: set[Path] = set()

    def use(self, scanner: Scanner, unchanged: UnchangedProjects, kept: KeptReader) -> None:
        """Scan with these from now on."""
        self._scanner, self._unchanged, self._kept = scanner, unchanged, kept

    def turns(
        self, project: ProjectRow, scans: Scans, *, changed_only: bool = False, heed_marks: bool = True
    ) -> Iterator[Turn]:
        """Scan a project in turns, and add the results to `scans`.

        A fault of its files becomes a problem of the project; a fault of the machine is raised.
        """
        while not self._begin_scan(project.path):
            yield Turn.WAITS
        place = WorkPlace(project.id, project.path)
        problems: list[Problem] = []
        try:
            scan = self._scan_one(project, scans, place, changed_only=changed_only, heed_marks=heed_marks)
            turn: Turn | None = Turn.AT_WORK
            while turn is not None:
                with self._turn, self._activity.at(place), self._folders.held(project):
                    turn = next(scan, None)
                if turn is not None:
                    yield turn
        except Exception as error:
            if not storage_faults.is_of_a_folder(error):
                raise
            log.exception("scan_failed", project=project.id, file=str(place.path))
            problems.append(error.problem if isinstance(error, SyncdError) else _not_scanned(error, place))
        finally:
            self._end_scan(project.path)
        self._outbox.problems.replace(project.id, "scan", problems, project.tree)

    def _begin_scan(self, folder: Path) -> bool:
        """Whether a folder's scan can begin: of two at once, the slower would plan with outdated facts."""
        with self._beginning:
            if folder in self._under_way:
                return False
            self._under_way.add(folder)
            return True

    def _end_scan(self, folder: Path) -> None:
        with self._beginning:
            self._under_way.discard(folder)

    def _scan_one(
        self, project: ProjectRow, scans: Scans, place: WorkPlace, *, changed_only: bool, heed_marks: bool
    ) -> Iterator[Turn]:
        # Other settings may come between two turns: what was read by these isn't noted as read by those.
        scanner, unchanged, kept = self._scanner, self._unchanged, self._kept
        look = unchanged.look(self._folders.of(project))
        if changed_only and unchanged.is_known(project.path, look):
            return
        unchanged.note(project.path, None)
        problems = folder_problems.problems_of(project, self._folders.of(project))
        self._outbox.problems.replace(project.id, "folder", problems, project.tree)
        if self._origin_looks.is_awaited(project):
            scans.retry[project.path] = RETRY_SECONDS
            return
        place.file = project_file.PATH
        route = self._project_destinations.settle(project)
        if route is None:  # without a destination to send to, nothing is asked
            return
        if self._origin_looks.is_awaited(route.project):  # it has another id since its user agreed to that
            scans.retry[project.path] = RETRY_SECONDS
            return
        project = route.project
        scans.changes += route.has_moved
        place.file = sync_state_file.PATH
        if self._marks.take_in(project):  # first, because what others marked isn't sent
            for folder in self._outbox.projects.folders_of(project.id):
                scanner.forget(folder)
        self._note_second_writer(project, place)
        scanned = yield from scanner.turns(
            project, route.terms, changed_only=changed_only, heed_marks=heed_marks, on_file=place.move
        )
        scans.changes += scanned.changes + kept.read(project, route.terms)
        if (terms := self._project_destinations.after_scan(route, is_whole=scanned.is_whole)) is not None:
            scanner.take_as_read(project.path, terms)
            look = unchanged.decided(project.path, look)
            again = self._project_destinations.settle(project)
            scans.changes += bool(again and again.has_moved)
            look = look if again and again.terms == terms else None
        if scanned.retry_after is not None:
            scans.retry[project.path] = scanned.retry_after
        elif scanned.is_whole and scanner.has_read_all(project.path) and route.problem is None:
            unchanged.note(project.path, look)
        if scanned.changes:
            self._note_second_writer(project, place)

    def _note_second_writer(self, project: ProjectRow, place: WorkPlace) -> None:
        """Note that others' daemons send what git brings them as well."""
        place.file = ".git"
        names, folder = (it.path for it in SOURCES), self._folders.of(project)
        if tracks_any(project.path, names, trusted=folder.trusted, opened=folder):
            user_ids = [user_id(kind, project.id) for kind in Kind]
            self._outbox.first_contacts.share(self._outbox.destinations.of(project.id).id, user_ids)


def _not_scanned(error: Exception, place: WorkPlace) -> Problem:
    what = f"this project can't be scanned: {type(error).__name__}"
    remedy = "look into that file; if nothing is wrong with it, report this with what the log says"
    return Problem(what, place.file, remedy)
