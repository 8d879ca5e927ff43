"""Destinations: every Mem0 that items were sent to, its state, and which project's items go where."""

from __future__ import annotations

from mem0_syncd.core.destination_health import Health
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.row_values import DestinationRow, ProjectRow, as_destination
from mem0_syncd.system.scrubbed_reasons import reason


class Destinations:
    """All destinations that were ever used."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def note(self, name: str, address: str) -> DestinationRow:
        """The destination with that name and address, and the account that was used there last."""
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

    def use(self, name: str, address: str) -> DestinationRow:
        """Make a destination that of all projects that name none."""
        destination = self.note(name, address)
        current = self.current()
        if current is None or current.id != destination.id:
            with self._db.transaction() as sql:
                sql.execute("INSERT OR REPLACE INTO fact VALUES ('destination', ?)", (str(destination.id),))
        return destination

    def get(self, number: int | None = None) -> DestinationRow:
        """A destination by its id, or the one of all projects that name none; there must be one."""
        found = self.current() if number is None else self._row("id = ?", number)
        if found is None:
            raise LookupError("no destination is in use yet")
        return found

    def current(self) -> DestinationRow | None:
        """The destination of all projects that name none; None before it is decided."""
        return self._row("id = (SELECT value FROM fact WHERE name = 'destination')")

    def of(self, project: str) -> DestinationRow:
        """The destination of a project's items: the one that it names, or that of all projects."""
        row = self._db.row(
            "SELECT destination FROM project WHERE id = ? AND destination IS NOT NULL"
            " ORDER BY is_worktree, path",
            (project,),
        )
        return self.get(row["destination"] if row else None)

    def in_use(self) -> list[DestinationRow]:
        """The destination of all projects that name none, first, and those that projects name."""
        rows = self._db.rows(
            "SELECT * FROM destination WHERE id = (SELECT value FROM fact WHERE name = 'destination')"
            " OR id IN (SELECT destination FROM project)"
            " ORDER BY id <> (SELECT value FROM fact WHERE name = 'destination'), id"
        )
        return [as_destination(row) for row in rows]

    def all(self) -> list[DestinationRow]:
        """Every destination that was ever used."""
        return [as_destination(row) for row in self._db.rows("SELECT * FROM destination ORDER BY id")]

    def route(self, project: ProjectRow, destination: int) -> bool:
        """Send a folder's items to a destination from now on; returns whether they went elsewhere before."""
        known = self._db.row("SELECT destination FROM project WHERE path = ?", (str(project.path),))
        if known is None or known["destination"] == destination:
            return False
        with self._db.transaction() as sql:
            sql.execute("UPDATE project SET destination = ? WHERE path = ?", (destination, str(project.path)))
        return True

    def _row(self, condition: str, *parameters: object) -> DestinationRow | None:
        row = self._db.row(f"SELECT * FROM destination WHERE {condition}", parameters)  # noqa: S608 - ours
        return as_destination(row) if row else None

    def set_account(self, destination: int, account: str) -> None:
        """Record a destination's account, which is known at the first contact."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE destination SET account = ? WHERE id = ?", (account, destination))

    def accept_account(self, destination: DestinationRow, account: str) -> DestinationRow:
        """Use another account behind a destination's name: a destination of its own, maybe a known one."""
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
            self.set_standing(row["id"], Health())
        return self.get(row["id"])

    def set_standing(self, destination: int, standing: Health) -> None:
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
        """Have a destination that isn't well probed at once."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE destination SET retry_at = ? WHERE id = ? AND retry_at > ?", (now, destination, now)
            )
