"""The spooled events that were taken in, so that none makes anything twice."""

from __future__ import annotations

from mem0_syncd.outbox.database import Database

KEPT_SECONDS = 30 * 86400.0
"""How long an event is remembered: one that a crash has left is met again at the next start."""


class TakenEvents:
    """The events of one state folder, by their ids."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def has(self, event: str) -> bool:
        """Whether an event was taken in."""
        return self._db.row("SELECT 1 FROM taken_event WHERE id = ?", (event,)) is not None

    def note(self, event: str, now: float) -> None:
        """Remember an event, with what it made if that is of the same transaction; very old ones go."""
        with self._db.transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO taken_event VALUES (?, ?)", (event, now))
            sql.execute("DELETE FROM taken_event WHERE taken_at < ?", (now - KEPT_SECONDS,))
