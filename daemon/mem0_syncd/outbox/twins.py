"""Items that share their id and time with others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mem0_syncd.core.item import Item
from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class Twin:
    """One of several items with one id and time; `content_hash` is of its newest revision, '' if unknown."""

    sync_key: str
    source: str
    source_id: str
    moment: str
    content_hash: str

    def is_said_by(self, item: Item) -> bool:
        """Whether an item, as it is sent, is this one: by its text, or by its content if it was the first."""
        is_first = self.sync_key == item.identity and self.content_hash == item.revision
        return self.sync_key == item.twin_identity or is_first


class Twins:
    """The twins of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self, destination: int, project: str) -> list[Twin]:
        """The twins of a project."""
        rows = self._db.rows(_ALL, (destination, project))
        return [
            Twin(row["sync_key"], row["source"], row["source_id"], row["moment"], row["content_hash"] or "")
            for row in rows
        ]

    def note(self, destination: int, keys: Mapping[str, Iterable[str]]) -> None:
        """Remember of items, by their time, that they share it and their id with others."""
        with self._db.transaction() as sql:
            for moment, some in keys.items():
                sql.execute(_NOTE, (moment, destination, json.dumps(list(some)), moment))

    def part(self, destination: int, key: str, source_id: str | None) -> None:
        """An item has an id of its own by now."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET moment = NULL, source_id = ? WHERE destination = ? AND sync_key = ?",
                (source_id, destination, key),
            )


_ALL = """
SELECT item.*, COALESCE(
    (SELECT content_hash FROM entry WHERE entry.destination = item.destination
        AND entry.sync_key = item.sync_key ORDER BY id DESC LIMIT 1),
    tombstone_hash, receipt.content_hash) AS content_hash
FROM item INDEXED BY item_twin LEFT JOIN receipt USING (destination, sync_key)
WHERE item.destination = ? AND item.project = ? AND item.moment IS NOT NULL AND source_id IS NOT NULL
"""

_NOTE = """
UPDATE item SET moment = ? WHERE destination = ?
    AND sync_key IN (SELECT value FROM json_each(?)) AND moment IS NOT ?
"""
