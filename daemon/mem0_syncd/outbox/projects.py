"""Projects: the watched folders, and the project that each belongs to."""

from __future__ import annotations

from pathlib import Path

from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.row_values import ProjectRow, as_project

_OF_ONE_PROJECT = "FROM project WHERE id = ? ORDER BY is_worktree, path"

# Where a project's items go, whether it was scanned, and when its origin was looked at, is what scans decide:
# it isn't in it, or each first scan would ask for a second one.
_BASIS_OF_SCAN = """
    SELECT it.path, it.id, it.is_worktree, origin.origin, origin.id_is_asked, origin.seen, consent.*,
        (SELECT value FROM fact WHERE name = 'destination'), (SELECT max(id) FROM destination),
        (SELECT sum(n) || ' ' || sum(n * (status = 'withheld')) FROM tally
            WHERE destination = it.destination AND project = it.id AND kind = 'best_practice')
    FROM project AS it LEFT JOIN consent ON folder = it.path LEFT JOIN origin ON project = it.id
    WHERE it.id = (SELECT id FROM project WHERE path = ?) ORDER BY it.path
"""


class Projects:
    """The watched folders."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[ProjectRow]:
        """The watched folders, by id, a project's own before its worktrees."""
        rows = self._db.rows("SELECT * FROM project ORDER BY id, is_worktree, path")
        return [as_project(row) for row in rows]

    def folders_of(self, project_id: str) -> list[Path]:
        """The watched folders of a project, its own first."""
        rows = self._db.rows(f"SELECT path {_OF_ONE_PROJECT}", (project_id,))
        return [Path(row["path"]) for row in rows]

    def own_folder(self, project_id: str) -> Path | None:
        """The folder that represents a watched project: its own, or a worktree if its own isn't watched."""
        row = self._db.row(f"SELECT path {_OF_ONE_PROJECT} LIMIT 1", (project_id,))
        return Path(row["path"]) if row else None

    def add(self, project: ProjectRow, *, takes_over: bool = False) -> None:
        """Watch a folder under an id; only worktrees share one.

        If it `takes_over`, another folder with that id is no longer watched: the project has moved.
        """
        with self._db.transaction() as sql:
            if takes_over:
                sql.execute("DELETE FROM project WHERE id = ? AND NOT is_worktree", (project.id,))
            before = self.own_folder(project.id)
            sql.execute(
                "INSERT INTO project (path, id, origin, is_worktree) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (path) DO UPDATE SET id = excluded.id, origin = excluded.origin,"
                " is_worktree = excluded.is_worktree",
                (str(project.path), project.id, project.origin, project.is_worktree),
            )
            # What was agreed for a worktree holds for the project, whichever folder represents it.
            if before is not None and (own := self.own_folder(project.id)) != before:
                sql.execute(
                    "UPDATE OR IGNORE consent SET folder = ? WHERE folder = ?", (str(own), str(before))
                )

    def rename(self, project_id: str, new_id: str) -> None:
        """Give all folders of a project another id; what is known under the former one stays."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE project SET id = ?, is_scanned = 0 WHERE id = ?", (new_id, project_id))
            sql.execute("DELETE FROM problem WHERE project = ?", (project_id,))
            sql.execute(
                "UPDATE OR REPLACE foreign_mark SET project = ? WHERE project = ?", (new_id, project_id)
            )

    def is_scanned(self, project: ProjectRow) -> bool:
        """Whether a folder was ever read as a whole."""
        row = self._db.row("SELECT is_scanned FROM project WHERE path = ?", (str(project.path),))
        return row is not None and bool(row["is_scanned"])

    def note_scanned(self, project: ProjectRow, now: float) -> None:
        """Record that a folder has been read as a whole, `now`: earlier marks are of decisions in it."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE project SET is_scanned = 1 WHERE path = ?", (str(project.path),))
            sql.execute(
                "UPDATE foreign_mark SET seen_at = ? WHERE project = ? AND tree = ?",
                (now, project.id, project.tree),
            )

    def at(self, path: Path) -> ProjectRow | None:
        """A watched folder as it is known now."""
        row = self._db.row("SELECT * FROM project WHERE path = ?", (str(path),))
        return as_project(row) if row else None

    def basis_of_scan(self, path: Path) -> int:
        """What changes with all that this outbox knows, and that decides what a scan of a folder does.

        Deliveries aren't in it, nor what happens to other projects.
        """
        # Kept for each project: of its consent alone, the words would be a thousand bytes.
        return hash((self._db.written_by_others(), *map(tuple, self._db.rows(_BASIS_OF_SCAN, (str(path),)))))

    def remove(self, project_id: str, path: Path | None = None) -> None:
        """Stop watching a project, or one folder of it; its items, receipts and consent stay."""
        with self._db.transaction() as sql:
            before = self.own_folder(project_id)
            trees = {it.path: it.tree for it in self.all() if it.id == project_id}
            sql.execute(
                "DELETE FROM project WHERE id = ? AND (? IS NULL OR path = ?)",
                (project_id, path and str(path), path and str(path)),
            )
            if (own := self.own_folder(project_id)) not in (None, before):
                sql.execute(
                    "UPDATE OR IGNORE consent SET folder = ? WHERE folder = ?", (str(own), str(before))
                )
            left = {trees[it] for it in self.folders_of(project_id)}
            # Those of another folder stay: a scan that finds its files unchanged doesn't report them again.
            for row in sql.execute(
                "SELECT rowid, origin FROM problem WHERE project = ?", (project_id,)
            ).fetchall():
                its = (tree for tree in trees.values() if tree and row["origin"].endswith(f" {tree}"))
                if next(its, "") not in left:
                    sql.execute("DELETE FROM problem WHERE rowid = ?", (row["rowid"],))
