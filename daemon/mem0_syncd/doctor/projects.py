"""The projects: their ids, their problems, the coding agent's hooks, and what leaves the machine."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mem0_syncd.agents import claude
from mem0_syncd.core.consent import EVERYTHING, GlobalScope, Terms
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.context import Context
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.projects import folder_problems
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.listed_projects import misfit
from mem0_syncd.status.render import delivered
from mem0_syncd.status.snapshot import snapshot
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import UntrustedFolder


def check_projects(around: Context) -> Iterator[CheckResult]:
    """Whether projects are watched, are where they were, and have ids of their own."""
    rows = around.projects
    gone = [row.path for row in rows if not _is_there(row, around)]
    listed = around.settings.projects
    misfits = (
        [misfit(around.outbox, it, trusted=around.settings.trusted_folders) for it in listed]
        if around.outbox
        else []
    )
    for problem in filter(None, misfits):
        yield failure(f"{problem.what} ({problem.where})", problem.remedy)
    for path in gone:
        yield warning(f"{path} is not there", f"mem0-syncd project remove {shlex.quote(str(path))}")
    if not rows and not listed:
        yield warning("no project is watched", "mem0-syncd project add PATH")
    elif not gone and not any(misfits):
        yield fine(f"{len(rows)} watched, each with an id of its own")


def check_folders(around: Context) -> Iterator[CheckResult]:
    """What is refused of each watched folder, and by which rule."""
    if around.outbox is None:
        return
    folders = Folders(around.outbox.projects, around.settings.trusted_folders)
    rows, refused = [row for row in around.projects if _is_there(row, around)], False
    for row in rows:
        folder = folders.of(row)
        found = folder_problems.problems_of(row, folder) or list(folder_problems.refusals(folder))
        for problem in found:
            refused = True
            yield warning(f"{problem.what} ({row.path / problem.where})", problem.remedy)
    if rows and not refused:
        yield fine("every file of theirs may be read, and none leads elsewhere")


def check_delivery(around: Context) -> Iterator[CheckResult]:
    """What `status` shows: whether everything is in Mem0, and each problem with its remedy."""
    if around.damage:
        return
    shown = snapshot(around.settings.state_dir, time.time())
    for problem in shown["problems"]:
        make = failure if problem["needs_you"] else warning
        yield make(f"{problem['what']} ({problem['where']})", problem["remedy"])
    if not shown["problems"]:
        yield fine(delivered(shown["totals"]))


def _is_there(row: ProjectRow, around: Context) -> bool:
    try:
        return UntrustedFolder(row.path, trusted=around.settings.trusted_folders).is_folder()
    except (RefusedFile, OSError):  # it exists, and `check_folders` reports what is wrong with it
        return True


def check_hooks(_around: Context) -> Iterator[CheckResult]:
    """Whether Claude Code calls the hook at the end of its sessions."""
    folder = claude.user_folder()
    if not folder.is_dir():
        yield fine("Claude Code isn't here")
        return
    try:
        missing = claude.missing_events(folder)
    except SyncdError as error:
        yield warning(f"{error.problem.what} ({error.problem.where})", error.problem.remedy)
        return
    if missing:
        yield warning(
            f"Claude Code has no hook for {', '.join(missing)}: session summaries aren't delivered",
            "mem0-syncd claude install",
        )
    else:
        yield fine(f"Claude Code calls us at {', '.join(claude.EVENTS)}")


@dataclass(frozen=True, slots=True)
class Leaving:
    """What of a project is sent where."""

    what: str
    where: str


def what_leaves(around: Context) -> list[Leaving]:
    """What leaves the watched folders, and its destinations: nothing else is ever sent."""
    outbox = around.outbox
    if outbox is None or outbox.destinations.current() is None:
        return []
    leaving = []
    for name in dict.fromkeys(row.id for row in around.projects):
        consent = outbox.consents.of(name)
        terms = consent.effective if consent else EVERYTHING
        user_ids = ", ".join(dict.fromkeys(user_id(kind, name) for kind in Kind if _goes(kind, terms)))
        but = f", but not {', '.join(map(repr, terms.exclude))}" if terms.exclude else ""
        what = f"{name}: {user_ids or 'nothing'}{but}"
        leaving.append(Leaving(what, _place(outbox.destinations.of(name))))
    return leaving


def _goes(kind: Kind, terms: Terms) -> bool:
    scope = terms.global_scope
    is_open = kind is not Kind.BEST_PRACTICE or scope in (GlobalScope.OPEN, GlobalScope.AGREED)
    return kind in terms.kinds and is_open


def check_leaving(around: Context) -> Iterator[CheckResult]:
    """Whether what leaves is scanned for credentials first, and where it is sent."""
    leaving = what_leaves(around)
    if not leaving:
        yield fine("nothing goes anywhere yet")
        return
    places = ", ".join(dict.fromkeys(it.where for it in leaving))
    what = f"the texts of {len(leaving)} {'project' if len(leaving) == 1 else 'projects'} go to {places}"
    if around.settings.redact == "off":
        yield warning(f"{what}, with whatever credentials are in them", "MEM0_SYNCD_REDACT=redact")
    else:
        yield fine(f"{what}; nothing else goes anywhere")


def _place(destination: Any) -> str:
    return f"{destination.name} {destination.address}"
