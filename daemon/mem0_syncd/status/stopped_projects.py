"""The problem of a project that is stopped by another repository's memories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mem0_syncd.core.foreign_memories import UNKNOWN
from mem0_syncd.errors import Problem
from mem0_syncd.outbox.origins import Stranger


def strangers_problem(project: str, folder: str | None, found: Sequence[Stranger]) -> Problem:
    """The problem with the memories under a project's id, and the ways out."""
    seen = ", ".join(said_of(found))
    is_certain = any(it.stated.origin != UNKNOWN for it in found)
    whose = "of another repository" if is_certain else "which don't say of which repository they are"
    what = f"nothing of {project} is sent: under this id there are memories {whose} ({seen})"
    same = f"mem0-syncd project accept --same {project}"
    if folder is None:  # it isn't watched any more, and what was remembered by hand still waits
        return Problem(what, project, f"to have it sent: mem0-syncd project add PATH --id {project}; {same}")
    return Problem(
        what,
        folder,
        f"another project: mem0-syncd project remove {project}, then mem0-syncd project add"
        f" {folder} --id NAME; the same one, for example with a rewritten history: {same}",
    )


def said_of(found: Iterable[Stranger]) -> list[str]:
    """How many memories are at which destination, and their times."""
    return list(dict.fromkeys(map(_said, found)))


def _said(it: Stranger) -> str:
    newest = f", the newest of {it.stated.newest[:10]}" if it.stated.newest else ""
    return f"{it.stated.count} in {it.user_id}{newest}"
