"""Dead letters: entries that wait for a person."""

from __future__ import annotations

from collections.abc import Iterable

from mem0_syncd.core.entry import Entry
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import restate
from mem0_syncd.outbox.kept_items import keep_entries
from mem0_syncd.outbox.row_values import as_entry


class DeadLetters:
    """The dead letters of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def newest(self, destination: int, limit: int = 1000) -> list[Entry]:
        """The dead letters of a destination, newest first."""
        rows = self._db.rows(
            "SELECT entry.*, project, kind FROM entry JOIN item USING (destination, sync_key)"
            " WHERE destination = ? AND state = 'dead' ORDER BY id DESC LIMIT ?",
            (destination, limit),
        )
        return [as_entry(row) for row in rows]

    def revive(self, ids: Iterable[int], now: float) -> None:
        """Send dead letters again; what may be in Mem0 after all is looked up first.

        One whose text isn't kept, because of a secret in it, can't be sent.
        """
        with self._db.transaction() as sql:
            for number in ids:
                row = sql.execute(
                    "UPDATE entry SET state = CASE WHEN doubtful THEN 'unconfirmed' ELSE 'pending' END,"
                    " sends = CASE WHEN doubtful THEN 1 ELSE 0 END, doubtful = 0, due_at = ?"
                    " WHERE id = ? AND state = 'dead' AND frozen ->> '$.text' <> ''"
                    " RETURNING destination, sync_key",
                    (now, number),
                ).fetchone()
                if row is not None:
                    restate(sql, row["destination"], row["sync_key"])

    def drop(self, ids: Iterable[int]) -> None:
        """Give dead letters up; a tombstone keeps the next scan from bringing them back."""
        with self._db.transaction() as sql:
            for number in ids:
                key = sql.execute("SELECT sync_key FROM entry WHERE id = ?", (number,)).fetchone()
                keep_entries(sql, [key["sync_key"]] if key else [])
                row = sql.execute(
                    "DELETE FROM entry WHERE id = ? AND state = 'dead'"
                    " RETURNING destination, sync_key, content_hash",
                    (number,),
                ).fetchone()
                if row is None:
                    continue
                sql.execute(
                    "UPDATE item SET tombstone = 'dropped', tombstone_hash = ?, reason = 'dropped'"
                    " WHERE destination = ? AND sync_key = ?",
                    (row["content_hash"], row["destination"], row["sync_key"]),
                )
                restate(sql, row["destination"], row["sync_key"])
