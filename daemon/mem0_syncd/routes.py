"""The routes: what each project wishes for itself, and its items going where it wishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from mem0_syncd import project_file
from mem0_syncd.folders import Folders
from mem0_syncd.outbox import DestinationRow, ProjectRow
from mem0_syncd.outbox.registry import Registry
from mem0_syncd.project_file import ProjectFile

log = structlog.get_logger("routes")


class Routes:
    """The routes of all watched projects."""

    def __init__(
        self,
        registry: Registry,
        destination_named: Callable[[str | None], DestinationRow],
        on_move: Callable[[ProjectRow], None],
        folders: Folders,
    ) -> None:
        """`destination_named` knows the destination that a project names, or everybody's for None.

        `on_move` hears of a project whose items go elsewhere from now on: to a new destination everything
        that it lacks.
        """
        self._registry = registry
        self._destination_named = destination_named
        self._on_move = on_move
        self._folders = folders
        self._wishes: dict[Path, ProjectFile] = {}

    def wishes_of(self, project: ProjectRow) -> ProjectFile | None:
        """What the folder's own settings say, or said last; None where they could never be read."""
        problems = []
        try:
            self._wishes[project.path] = project_file.read(self._folders.of(project))
        except project_file.BadProjectFile as error:
            problems.append(error.problem)
        self._registry.set_problems(project.id, "project file", problems, project.tree)
        return self._wishes.get(project.path)

    def follow(self, project: ProjectRow, wishes: ProjectFile) -> bool:
        """Have the project's items go where it wishes; returns whether they went elsewhere before."""
        destination = self._destination_named(wishes.destination)
        if not self._registry.set_destination_of(project, destination.id):
            return False
        log.info("route", project=project.id, folder=str(project.path), to=destination.identity)
        self._on_move(project)
        return True
