"""The snapshot that `status` shows: from the outbox alone, so that it is true without a daemon, too."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mem0_syncd.control.client import ask, ask_at
from mem0_syncd.core.consent import Consent
from mem0_syncd.core.item import Kind
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, OutboxUnusable, Problem
from mem0_syncd.outbox import DestinationRow, Outbox
from mem0_syncd.status import start_refusal
from mem0_syncd.status.outbox_problems import problems_of, reported
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import rfc3339
from mem0_syncd.system.paths import socket_paths

SCHEMA = 1
COUNTS = ("delivered", "pending", "unconfirmed", "accepted", "dead", "skipped", "withheld")
PING_SECONDS = 1.0


def snapshot(state: Path, now: float) -> dict[str, Any]:
    """The status of a state folder at the moment `now`, as `status --json` documents it (docs/json.md)."""
    running, said = _ping(state)
    refused = [it.as_dict() for it in start_refusal.read(state)] if running == "stopped" else []
    # The daemon that answers may be of another version.
    told = [Problem.from_dict(it).as_dict() for it in said.get("problems", [])]
    said = {**said, "problems": [*told, *refused]}
    try:
        outbox = Outbox.open_to_read(state) if state.is_dir() else None
        if outbox is None:
            return _nothing(running, said, _missing(state) if running == "ok" else None)
        with closing(outbox), outbox.database.at_one_moment():
            return _snapshot(outbox, running, said, now)
    except Exception as error:
        own = error.problem if isinstance(error, OutboxUnusable) else storage_faults.problem_of(error, state)
        if own is None:
            raise
        # Only a daemon sets a damaged outbox aside.
        is_mended = running != "stopped" and storage_faults.is_damage(error)
        own = replace(own, needs_you=not is_mended)
        return _nothing(running, said, own)


def _snapshot(outbox: Outbox, running: str, said: dict[str, Any], now: float) -> dict[str, Any]:
    in_use = outbox.destinations.in_use()
    projects = _projects(outbox)
    found = list(problems_of(outbox, in_use, now))
    problems = said["problems"] + [it.as_dict() for it in found if not it.is_note]
    notes = [_note(it) for it in found if it.is_note]
    deliveries = [outbox.queue.last_delivery(destination.id) for destination in in_use]
    alive = running != "stopped"
    return {
        "schema": SCHEMA,
        "state": _state(running, paused=outbox.facts.is_paused, problems=bool(problems)),
        "daemon": {
            "running": alive,
            "pid": int(outbox.facts.get("pid") or 0) or None if alive else None,
            "version": outbox.facts.get("version") if alive else None,
            "since": outbox.facts.get("since") if alive else None,
            **_daemon(said),
        },
        "destination": _destination(outbox.destinations.current()),
        "projects": projects,
        "totals": _sum(counts for project in projects for counts in project["kinds"].values()),
        "redacted": sum(outbox.items.redacted(destination.id) for destination in in_use),
        "redacted_again": sum(outbox.items.again(destination.id) for destination in in_use),
        "last_delivery": rfc3339(max(filter(None, deliveries), default=None)),
        "audit": _audit(outbox, in_use),
        "problems": problems,
        **({"notes": notes} if notes else {}),
    }


def _note(problem: Problem) -> dict[str, str]:
    """What is to be known, and is no alarm."""
    return {"what": problem.what, "where": problem.where, "remedy": problem.remedy}


def _ping(state: Path) -> tuple[str, dict[str, Any]]:
    """Whether a daemon answers, and its answer."""
    # A daemon that can't write to the state folder couldn't note there where it listens.
    elsewhere = (
        partial(ask_at, str(path), state, "ping", timeout=PING_SECONDS)
        for path in socket_paths(state)
        if path.exists()
    )
    for ping in (partial(ask, state, "ping", timeout=PING_SECONDS), *elsewhere):
        try:
            return "ok", ping()
        except DaemonNotRunning:
            continue
        except DaemonUnresponsive:
            return "unresponsive", {}
    return "stopped", {}


def _daemon(said: dict[str, Any]) -> dict[str, Any]:
    """The report of a daemon that stands by, and so has put nothing into the outbox."""
    return {name: said[name] for name in ("pid", "version", "since")} if said.get("standby") else {}


def _state(running: str, *, paused: bool, problems: bool) -> str:
    if running != "ok":
        return running
    if paused:
        return "paused"
    return "degraded" if problems else "ok"


def _projects(outbox: Outbox) -> list[dict[str, Any]]:
    default = outbox.destinations.current()
    folders: dict[str, list[str]] = {}
    for project in outbox.projects.all():
        folders.setdefault(project.id, []).append(str(project.path))
    problems: dict[str, list[dict[str, Any]]] = {}
    for project_id, problem in reported(outbox):
        if problem.is_note:
            continue
        problems.setdefault(project_id, []).append(problem.as_dict())
    consents, early = outbox.consents.of_projects(), outbox.marks.early()
    tallies = {it.id: outbox.items.counts(it.id) for it in outbox.destinations.in_use()}
    unwatched = {project_id for project_id, _ in tallies.get(default.id, {})} if default else set()
    shown = []
    for project_id in sorted({*folders, *unwatched}):
        destination = outbox.destinations.of(project_id) if default else None
        counts = tallies[destination.id] if destination else {}
        path, *worktrees = folders.get(project_id, [None])
        shown.append(
            {
                "id": project_id,
                "path": path,
                "worktrees": worktrees,
                "destination": destination.identity if destination else None,
                "guarantee": destination.guarantee.value if destination else None,
                "consent": _consent(consents[project_id]) if project_id in consents else None,
                "early_marks": early.get(project_id, []),
                "problems": problems.get(project_id, []),
                "kinds": {
                    kind.value: _counts(counts[project_id, kind])
                    for kind in Kind
                    if (project_id, kind) in counts
                },
            }
        )
    return shown


def _consent(consent: Consent) -> dict[str, Any]:
    """A project's consent, and the names of the values that wait."""
    terms = consent.effective
    return {
        "destination": terms.destination,
        "kinds": [kind.value for kind in Kind if kind in terms.kinds],
        "exclude": list(terms.exclude),
        "global": terms.global_scope.value,
        "waiting": list(consent.waiting.names),
    }


