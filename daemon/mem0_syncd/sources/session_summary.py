"""The summary of a session, made when it ends: from two files that aren't watched, and the hook's event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mem0_syncd.core.item import SESSION, Item, Kind
from mem0_syncd.errors import Problem
from mem0_syncd.sources.base import (
    Reading,
    fields_of,
    first_text,
    not_an_object,
    parse_json,
    text_of,
    texts_of,
)
from mem0_syncd.sources.jsonl import split
from mem0_syncd.sources.shared_rules import metadata_of
from mem0_syncd.system.unreadable_file import Unreadable

STATE_PATH = ".claude/context/session/state.json"
BLOCKERS_PATH = ".claude/logs/blockers.jsonl"

_BLOCKERS_THAT_COUNT = 5


def summarise(
    state: bytes | None,
    blockers: bytes | None,
    *,
    project: str,
    session_id: str | None = None,
    decisions: int = 0,
    patterns: int = 0,
) -> Reading:
    """The session's summary from its state file, its blockers, and the counts of what it made.

    No item without content. `session_id` is the hook's, and wins over the file's.
    """
    told, problems = _read_state(state)
    open_blockers, blocker_problems = _read_blockers(blockers)
    task = next((text for name in ("current_task", "task") for text in texts_of(told.get(name))), "")
    next_steps = texts_of(told.get("next_steps"))
    problems += blocker_problems
    if not (task or open_blockers or next_steps or decisions or patterns):
        return Reading(problems=problems)
    status = "blocked" if open_blockers else "in_progress" if next_steps else "completed"
    fields = {
        "status": text_of(told.get("status")) or status,
        "has_blockers": bool(open_blockers),
        "has_next_steps": bool(next_steps),
    }
    lines = [
        f"Session Summary: {task or 'no task named'}",
        f"Blockers: {'; '.join(open_blockers)}" if open_blockers else "",
        f"Next steps: {'; '.join(next_steps)}" if next_steps else "",
        f"Decisions made: {decisions}" if decisions else "",
        f"Patterns learned: {patterns}" if patterns else "",
    ]
    summary = Item(
        kind=Kind.SESSION_SUMMARY,
        project=project,
        text="\n".join(filter(None, lines)),
        metadata=metadata_of(Kind.SESSION_SUMMARY, fields),
        # Without a time, so that a later summary is a revision of this one.
        source_id=text_of(session_id) or first_text(told, "session_id") or None,
        source=SESSION,
        path=STATE_PATH,
    )
    return Reading((summary,), problems)


def _read_state(data: bytes | None) -> tuple[Mapping[str, Any], tuple[Problem, ...]]:
    if data is None:
        return {}, ()
    try:
        state = parse_json(data)
    except Unreadable as error:
        return {}, (error.problem(STATE_PATH),)
    if not isinstance(state, dict):
        return {}, (Problem("the session's state isn't an object", STATE_PATH, "remove or correct the file"),)
    return state, ()


def _read_blockers(data: bytes | None) -> tuple[list[str], tuple[Problem, ...]]:
    raws = list(split(data or b""))
    readings = [
        not_an_object(BLOCKERS_PATH, raw, "a blocker") for raw in raws if not isinstance(raw.value, dict)
    ]
    unresolved: dict[str, None] = {}
    for entry in (fields_of(raw.value) for raw in raws):
        description = first_text(entry, "description")
        # The file is appended to, so the last line about a blocker has its present state.
        unresolved.pop(description, None)
        if description and entry.get("resolved") is not True:
            unresolved[description] = None
    problems = tuple(problem for reading in readings for problem in reading.problems)
    return list(unresolved)[-_BLOCKERS_THAT_COUNT:], problems
