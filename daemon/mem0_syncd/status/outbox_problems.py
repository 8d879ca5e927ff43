"""The problems that the outbox shows, with a daemon or without."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from mem0_syncd.core.destination_health import Reach
from mem0_syncd.errors import Problem
from mem0_syncd.outbox import DestinationRow, Outbox, damaged_outbox
from mem0_syncd.status.stopped_projects import strangers_problem

MOST_LETTERS = 5
"""Dead letters of a destination that are listed one by one."""

OWED_SECONDS = 120.0
"""How long a deletion may be owed before it is told."""


def problems_of(outbox: Outbox, destinations: Iterable[DestinationRow], now: float) -> Iterator[Problem]:
    """All problems: the daemon's, the projects', and those of these destinations."""
    yield from damaged_outbox.problems(outbox.database)
    for _, problem in reported(outbox):
        yield problem
    in_use = set()
    for destination in destinations:
        in_use.add(destination.id)
        yield from _standing(destination, now)
        yield from _dead_letters(outbox, destination)
        yield from _doubles(outbox, destination)
    yield from _owed(outbox, in_use, now)
    yield from _left_behind(outbox)


def reported(outbox: Outbox) -> Iterator[tuple[str, Problem]]:
    """Every reported problem with its project's id, and with the full path of a project's file."""
    folders = {project.id: project.path for project in reversed(outbox.projects.all())}
    for project_id, problem in outbox.problems.all():
        folder = folders.get(project_id)
        where = str(folder / problem.where) if folder else problem.where
        yield project_id, replace(problem, where=where)
    yield from _stopped(outbox)


def _stopped(outbox: Outbox) -> Iterator[tuple[str, Problem]]:
    """What stops whole projects: another repository's memories under their id."""
    folders = {project.id: str(project.path) for project in reversed(outbox.projects.all())}
    for name, found in groupby(outbox.origins.strangers(), key=lambda it: it.project):
        if name in folders or outbox.origins.holds_up(name):
            yield name, strangers_problem(name, folders.get(name), list(found))


def _standing(destination: DestinationRow, now: float) -> Iterator[Problem]:
    standing = destination.standing
    if standing.reach is not Reach.OK:
        seconds = max(0, round((standing.retry_at or 0) - now))
        remedy = standing.remedy or f"nothing: it is tried again by itself (in {seconds} s)"
        yield Problem(standing.reason, destination.identity, remedy, standing.reach is Reach.HELD)


def _dead_letters(outbox: Outbox, destination: DestinationRow) -> Iterator[Problem]:
    for entry in outbox.dead_letters.newest(destination.id, limit=MOST_LETTERS):
        yield Problem(
            f"dead letter: {entry.reason}",
            f"{entry.project}: {entry.kind} {entry.id}",
            f"mem0-syncd dead show {entry.id}, then retry or drop it",
        )


def _owed(outbox: Outbox, in_use: Collection[int], now: float) -> Iterator[Problem]:
    """Deletions that a person wants and that aren't done: a moment passes until they are."""
    for owed in outbox.owed_deletions.counts():
        if owed.reason or now - owed.since > OWED_SECONDS:
            memories = "1 memory is" if owed.count == 1 else f"{owed.count} memories are"
            what = f"{memories} still to be deleted" + (f": {owed.reason}" if owed.reason else "")
            where = outbox.destinations.get(owed.destination).identity
            remedy = "nothing: it is tried again by itself, once this Mem0 can be reached by the settings"
            is_elsewhere = owed.destination not in in_use
            yield Problem(what, where, remedy, needs_you=False, is_note=is_elsewhere)


def _left_behind(outbox: Outbox) -> Iterator[Problem]:
    """What no file says and hasn't moved with its project: its text is in the former Mem0 only."""
    default = outbox.destinations.current()
    for left in outbox.kept_items.left_behind(default.id) if default else ():
        items = "1 item" if left.count == 1 else f"{left.count} items"
        what = (
            f"{items} that no file says stay behind at {outbox.destinations.get(left.destination).identity}"
        )
        remedy = "nothing: they are fetched once that Mem0 can be reached by the settings"
        yield Problem(what, left.project, remedy, needs_you=False, is_note=True)


def _doubles(outbox: Outbox, destination: DestinationRow) -> Iterator[Problem]:
    audited = outbox.audit_log.last(destination.id)
    if audited and (left := audited.doubles - audited.removed):
        what = f"{left} {'memory is' if left == 1 else 'memories are'} in Mem0 once too often"
        yield Problem(what, destination.identity, "mem0-syncd verify --repair")
