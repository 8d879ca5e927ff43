"""Memories that a person wants deleted: owed until that is done, at whichever destination they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.outbox.database import Database
from mem0_syncd.system.scrubbed_reasons import reason

LONGEST_WAIT = 3600.0
FIRST_WAIT = 30.0
"""Seconds until a deletion that failed is tried again: each time twice as long, up to the longest."""


@dataclass(frozen=True, slots=True)
class OwedDeletion:
    """A memory to be deleted; `attempts` have failed so far, and it was delivered at `delivered_at`."""

    memory_id: str
    sync_key: str
    project: str
    attempts: int = 0
    delivered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class OwedCount:
    """How many deletions a destination is owed, since when the oldest is, and why the last try failed."""

    destination: int
    count: int
    since: float
    reason: str


class OwedDeletions:
    """What is to be deleted at all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def owe(self, destination: int, memory_id: str, project: str, now: float) -> None:
        """Have a memory deleted that isn't ours."""
        with self._db.transaction() as sql:
            sql.execute(_OWE, (destination, memory_id, "", project, now, now, 0.0))

    def destinations(self, now: float) -> list[int]:
        """The destinations at which a deletion is due."""
        rows = self._db.rows("SELECT DISTINCT destination FROM owed_deletion WHERE due_at <= ?", (now,))
        return [row["destination"] for row in rows]

    def due(self, destination: int, now: float, project: str | None = None) -> list[OwedDeletion]:
        """The memories whose deletion is due, the oldest first; of one project, or of all."""
        rows = self._db.rows(
            "SELECT * FROM owed_deletion WHERE destination = ? AND due_at <= ?"
            " AND (? IS NULL OR project = ?) ORDER BY due_at",
            (destination, now, project, project),
        )
        return [
            OwedDeletion(
                row["memory_id"], row["sync_key"], row["project"], row["attempts"], row["delivered_at"]
            )
            for row in rows
        ]

    def count(self, project: str, now: float) -> int:
        """How many deletions of a project were not carried out yet."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM owed_deletion WHERE project = ? AND (attempts OR due_at <= ?)",
            (project, now),
        )
        return int(row["n"]) if row else 0

    def counts(self) -> list[OwedCount]:
        """What is owed, by destination."""
        rows = self._db.rows(
            "SELECT destination, COUNT(*) AS n, MIN(owed_at) AS since, MAX(reason) AS reason"
            " FROM owed_deletion GROUP BY destination"
        )
        return [OwedCount(row["destination"], row["n"], row["since"], row["reason"]) for row in rows]

    def make_due(self, now: float) -> None:
        """Have everything that is owed tried now."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE owed_deletion SET due_at = ? WHERE due_at > ?", (now, now))

    def put_off(self, destination: int, owed: OwedDeletion, why: str, now: float) -> None:
        """Have a deletion that failed tried again later."""
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(owed.attempts, 10))
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE owed_deletion SET due_at = ?, attempts = attempts + 1, reason = ?"
                " WHERE destination = ? AND memory_id = ?",
                (now + wait, reason(why), destination, owed.memory_id),
            )

    def done(self, destination: int, owed: OwedDeletion, now: float, read_lag: float) -> None:
        """A memory is deleted; one that was delivered less than `read_lag` seconds ago once more, later.

        Nothing of its item is sent before Mem0 shows it no more.
        """
        with self._db.transaction() as sql:
            if now < owed.delivered_at + read_lag:
                sql.execute(
                    "UPDATE owed_deletion SET due_at = ?, attempts = 0, reason = ''"
                    " WHERE destination = ? AND memory_id = ?",
                    (owed.delivered_at + read_lag, destination, owed.memory_id),
                )
                return
            for table in ("owed_deletion", "adoptable"):
                sql.execute(
                    f"DELETE FROM {table} WHERE destination = ? AND memory_id = ?",  # noqa: S608 - ours
                    (destination, owed.memory_id),
                )
            sql.execute(
                "UPDATE item SET quiet_until = MAX(quiet_until, ?) WHERE destination = ? AND sync_key = ?",
                (now + read_lag, destination, owed.sync_key),
            )


