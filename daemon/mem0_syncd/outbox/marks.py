"""Marks in the sync-state files: those of others, as last read, and what of ours can be marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class Markable:
    """The source ids of which every item is delivered, how many items aren't yet, and the last delivery."""

    delivered: frozenset[str]
    open: int
    last_delivery: float | None


class Marks:
    """The marks of all projects."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def foreign(self, project: str, tree: str | None = None) -> set[str]:
        """The ids that others marked as synced, in one folder of a project or in any.

        They are as last read from a good sync-state file.
        """
        rows = self._db.rows(
            "SELECT source_id FROM foreign_mark WHERE project = ? AND (? IS NULL OR tree = ?)",
            (project, tree, tree),
        )
        return {row["source_id"] for row in rows}

    def set_foreign(self, project: str, ids: Iterable[str], tree: str = "") -> None:
        """Replace what is known of others' marks in one folder of a project."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM foreign_mark WHERE project = ? AND tree = ?", (project, tree))
            sql.executemany(
                "INSERT OR IGNORE INTO foreign_mark VALUES (?, ?, ?)", ((project, tree, i) for i in ids)
            )

    def markable(self, destination: int, project: str, source: str) -> Markable:
        """What can be marked in a project's sync-state file, of the items of one source."""
        rows = self._db.rows(
            """
            SELECT source_id, SUM(status <> 'delivered') AS open, MAX(delivered_at) AS delivered_at
            FROM item LEFT JOIN receipt USING (destination, sync_key)
            WHERE destination = ? AND project = ? AND source = ? AND kind = 'decision'
                AND status NOT IN ('skipped', 'withheld')
            GROUP BY source_id
            """,
            (destination, project, source),
        )
        return Markable(
            delivered=frozenset(row["source_id"] for row in rows if row["source_id"] and not row["open"]),
            open=sum(row["open"] for row in rows),
            last_delivery=max((row["delivered_at"] or 0.0 for row in rows), default=0.0) or None,
        )

    def ids_ever_delivered(self, project: str, source: str) -> set[str]:
        """The source ids of a project that any destination has a receipt for."""
        rows = self._db.rows(
            "SELECT DISTINCT source_id FROM item JOIN receipt USING (destination, sync_key)"
            " WHERE project = ? AND source = ?",
            (project, source),
        )
        return {row["source_id"] for row in rows}