def _counts(tally: dict[str, int]) -> dict[str, int]:
    counts = {name: tally.get(name, 0) for name in COUNTS}
    return {"seen": sum(counts.values()), **counts}


def _sum(all_counts: Any) -> dict[str, int]:
    total = dict.fromkeys(("seen", *COUNTS), 0)
    for counts in all_counts:
        for name, n in counts.items():
            total[name] += n
    return total


def _destination(destination: DestinationRow | None) -> dict[str, Any]:
    if destination is None:
        return {
            "name": None,
            "identity": None,
            "guarantee": None,
            "state": "ok",
            "reason": "",
            "retry_at": None,
        }
    standing = destination.standing
    return {
        "name": destination.name,
        "identity": destination.identity,
        "guarantee": destination.guarantee.value,
        "state": standing.reach.value,
        "reason": standing.reason,
        "retry_at": rfc3339(standing.retry_at),
    }


def _audit(outbox: Outbox, destinations: list[DestinationRow]) -> dict[str, Any]:
    """When the destinations in use were audited last, and the result."""
    last = [audited for it in destinations if (audited := outbox.audit_log.last(it.id)) and audited.is_done]
    return {
        "last": rfc3339(max((it.at for it in last), default=None)),
        "doubles": sum(it.doubles for it in last),
        "removed": sum(it.removed for it in last),
    }


def _missing(state: Path) -> Problem:
    remedy = "nothing: the daemon will soon replace it"
    return Problem("the outbox is gone", str(state), remedy, needs_you=False)


def _nothing(running: str, said: dict[str, Any], own: Problem | None = None) -> dict[str, Any]:
    """The status if there is no outbox, or `own` keeps it from being read."""
    problems = said["problems"] or ([own.as_dict()] if own else [])
    daemon = {"running": running != "stopped", "pid": None, "version": None, "since": None}
    return {
        "schema": SCHEMA,
        "state": _state(running, paused=False, problems=bool(problems)),
        "daemon": daemon | _daemon(said),
        "destination": _destination(None),
        "projects": [],
        "totals": _sum([]),
        "redacted": 0,
        "redacted_again": 0,
        "last_delivery": None,
        "audit": {"last": None, "doubles": 0, "removed": 0},
        "problems": problems,
    }
