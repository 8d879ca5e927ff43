"""Projects: their ids, and the list of those that are watched."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mem0_syncd import project_file
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.outbox.registry import Registry

DEFAULT_ID = "default-project"
ORIGIN = "projects"
"""The origin of problems with the list of projects."""


def project_id(name: str) -> str:
    """The id that a folder's name, or any other name, stands for."""
    lowered = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9-]+", "-", lowered).strip("-") or DEFAULT_ID


def resolve(path: Path) -> Path:
    """A project's folder, absolute and without links; raises `SyncdError` where there is none."""
    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise SyncdError("there is no such folder", where=str(path), remedy="name a project's root folder")
    return folder


def add(registry: Registry, path: Path, name: str | None = None, origin: str = "command") -> ProjectRow:
    """Watch a project; its id is fixed when it is first seen. Raises `SyncdError` where the id is taken."""
    folder = resolve(path)
    known = {project.path: project for project in registry.projects()}
    if folder in known and name is None:
        if origin == "command" != known[folder].origin:
            registry.add_project(replace(known[folder], origin=origin))
        return known[folder]
    try:
        name = name or project_file.read(folder).id
    except project_file.BadProjectFile as error:
        raise SyncdError(
            error.problem.what, where=str(folder / error.problem.where), remedy="mend it"
        ) from None
    row = ProjectRow(project_id(name or folder.name), folder, origin)
    rival = next((it for it in known.values() if it.id == row.id and it.path != folder), None)
    if rival is not None and rival.path.is_dir():  # otherwise this is where that one has moved to
        raise SyncdError(
            f"the id {row.id!r} is already that of {rival.path}",
            where=str(folder),
            remedy=f"give it an id of its own: mem0-syncd project add {folder} --id NAME",
        )
    registry.add_project(row)
    return row


def take_in_settings(registry: Registry, listed: Iterable[Path]) -> list[Problem]:
    """Bring the watched projects in line with the list of the settings; returns what stands in the way."""
    problems, wanted = [], set()
    for path in listed:
        try:
            wanted.add(add(registry, path, origin="settings").path)
        except SyncdError as error:
            problems.append(error.problem)
    for project in registry.projects():
        if project.origin == "settings" and project.path not in wanted:
            registry.remove_project(project.id)
    registry.set_problems("", ORIGIN, problems)
    return problems


def find(registry: Registry, path: Path) -> ProjectRow:
    """The watched project that a path is in; raises `SyncdError` where it is in none."""
    folder = path.expanduser().resolve()
    inside = [it for it in registry.projects() if folder == it.path or it.path in folder.parents]
    if not inside:
        raise SyncdError(
            "this is in no watched project", where=str(folder), remedy=f"mem0-syncd project add {folder}"
        )
    return max(inside, key=lambda it: len(it.path.parts))
