"""Problems: what is wrong with a project, or with none in particular, until it is solved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mem0_syncd.core.entry_problems import at_most
from mem0_syncd.errors import Problem
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.row_values import as_problem, stored_remedy
from mem0_syncd.system.scrubbed_reasons import reason


class Problems:
    """The reported problems, by project."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[tuple[str, Problem]]:
        """Every problem with its project's id; '' for those without a project."""
        rows = self._db.rows("SELECT * FROM problem ORDER BY project, origin, rowid")
        return [(row["project"], as_problem(row)) for row in rows]

    def replace(self, project: str, origin: str, problems: Iterable[Problem], tree: str = "") -> None:
        """Replace the problems that one origin (a source, the watcher, ...) reports of a project's folder."""
        from mem0_syncd.system.scrubbed_reasons import scrub

        origin = f"{origin} {tree}".strip()
        fresh = [
            (
                *(project, origin, reason(p.what)),
                *(scrub(str(Path(tree, p.where)) if tree else p.where), stored_remedy(p)),
            )
            for p in at_most(problems)
        ]
        known = self._db.rows("SELECT * FROM problem WHERE project = ? AND origin = ?", (project, origin))
        if [tuple(row) for row in known] == fresh:
            return
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM problem WHERE project = ? AND origin = ?", (project, origin))
            sql.executemany("INSERT INTO problem VALUES (?, ?, ?, ?, ?)", fresh)
