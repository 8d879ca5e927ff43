"""Marks in the sync-state files: those of others, as last read, and what of ours can be marked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class Markable:
    """The source ids whose items are all delivered, how many items aren't yet, and the last delivery."""

    delivered: frozenset[str]
    open: int
    last_delivery: float | None


class Marks:
    """The marks of all projects."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def foreign(self, project: str, tree: str | None = None) -> set[str]:
        """The ids that others marked as synced, in one folder of a project or in any.

        They are as last read from a valid sync-state file.
        """
        rows = self._db.rows(
            "SELECT source_id FROM foreign_mark WHERE project = ? AND (? IS NULL OR tree = ?)",
            (project, tree, tree),
        )
        return {row["source_id"] for row in rows}

    def set_foreign(self, project: str, ids: Iterable[str], tree: str = "", *, now: float = 0.0) -> None:
        """Replace what is known about others' marks in one folder; new ones are first seen `now`."""
        marked = list(ids)
        with self._db.transaction() as sql:
            sql.execute(
                "DELETE FROM foreign_mark WHERE project = ? AND tree = ?"
                " AND source_id NOT IN (SELECT value FROM json_each(?))",
                (project, tree, json.dumps(marked)),
            )
            sql.executemany(
                "INSERT OR IGNORE INTO foreign_mark (project, tree, source_id, seen_at) VALUES (?, ?, ?, ?)",
                ((project, tree, i, now) for i in marked),
            )

    def seen(self, project: str) -> dict[str, float]:
        """The ids that others marked as synced, each with when it was first seen."""
        rows = self._db.rows(
            "SELECT source_id, MAX(seen_at) AS seen_at FROM foreign_mark WHERE project = ?"
            " GROUP BY source_id",
            (project,),
        )
        return {row["source_id"]: row["seen_at"] for row in rows}

    def first_sights(self, keys: Iterable[str]) -> dict[str, float]:
        """When the items with these keys were first seen, at any destination; new ones are left out."""
        rows = self._db.rows(
            "SELECT sync_key, MIN(seen_at) AS seen_at FROM item"
            " WHERE destination IN (SELECT id FROM destination)"
            " AND sync_key IN (SELECT value FROM json_each(?)) GROUP BY sync_key",
            (json.dumps(list(keys)),),
        )
        return {row["sync_key"]: row["seen_at"] for row in rows}

    def note_early(self, project: str, ids: Iterable[str]) -> None:
        """Note decisions that are sent although they were marked long before they were there."""
        with self._db.transaction() as sql:
            sql.executemany("INSERT OR IGNORE INTO early_mark VALUES (?, ?)", ((project, i) for i in ids))

    def early(self) -> dict[str, list[str]]:
        """By project, the decisions that were sent although marks for them were there long before."""
        found: dict[str, list[str]] = {}
        for row in self._db.rows("SELECT * FROM early_mark ORDER BY project, source_id"):
            found.setdefault(row["project"], []).append(row["source_id"])
        return found

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
