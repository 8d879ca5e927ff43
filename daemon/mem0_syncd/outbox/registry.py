"""Facts, destinations, projects and problems."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from mem0_syncd.complaints import at_most
from mem0_syncd.errors import Problem
from mem0_syncd.outbox.consents import Consents
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.rows import DestinationRow, ProjectRow, as_destination, as_project
from mem0_syncd.scrub import reason
from mem0_syncd.standing import Standing


class Registry:
    """What there is, besides items."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.consents = Consents(database)

    def transaction(self) -> AbstractContextManager[object]:
        """All of a block, durable at its end, or nothing of it."""
        return self._db.transaction()

    # Facts

    def fact(self, name: str) -> str | None:
        """A stored fact, if there is one."""
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (name,))
        return row["value"] if row else None

    def set_fact(self, name: str, value: str | None) -> None:
        """Store a fact, or remove it."""
        with self._db.transaction() as sql:
            if value is None:
                sql.execute("DELETE FROM fact WHERE name = ?", (name,))
            else:
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    # Destinations

    def note_destination(self, name: str, address: str) -> DestinationRow:
        """The destination of that name and address, with the account that was used there last."""
        with self._db.transaction() as sql:
            row = sql.execute(
                "SELECT * FROM destination WHERE name = ? AND address = ? ORDER BY accepted DESC, id DESC",
                (name, address),
            ).fetchone()
            if row is None:
                row = sql.execute(
                    "INSERT INTO destination (name, address) VALUES (?, ?) RETURNING *", (name, address)
                ).fetchone()
        return as_destination(row)

    def use_destination(self, name: str, address: str) -> DestinationRow:
        """Make a destination the one of all projects that name none."""
        destination = self.note_destination(name, address)
        if self.fact("destination") != str(destination.id):
            self.set_fact("destination", str(destination.id))
        return destination

    def destination(self, number: int | None = None) -> DestinationRow:
        """A destination by its id, or the one of all projects that name none; there must be one."""
        found = self.current_destination() if number is None else self._destination("id = ?", number)
        if found is None:
            raise LookupError("no destination is in use yet")
        return found

    def current_destination(self) -> DestinationRow | None:
        """The destination of all projects that name none, if one was ever decided on."""
        return self._destination("id = (SELECT value FROM fact WHERE name = 'destination')")

    def destination_of(self, project: str) -> DestinationRow:
        """Where a project's items go: to the destination that it names, or to everybody's."""
        row = self._db.row(
            "SELECT destination FROM project WHERE id = ? AND destination IS NOT NULL"
            " ORDER BY is_worktree, path",
            (project,),
        )
        return self.destination(row["destination"] if row else None)

    def destinations_in_use(self) -> list[DestinationRow]:
        """The destination of all projects that name none, first, and those that projects name."""
        rows = self._db.rows(
            "SELECT * FROM destination WHERE id = (SELECT value FROM fact WHERE name = 'destination')"
            " OR id IN (SELECT destination FROM project)"
            " ORDER BY id <> (SELECT value FROM fact WHERE name = 'destination'), id"
        )
        return [as_destination(row) for row in rows]

    def destinations(self) -> list[DestinationRow]:
        """Every destination that there ever was."""
        return [as_destination(row) for row in self._db.rows("SELECT * FROM destination ORDER BY id")]

    def set_destination_of(self, project: ProjectRow, destination: int) -> bool:
        """Have a folder's items go to a destination from now on; returns whether they went elsewhere."""
        known = self._db.row("SELECT destination FROM project WHERE path = ?", (str(project.path),))
        if known is None or known["destination"] == destination:
            return False
        with self._db.transaction() as sql:
            sql.execute("UPDATE project SET destination = ? WHERE path = ?", (destination, str(project.path)))
        return True

    def _destination(self, condition: str, *parameters: object) -> DestinationRow | None:
        row = self._db.row(f"SELECT * FROM destination WHERE {condition}", parameters)  # noqa: S608 - ours
        return as_destination(row) if row else None

    def set_account(self, destination: int, account: str) -> None:
        """Record the account that a destination turned out to be, at the first contact."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE destination SET account = ? WHERE id = ?", (account, destination))

    def accept_account(self, destination: DestinationRow, account: str) -> DestinationRow:
        """Use another account behind a destination's name instead: a destination of its own, maybe known."""
        identity = (destination.name, destination.address, account)
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO destination (name, address, account) VALUES (?, ?, ?)", identity
            )
            row = sql.execute(
                "UPDATE destination SET accepted = 1 + (SELECT MAX(accepted) FROM destination)"
                " WHERE name = ? AND address = ? AND account = ? RETURNING id",
                identity,
            ).fetchone()
            moved = (row["id"], destination.id)
            sql.execute("UPDATE fact SET value = ? WHERE name = 'destination' AND value = ?", moved)
            sql.execute("UPDATE project SET destination = ? WHERE destination = ?", moved)
            self.set_standing(row["id"], Standing())
        return self.destination(row["id"])

    def set_standing(self, destination: int, standing: Standing) -> None:
        """Record a destination's state and clock."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE destination SET reach = ?, reason = ?, remedy = ?, retry_at = ?, step = ?,"
                " doubts = ?, asked_until = ? WHERE id = ?",
                (
                    standing.reach,
                    reason(standing.reason),
                    standing.remedy,
                    standing.retry_at,
                    standing.step,
                    standing.doubts,
                    standing.asked_until,
                    destination,
                ),
            )

    def probe_now(self, destination: int, now: float) -> None:
        """Have a destination that takes nothing probed at once."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE destination SET retry_at = ? WHERE id = ? AND retry_at > ?", (now, destination, now)
            )

    # Projects

    def projects(self) -> list[ProjectRow]:
        """The watched folders, by id, a project's own before its worktrees."""
        rows = self._db.rows("SELECT * FROM project ORDER BY id, is_worktree, path")
        return [as_project(row) for row in rows]

    def own_folder(self, project_id: str) -> Path | None:
        """The folder that speaks for a watched project: its own, or a worktree where that isn't watched."""
        row = self._db.row(f"SELECT path {_OF_ONE_PROJECT} LIMIT 1", (project_id,))
        return Path(row["path"]) if row else None

    def add_project(self, project: ProjectRow, *, takes_over: bool = False) -> None:
        """Watch a folder under an id; only worktrees share one.

        Where it `takes_over`, another folder of that id is given up: the project has moved.
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
            # What was agreed for a worktree holds for the project, whichever folder speaks for it.
            if before is not None and (own := self.own_folder(project.id)) != before:
                sql.execute(
                    "UPDATE OR IGNORE consent SET folder = ? WHERE folder = ?", (str(own), str(before))
                )

    def rename_project(self, project_id: str, new_id: str) -> None:
        """Have all folders of a project go by another id; what is known under the former one stays."""
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
        """Record that a folder has been read as a whole, and that what was marked by then stood in it."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE project SET is_scanned = 1 WHERE path = ?", (str(project.path),))
            sql.execute(
                "UPDATE foreign_mark SET seen_at = ? WHERE project = ? AND tree = ?",
                (now, project.id, project.tree),
            )

    def folder(self, path: Path) -> ProjectRow | None:
        """A watched folder as it is known by now."""
        row = self._db.row("SELECT * FROM project WHERE path = ?", (str(path),))
        return as_project(row) if row else None

    def remove_project(self, project_id: str, path: Path | None = None) -> None:
        """Stop watching a project, or one folder of it; its items, receipts and consent stay."""
        with self._db.transaction() as sql:
            before = self.own_folder(project_id)
            sql.execute(
                "DELETE FROM project WHERE id = ? AND (? IS NULL OR path = ?)",
                (project_id, path and str(path), path and str(path)),
            )
            if (own := self.own_folder(project_id)) not in (None, before):
                sql.execute(
                    "UPDATE OR IGNORE consent SET folder = ? WHERE folder = ?", (str(own), str(before))
                )
            # What is still true of another folder is said again by its next scan.
            sql.execute("DELETE FROM problem WHERE project = ?", (project_id,))

    # Problems

    def problems(self) -> list[tuple[str, Problem]]:
        """Every problem with the project that it is of; '' for those of no project."""
        rows = self._db.rows("SELECT * FROM problem ORDER BY project, origin, rowid")
        return [(row["project"], Problem(row["what"], row["place"], row["remedy"])) for row in rows]

    def set_problems(self, project: str, origin: str, problems: Iterable[Problem], tree: str = "") -> None:
        """Replace the problems that one origin (a source, the watcher, ...) reports of a project's folder."""
        from mem0_syncd.scrub import scrub  # late: `status` writes no problem, and mustn't take as long

        origin = f"{origin} {tree}".strip()
        fresh = [
            (project, origin, reason(p.what), scrub(str(Path(tree, p.where)) if tree else p.where), p.remedy)
            for p in at_most(problems)
        ]
        known = self._db.rows("SELECT * FROM problem WHERE project = ? AND origin = ?", (project, origin))
        if [tuple(row) for row in known] == fresh:
            return
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM problem WHERE project = ? AND origin = ?", (project, origin))
            sql.executemany("INSERT INTO problem VALUES (?, ?, ?, ?, ?)", fresh)


_OF_ONE_PROJECT = "FROM project WHERE id = ? ORDER BY is_worktree, path"
