"""Requests to repair: delivered items that are to be sent again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class ResendRequest:
    """An item to be restored, or a memory of it to be overwritten; `memory_ids` are those of its receipt."""

    sync_key: str
    memory_ids: tuple[str, ...]
    how: Literal["restore", "overwrite"]


class ResendRequests:
    """The requests of all destinations: the scan fulfils them, from what the sources say now."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, destination: int, wishes: Iterable[ResendRequest]) -> None:
        """Add requests, except for items whose receipt has changed since, or that are on their way."""
        with self._db.transaction() as sql:
            sql.executemany(
                _ADD, [(it.how, destination, it.sync_key, json.dumps(it.memory_ids)) for it in wishes]
            )

    def of_deleted(self, destination: int, keys: Iterable[str]) -> list[ResendRequest]:
        """Requests to restore those of some items that a person has deleted in Mem0."""
        rows = self._db.rows(_DELETED, (destination, json.dumps(list(keys))))
        return [
            ResendRequest(row["sync_key"], tuple(json.loads(row["memory_ids"])), "restore") for row in rows
        ]

    def end(self, destination: int) -> set[str]:
        """Drop the requests that no source fulfilled; returns the keys."""
        with self._db.transaction() as sql:
            rows = sql.execute(
                "DELETE FROM wish WHERE destination = ? RETURNING sync_key", (destination,)
            ).fetchall()
        return {row["sync_key"] for row in rows}


def fulfil(sql: sqlite3.Connection, destination: int, sync_key: str) -> None:
    """Make the new entry of an item look up before it sends, if it is to restore the item.

    Within the caller's transaction; an entry that is to overwrite is an update like any other.
    """
    row = sql.execute(
        "DELETE FROM wish WHERE destination = ? AND sync_key = ? RETURNING how", (destination, sync_key)
    ).fetchone()
    if row is not None and row["how"] == "restore":
        # It counts as sent once: looked up first, then added, and not sent to the memory that is gone.
        sql.execute(_LOOK_FIRST, (destination, sync_key))


_ADD = """
INSERT OR REPLACE INTO wish
SELECT destination, sync_key, ? FROM receipt JOIN item USING (destination, sync_key)
WHERE destination = ? AND sync_key = ? AND memory_ids = ?
    AND (status = 'delivered' OR status = 'withheld' AND tombstone = 'deleted in Mem0')
"""

_DELETED = """
SELECT sync_key, memory_ids FROM item JOIN receipt USING (destination, sync_key)
WHERE destination = ? AND tombstone = 'deleted in Mem0' AND sync_key IN (SELECT value FROM json_each(?))
"""

_LOOK_FIRST = """
UPDATE OR IGNORE entry SET state = 'unconfirmed', sends = 1
WHERE destination = ? AND sync_key = ? AND state = 'pending'
"""
"""Unless another entry of the item is in flight: that is looked up as well, if necessary."""
