"""Facts, destinations, projects, foreign marks and problems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.errors import Problem
from mem0_syncd.outbox.database import Database
from mem0_syncd.settlement import Reach, Standing


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """One destination, its identity and its standing."""

    id: int
    name: str
    address: str
    account: str
    standing: Standing

    @property
    def identity(self) -> str:
        """What receipts and marks belong to."""
        return " ".join(filter(None, (self.name, self.address, self.account)))


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A watched project: its fixed id, where it is, and who asked for it: `command` or `settings`."""

    id: str
    path: Path
    origin: str = "command"


class Registry:
    """What there is, besides items."""

    def __init__(self, database: Database) -> None:
        self._db = database

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

    def use_destination(self, name: str, address: str) -> DestinationRow:
        """Make a destination the current one, with the account that was used there last."""
        with self._db.transaction() as sql:
            row = sql.execute(
                "SELECT id FROM destination WHERE name = ? AND address = ? ORDER BY id DESC", (name, address)
            ).fetchone()
            found = row["id"] if row else None
            if found is None:
                found = sql.execute(
                    "INSERT INTO destination (name, address) VALUES (?, ?)", (name, address)
                ).lastrowid
            self.set_fact("destination", str(found))
        return self.destination()

    def destination(self) -> DestinationRow:
        """The destination in use; there must be one."""
        current = self.current_destination()
        if current is None:
            raise LookupError("no destination is in use yet")
        return current

    def current_destination(self) -> DestinationRow | None:
        """The destination in use, if one was ever decided on."""
        row = self._db.row(
            "SELECT * FROM destination WHERE id = (SELECT value FROM fact WHERE name = 'destination')"
        )
        if row is None:
            return None
        standing = Standing(
            Reach(row["reach"]),
            row["reason"],
            row["remedy"],
            row["retry_at"],
            row["step"],
            row["doubts"],
            row["asked_until"],
        )
        return DestinationRow(row["id"], row["name"], row["address"], row["account"], standing)

    def set_account(self, destination: int, account: str) -> None:
        """Record the account that a destination turned out to be, at the first contact."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE destination SET account = ? WHERE id = ?", (account, destination))

    def set_standing(self, destination: int, standing: Standing) -> None:
        """Record a destination's state and clock."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE destination SET reach = ?, reason = ?, remedy = ?, retry_at = ?, step = ?,"
                " doubts = ?, asked_until = ? WHERE id = ?",
                (
                    standing.reach,
                    standing.reason,
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
        """The watched projects, by id."""
        rows = self._db.rows("SELECT * FROM project ORDER BY id")
        return [ProjectRow(row["id"], Path(row["path"]), row["origin"]) for row in rows]

    def add_project(self, project: ProjectRow) -> None:
        """Watch a folder under an id, which both become that project's alone."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM project WHERE path = ?", (str(project.path),))
            sql.execute(
                "INSERT OR REPLACE INTO project VALUES (?, ?, ?)",
                (project.id, str(project.path), project.origin),
            )

    def remove_project(self, project_id: str) -> None:
        """Stop watching a project; its items and receipts stay."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM project WHERE id = ?", (project_id,))
            sql.execute("DELETE FROM problem WHERE project = ?", (project_id,))

    # Foreign marks

    def foreign_marks(self, project: str) -> set[str]:
        """The ids that others marked as synced, as last read from a good sync-state file."""
        rows = self._db.rows("SELECT source_id FROM foreign_mark WHERE project = ?", (project,))
        return {row["source_id"] for row in rows}

    def set_foreign_marks(self, project: str, ids: Iterable[str]) -> None:
        """Replace what is known of others' marks."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM foreign_mark WHERE project = ?", (project,))
            sql.executemany("INSERT OR IGNORE INTO foreign_mark VALUES (?, ?)", ((project, i) for i in ids))

    # Problems

    def problems(self) -> list[tuple[str, Problem]]:
        """Every problem with the project that it is of; '' for those of no project."""
        rows = self._db.rows("SELECT * FROM problem ORDER BY project, origin, rowid")
        return [(row["project"], Problem(row["what"], row["place"], row["remedy"])) for row in rows]

    def set_problems(self, project: str, origin: str, problems: Iterable[Problem]) -> None:
        """Replace the problems that one origin (a source, the watcher, ...) reports of a project."""
        fresh = [(project, origin, p.what, p.where, p.remedy) for p in problems]
        known = self._db.rows("SELECT * FROM problem WHERE project = ? AND origin = ?", (project, origin))
        if [tuple(row) for row in known] == fresh:
            return
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM problem WHERE project = ? AND origin = ?", (project, origin))
            sql.executemany("INSERT INTO problem VALUES (?, ?, ?, ?, ?)", fresh)