def owe_all_of(sql: sqlite3.Connection, keys: Iterable[str], now: float) -> None:
    """Owe the deletion of every memory of some items, at every destination, within the caller's transaction.

    Their receipts go.
    """
    wanted = json.dumps(list(keys))
    for row in sql.execute(_MEMORIES, {"keys": wanted}).fetchall():
        if row["memory_id"]:
            of_item = (row["destination"], row["memory_id"], row["sync_key"], row["project"])
            sql.execute(_OWE, (*of_item, now, now, row["delivered_at"]))
    sql.execute(_GIVE_UP_RECEIPTS, (wanted,))
    sql.execute(_GIVE_UP_LEFT_OVERS, (wanted,))


def owe_what_was_stored(sql: sqlite3.Connection, destination: int, sync_key: str, now: float) -> None:
    """Owe the deletion of what a receipt names, within the transaction that has written it."""
    row = sql.execute(
        "DELETE FROM receipt WHERE destination = ? AND sync_key = ? RETURNING memory_ids",
        (destination, sync_key),
    ).fetchone()
    owe(sql, destination, sync_key, json.loads(row["memory_ids"]) if row else (), now)


def owe(
    sql: sqlite3.Connection, destination: int, sync_key: str, memory_ids: Iterable[str], now: float
) -> None:
    """Owe the deletion of some memories of an item, within the caller's transaction."""
    project = sql.execute(
        "SELECT project FROM item WHERE destination = ? AND sync_key = ?", (destination, sync_key)
    ).fetchone()
    for number in filter(None, memory_ids):
        its = project["project"] if project else ""
        sql.execute(_OWE, (destination, number, sync_key, its, now, now, now))


IS_OWED = """
    EXISTS (SELECT 1 FROM owed_deletion WHERE owed_deletion.destination = entry.destination
        AND owed_deletion.sync_key = entry.sync_key)
"""
"""Whether a memory of an entry's item is still to be deleted: it would be taken for what the entry sends."""

_OWE = """
INSERT OR IGNORE INTO owed_deletion
    (destination, memory_id, sync_key, project, owed_at, due_at, delivered_at) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_MEMORIES = """
WITH wanted AS (SELECT destination, sync_key, project, delivered_at, memory_ids
    FROM item LEFT JOIN receipt USING (destination, sync_key)
    WHERE destination IN (SELECT id FROM destination) AND sync_key IN (SELECT value FROM json_each(:keys))),
named AS (
    SELECT destination, sync_key, value AS memory_id FROM wanted, json_each(memory_ids)
    UNION SELECT destination, sync_key, memory_id FROM wanted JOIN adoptable USING (destination, sync_key)
    UNION SELECT wanted.destination, wanted.sync_key, memory_id
        FROM wanted JOIN identity USING (destination, sync_key) JOIN adoptable USING (destination, local)
        WHERE is_former
    UNION SELECT destination, sync_key, memory_id FROM wanted JOIN entry USING (destination, sync_key)
        WHERE memory_id IS NOT NULL
    UNION SELECT destination, sync_key, substr(name, length('left over:' || destination || ':') + 1)
        FROM wanted JOIN fact ON name GLOB 'left over:' || destination || ':*' AND value = sync_key)
SELECT destination, sync_key, project, memory_id, COALESCE(delivered_at, 0) AS delivered_at
FROM named JOIN wanted USING (destination, sync_key)
"""

_GIVE_UP_RECEIPTS = """
DELETE FROM receipt WHERE destination IN (SELECT id FROM destination)
    AND sync_key IN (SELECT value FROM json_each(?))
"""

_GIVE_UP_LEFT_OVERS = """
DELETE FROM fact WHERE name GLOB 'left over:*' AND value IN (SELECT value FROM json_each(?))
"""
