"""Tombstones: items that a person doesn't want delivered, or wants deleted in Mem0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import IN_FLIGHT, restate


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An item as a person may want it forgotten: its key, its memories, whether it is being sent."""

    sync_key: str
    memory_ids: tuple[str, ...]
    is_under_way: bool


class Tombstones:
    """The items that must not come back with the next scan."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(
        self, destination: int, *, name: str | None = None, project: str | None = None
    ) -> list[Forgotten]:
        """The items of a project, or those with a source id, a sync key or a memory's id."""
        rows = self._db.rows(
            f"""
            SELECT item.sync_key, memory_ids, EXISTS (
                SELECT 1 FROM entry WHERE entry.destination = item.destination
                    AND entry.sync_key = item.sync_key AND state IN {IN_FLIGHT}) AS is_under_way
            FROM item LEFT JOIN receipt USING (destination, sync_key)
            WHERE item.destination = :destination AND (
                item.project = :project OR item.source_id IN (:name, 'record:' || :name)
                OR item.sync_key = :name OR memory_ids LIKE '%"' || :name || '"%')
            """,  # noqa: S608 - a constant of this project
            {"destination": destination, "name": name, "project": project},
        )
        return [
            Forgotten(
                row["sync_key"], tuple(json.loads(row["memory_ids"] or "[]")), bool(row["is_under_way"])
            )
            for row in rows
        ]

    def bury(self, destination: int, keys: Sequence[str], *, receipts_too: bool) -> None:
        """Put a tombstone on items in their newest revision; a later revision is a new chance."""
        with self._db.transaction() as sql:
            for key in keys:
                of_item = (destination, key)
                sql.execute(_BURY, of_item)
                sql.execute("DELETE FROM entry WHERE destination = ? AND sync_key = ?", of_item)
                sql.execute("DELETE FROM adoptable WHERE destination = ? AND sync_key = ?", of_item)
                sql.execute(_DISOWN, of_item)
                if receipts_too:
                    sql.execute("DELETE FROM receipt WHERE destination = ? AND sync_key = ?", of_item)
                restate(sql, destination, key)

    def restate(self, destination: int, key: str, content_hash: str) -> None:
        """Make a tombstone stand for the same revision under its present hash."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET tombstone_hash = ? WHERE destination = ? AND sync_key = ?",
                (content_hash, destination, key),
            )


_DISOWN = """
DELETE FROM adoptable WHERE (destination, local) IN
    (SELECT destination, local FROM identity WHERE destination = ? AND sync_key = ? AND is_former)
"""

_BURY = """
UPDATE item SET tombstone = 'forgotten', reason = 'forgotten', tombstone_hash = COALESCE(
    (SELECT content_hash FROM entry WHERE entry.destination = item.destination
        AND entry.sync_key = item.sync_key ORDER BY id DESC LIMIT 1),
    tombstone_hash,
    (SELECT content_hash FROM receipt WHERE receipt.destination = item.destination
        AND receipt.sync_key = item.sync_key))
WHERE destination = ? AND sync_key = ?
"""
