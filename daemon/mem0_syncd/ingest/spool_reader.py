"""From the spool into the outbox: what hooks and commands have spooled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import structlog

from mem0_syncd.core.consent import GlobalScope
from mem0_syncd.core.item import Kind
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.ingest import spool
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.replacement import Replacement
from mem0_syncd.ingest.spooled_events import Made, understand
from mem0_syncd.outbox import DestinationRow, Outbox, ProjectRow
from mem0_syncd.projects import project_file, projects
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.project_destinations import ProjectDestinations
from mem0_syncd.sources.base import within_limits_of
from mem0_syncd.sources.session_summary import STATE_PATH
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import Moment
from mem0_syncd.system.current_file import CurrentFiles, WorkPlace

log = structlog.get_logger("spool")


class SpoolReader:
    """Takes in the spool of one state folder."""

    def __init__(
        self,
        outbox: Outbox,
        project_destinations: ProjectDestinations,
        state: Path,
        folders: Folders,
        activity: CurrentFiles,
        now: Moment,
        *,
        read_lag_of: Callable[[DestinationRow], float] = lambda _: 0.0,
    ) -> None:
        """`now` is the time since the epoch; for `read_lag_of` see `Replacement`."""
        self._outbox = outbox
        self._project_destinations = project_destinations
        self._state, self._folders = state, folders
        self._activity = activity
        self._now = now
        self._replacement = Replacement(outbox, read_lag_of)
        self.waits = False
        # Events that failed by a fault of their own, until they are understood or gone.
        self._failed: dict[Path, Problem] = {}

    def take_in(self, intake: Enqueuer) -> int:
        """Take in every event that can be; returns how many changes that made.

        One that can't be stays spooled, and is a problem; the others go on. One that is to replace what is
        just being sent `waits`. Raises what is no event's fault.
        """
        changes, self.waits = 0, False
        failed: dict[Path, Problem] = {}
        for path, event in spool.take(self._state, self._now()):
            try:
                done = self._take_in_one(intake, event)
            except Exception as error:
                if not storage_faults.is_of_a_folder(error):
                    raise
                if path not in self._failed:
                    log.exception("spool_event_failed", file=str(path))
                what = f"a spooled event can't be taken in: {type(error).__name__}"
                remedy = "it is tried again; if it stays so, report this with what the log says"
                failed[path] = self._failed.get(path) or Problem(what, str(path), remedy)
                continue
            if done is not None:
                changes += done
                spool.remove(path)
        self._failed = failed
        problems = [*spool.problems(self._state), *failed.values()]
        self._outbox.problems.replace("", "spool", problems)
        return changes

    def _take_in_one(self, intake: Enqueuer, event: Mapping[str, Any]) -> int | None:
        """How many changes an event made; None where it must wait."""
        number = str(event.get("id") or "")
        if number and self._outbox.taken_events.has(number):
            return 0
        folder = Path(event.get("cwd") or event.get("project") or "/")
        if self._awaits_consent(folder):  # until its project's user has agreed
            return None
        try:
            project = projects.find(self._outbox, folder)
        except SyncdError:  # in no watched project: there is nothing to do
            return 0
        place = WorkPlace(project.id, project.path, project_file.PATH)
        with self._activity.at(place):
            route = self._project_destinations.settle(project)
            if route is None:  # it stays spooled until its project has a destination
                return None
            project, terms = route.project, route.terms
            if event["event"] == "remember":  # its user's own word
                terms = replace(terms, global_scope=GlobalScope.AGREED)
            changes = int(route.has_moved)
            place.move(STATE_PATH)
            made = self._made_since(project, event)
            reading = within_limits_of(understand(event, project, made, trusted=self._folders.trusted))
        name = str(event.get("supersedes") or "")
        if name and any(self._replacement.is_open(it, name) for it in reading.items):
            self.waits = True
            return None
        problems = list(reading.problems)
        # An event and what it makes become durable together.
        with self._outbox.transaction():
            if name:
                replaced = (self._replacement.replace(it, name, self._now()) for it in reading.items)
                problems += filter(None, replaced)
            taken = intake.take_in(project, reading.items, terms, said_at=_said_at(event))
            if number:
                self._outbox.taken_events.note(number, self._now())
        problems += chain.from_iterable(taken.problems.values())
        self._outbox.problems.replace(project.id, "session", problems, project.tree)
        return changes + taken.changes

    def _awaits_consent(self, folder: Path) -> bool:
        whole = projects.located(folder)
        return any(it in (whole, *whole.parents) for it, _ in self._outbox.consents.unagreed())

    def _made_since(self, project: ProjectRow, event: Mapping[str, Any]) -> Made:
        """What a session made: the items seen since another session of the project last ended."""
        if event["event"] != "session":
            return Made()
        name = f"session:{project.id}"
        last = json.loads(self._outbox.facts.get(name) or '{"id": "", "began": 0, "heard": 0}')
        told = str(event["session_id"])
        # A session's name is only compared, so it isn't kept; earlier versions did keep it.
        known_as = hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest()
        began = last["began"] if last["id"] in {known_as, told} else last["heard"]
        session = {"id": known_as, "began": began, "heard": self._now()}
        self._outbox.facts.set(name, json.dumps(session))
        if not began:  # the first session of all: what was there before it isn't its own
            return Made()
        destination = self._outbox.destinations.of(project.id)
        seen = partial(self._outbox.items.seen_since, destination.id, project.id, since=began)
        return Made(decisions=seen(Kind.DECISION), patterns=seen(Kind.AGENT_PATTERN))


def _said_at(event: Mapping[str, Any]) -> float | None:
    """When a person has said it, in seconds of the epoch; None where nobody has."""
    if event["event"] != "remember":
        return None
    try:
        said = datetime.fromisoformat(str(event["at"]))
    except ValueError:
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
