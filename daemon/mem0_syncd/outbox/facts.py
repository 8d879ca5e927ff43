"""Facts: single values that outlast the daemon."""

from __future__ import annotations

from mem0_syncd.outbox.database import Database


class Facts:
    """The stored facts, by their names."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, name: str) -> str | None:
        """A stored fact, if there is one."""
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (name,))
        return row["value"] if row else None

    @property
    def is_paused(self) -> bool:
        """Whether a person has paused delivery."""
        return self.get("paused") is not None

    def pause(self, *, paused: bool) -> None:
        """Pause delivery, or go on."""
        self.set("paused", "yes" if paused else None)

    def set(self, name: str, value: str | None) -> None:
        """Store a fact, or remove it."""
        with self._db.transaction() as sql:
            if value is None:
                sql.execute("DELETE FROM fact WHERE name = ?", (name,))
            else:
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))
