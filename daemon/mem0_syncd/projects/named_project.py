"""Which project a person means: by a folder of it, by its id, or by where they are."""

from __future__ import annotations

from pathlib import Path

from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import projects


def named_project(outbox: Outbox, name: str | None) -> str:
    """The id of the project that a person names by a folder or an id; without a name, the one they are in.

    One that is watched no more is known by its id. Raises `SyncdError` where there is none, or none is meant.
    """
    if name is None:
        return _current(outbox)
    ids = known_projects(outbox)
    if projects.is_folder(Path(name)):
        try:
            return projects.find(outbox, Path(name)).id
        except SyncdError:
            if name not in ids:
                raise
    if name in ids:
        return name
    if "/" in name or name.startswith(("~", ".")):
        return projects.find(outbox, Path(name)).id
    raise SyncdError("there is no project of this id or folder", where=name, remedy="mem0-syncd project list")


def watched_project(outbox: Outbox, name: str | None) -> ProjectRow:
    """The folder of a watched project that a person names, as by `named_project`; raises `SyncdError`."""
    if name is None or projects.is_folder(Path(name)):
        return projects.find(outbox, Path(name or "."))
    named = named_project(outbox, name)
    folder = outbox.projects.own_folder(named)
    row = outbox.projects.at(folder) if folder else None
    if row is None:
        raise SyncdError("this project is watched no more", where=named, remedy="mem0-syncd project add PATH")
    return row


def _current(outbox: Outbox) -> str:
    try:
        return projects.find(outbox, Path()).id
    except SyncdError as error:
        ids = known_projects(outbox)
        if len(ids) == 1:  # then it is the only one that can be meant
            return ids.pop()
        problem = error.problem
        remedy = f"name a project, by its folder or its id: --project NAME; {problem.remedy}"
        raise SyncdError(problem.what, where=problem.where, remedy=remedy) from None


def known_projects(outbox: Outbox) -> set[str]:
    """The ids of all projects that are watched, or were and have items."""
    return {it.id for it in outbox.projects.all()} | outbox.items.projects()
