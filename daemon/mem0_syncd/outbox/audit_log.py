"""The durable record of Mem0's audits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class Audited:
    """The last audit of a destination: when it ended, how many doubles it found, and removed.

    Before the first one (`is_done` is false) `at` is when the wait for it began.
    """

    at: float
    is_done: bool = False
    doubles: int = 0
    removed: int = 0


class AuditLog:
    """The audits of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def last(self, destination: int) -> Audited | None:
        """The last audit of a destination."""
        row = self._db.row("SELECT * FROM audit WHERE destination = ?", (destination,))
        return Audited(row["at"], bool(row["is_done"]), row["doubles"], row["removed"]) if row else None

    def write(self, destination: int, audited: Audited) -> None:
        """Store the last audit of a destination."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?, ?)",
                (destination, audited.at, audited.is_done, audited.doubles, audited.removed),
            )

    def settle(self, destination: int) -> None:
        """Note that the doubles that the last audit left have been dealt with."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE audit SET removed = doubles WHERE destination = ?", (destination,))

    def user_ids(self, destination: int) -> dict[str, str]:
        """The user ids to be audited, each with Mem0's time up to which it has been."""
        rows = self._db.rows(
            "SELECT user_id, audited FROM contact WHERE destination = ? AND listed_at IS NOT NULL",
            (destination,),
        )
        return {row["user_id"]: row["audited"] for row in rows}

    def set_audited(self, destination: int, user_id: str, newest: str) -> None:
        """Note that a user id has been audited up to Mem0's time of a moment."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE contact SET audited = MAX(audited, ?) WHERE destination = ? AND user_id = ?",
                (newest, destination, user_id),
            )

    def memory_ids(self, destination: int, keys: Iterable[str]) -> dict[str, list[str]]:
        """The memories that receipts name, for those of some items that are known here."""
        rows = self._db.rows(
            "SELECT sync_key, memory_ids FROM item LEFT JOIN receipt USING (destination, sync_key)"
            " WHERE destination = ? AND sync_key IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(list(keys))),
        )
        return {row["sync_key"]: json.loads(row["memory_ids"] or "[]") for row in rows}
