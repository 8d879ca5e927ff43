"""The watched folders, opened with what the user's settings allow."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from mem0_syncd.errors import is_want_of_handles
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.outbox.projects import Projects
from mem0_syncd.projects import git
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import UntrustedFolder


class Folders:
    """The watched folders of one outbox; `trusted` may be replaced at any time."""

    def __init__(self, projects: Projects, trusted: Iterable[Path] = ()) -> None:
        self._projects = projects
        self.trusted = tuple(trusted)
        self._held = threading.local()

    def of(self, project: ProjectRow) -> UntrustedFolder:
        """A project's folder."""
        return self.at(project.path)

    def at(self, path: Path) -> UntrustedFolder:
        """The folder at a path, whose links may lead to other work trees of the same project, too."""
        held: UntrustedFolder | None = getattr(self._held, "folder", None)
        if held and held.root == path:
            return held
        return UntrustedFolder(path, trusted=self.trusted, family=partial(self._family, path))

    @contextmanager
    def held(self, project: ProjectRow) -> Iterator[UntrustedFolder]:
        """Keep a project's folder open for this thread; `of` returns it meanwhile.

        It may be one that can't be opened, or isn't there. Raises `OSError` if file handles run out.
        """
        folder = self.of(project)
        with ExitStack() as holding:
            try:
                holding.enter_context(folder)
            except (RefusedFile, OSError) as error:
                if is_want_of_handles(error):
                    raise
            self._held.folder = folder
            try:
                yield folder
            finally:
                self._held.folder = None

    def _family(self, path: Path) -> list[Path]:
        """The project's other folders, if git's files say that each is a work tree of the main one."""
        rows = self._projects.all()
        ids = {row.id for row in rows if row.path == path}
        mains = {
            row.path: git.main_tree(row.path, trusted=self.trusted) or row.path
            for row in rows
            if row.id in ids
        }
        return [other for other, main in mains.items() if other != path and main == mains[path]]
