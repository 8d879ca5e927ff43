"""Projects: their ids, and the list of those that are watched."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mem0_syncd import git, paths, project_file
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.outbox.registry import Registry
from mem0_syncd.watched_folder import WatchedFolder

DEFAULT_ID = "default-project"
_SYSTEM_FOLDERS = frozenset(
    Path(name)
    for names in (
        "/bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp",
        "/usr /var /usr/bin /usr/lib /usr/local /usr/share /var/lib /var/log /var/tmp /dev/shm",
        "/Applications /Library /System /Users /Volumes /private /private/etc /private/tmp /private/var",
    )
    for name in names.split()
)
"""Folders that are never one project's; what is below them may be."""

ORIGIN = "projects"
"""The origin of problems with the list of projects."""


def project_id(name: str) -> str:
    """The id that a folder's name, or any other name, stands for."""
    lowered = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9-]+", "-", lowered).strip("-") or DEFAULT_ID


def resolve(path: Path) -> Path:
    """A project's folder, absolute and without links.

    Raises `SyncdError` where there is none, or none that can be a project.
    """
    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise SyncdError("there is no such folder", where=str(path), remedy="name a project's root folder")
    if why := reason_to_refuse(folder, Path.home().resolve(), paths.state_dir().resolve()):
        raise SyncdError(
            f"a project is a folder of its own, and this is {why}",
            where=str(folder),
            remedy="name the root folder of one project, such as ~/code/shop",
        )
    return folder


def reason_to_refuse(folder: Path, home: Path, state: Path) -> str | None:
    """Why a folder can't be a project, if so: too much that is no project's would be in it."""
    if folder == home:
        return "your home folder"
    if folder in home.parents:
        return "a folder above your home folder" if folder.parent != folder else "the root of all folders"
    if folder == state or folder in state.parents:
        return "where mem0-syncd keeps its own files"
    if folder in _SYSTEM_FOLDERS or folder in {above for it in _SYSTEM_FOLDERS for above in it.parents}:
        return "a folder of the system"
    return None


def add(
    registry: Registry,
    path: Path,
    name: str | None = None,
    origin: str = "command",
    *,
    trusted: Iterable[Path] = (),
) -> ProjectRow:
    """Watch a project; its id is fixed when it is first seen.

    `trusted` are the folders that the user's settings trust, here and below. Raises `SyncdError` where the
    id is taken, or the folder is known by another one.
    """
    folder = resolve(path)
    known = {project.path: project for project in registry.projects()}
    if folder in known:
        return _add_again(registry, known[folder], name, origin)
    row = intended(registry, folder, name, origin, trusted=trusted)
    _refuse_rivals(registry, row, trusted)
    registry.add_project(row)
    return row


def misfit(registry: Registry, path: Path, *, trusted: Iterable[Path] = ()) -> Problem | None:
    """What keeps a listed folder from being watched, if anything does."""
    try:
        folder = resolve(path)
        if not any(project.path == folder for project in registry.projects()):
            _refuse_rivals(registry, intended(registry, folder, None, "settings", trusted=trusted), trusted)
    except SyncdError as error:
        return error.problem
    return None


def _refuse_rivals(registry: Registry, row: ProjectRow, trusted: Iterable[Path]) -> None:
    family = git.main_tree(row.path, trusted=trusted) or row.path
    rivals = (
        it
        for it in registry.projects()
        if it.id == row.id and (git.main_tree(it.path, trusted=trusted) or it.path) != family
    )
    rival = next((it for it in rivals if it.path.is_dir()), None)  # otherwise it has moved to here
    if rival is not None:
        raise SyncdError(
            f"the id {row.id!r} is already that of {rival.path}",
            where=str(row.path),
            remedy=f"give it an id of its own: mem0-syncd project add {row.path} --id NAME",
        )


def intended(
    registry: Registry,
    folder: Path,
    name: str | None,
    origin: str = "command",
    *,
    trusted: Iterable[Path] = (),
) -> ProjectRow:
    """The project that a folder would be: a linked git worktree has its main tree's id.

    Raises `SyncdError` where its own file can't be understood.
    """
    main = git.main_tree(folder, trusted=trusted)
    of_main = next((it.id for it in registry.projects() if it.path == main), None)
    try:
        name = name or of_main or project_file.read(WatchedFolder(main or folder, trusted=trusted)).id
    except project_file.BadProjectFile as error:
        raise SyncdError(
            error.problem.what, where=str((main or folder) / error.problem.where), remedy="mend it"
        ) from None
    return ProjectRow(project_id(name or (main or folder).name), folder, origin, main is not None)


def _add_again(registry: Registry, known: ProjectRow, name: str | None, origin: str) -> ProjectRow:
    if name is not None and project_id(name) != known.id:
        raise SyncdError(
            f"its id is {known.id!r}; under another one everything would be sent again",
            where=str(known.path),
            remedy=f"if that is what you want: mem0-syncd project remove {known.path}, and add it again",
        )
    if origin == "command" != known.origin:
        known = replace(known, origin=origin)
        registry.add_project(known)
    return known


def take_in_settings(
    registry: Registry, listed: Iterable[Path], *, trusted: Iterable[Path] = ()
) -> list[Problem]:
    """Bring the watched projects in line with the list of the settings; returns what stands in the way."""
    problems, wanted = [], set()
    for path in listed:
        try:
            wanted.add(add(registry, path, origin="settings", trusted=trusted).path)
        except SyncdError as error:
            problems.append(error.problem)
    for project in registry.projects():
        if project.origin == "settings" and project.path not in wanted:
            registry.remove_project(project.id, project.path)
    registry.set_problems("", ORIGIN, problems)
    return problems


def find(registry: Registry, path: Path) -> ProjectRow:
    """The watched project that a path is in; raises `SyncdError` where it is in none."""
    folder = path.expanduser().resolve()
    inside = [it for it in registry.projects() if folder == it.path or it.path in folder.parents]
    if not inside:
        raise SyncdError(
            "this is in no watched project",
            where=str(folder),
            remedy=f"see: mem0-syncd project list; to have it watched: mem0-syncd project add {folder}",
        )
    return max(inside, key=lambda it: len(it.path.parts))
