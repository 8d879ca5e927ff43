"""Gives items their present key; what is known under a former one follows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import Memory, said_by
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.outbox.item_status import IN_FLIGHT, restate

LEFT_OVER = "left over:{}:{}"
"""The fact with a memory of a destination that no receipt names any more, by the item's key."""

SEEN_SECONDS = 600.0
"""Seconds after a delivery until Mem0 surely shows a memory, which nothing looks up by a former key."""

_TABLES = ("item", "entry", "receipt", "wish")

_IS_OPEN = f"""
SELECT 1 FROM entry WHERE destination = :destination AND sync_key = :key AND state IN {IN_FLIGHT}
UNION ALL SELECT 1 FROM second_look WHERE destination = :destination AND sync_key = :key
"""  # noqa: S608 - a constant of this project


@dataclass(frozen=True, slots=True)
class Unsent:
    """An entry of which nothing can be in Mem0, and what is known about its item."""

    id: int
    sync_key: str
    memory: Memory
    kind: Kind
    project: str
    source_id: str | None
    has_old_hashes: bool


class Rekeying:
    """The change of keys, at all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def unsent(self, destination: int, after: int, limit: int) -> list[Unsent]:
        """Some of the entries of which nothing can be in Mem0, from an id on: waiting or dead."""
        rows = self._db.rows(_WAITING, (destination, after, limit))
        return [
            Unsent(
                row["id"],
                row["sync_key"],
                Memory.thaw(row["frozen"]),
                Kind(row["kind"]),
                row["project"],
                row["source_id"],
                bool(row["has_old_hashes"]),
            )
            for row in rows
        ]

    def rewrite(self, number: int, memory: Memory, kinds: Iterable[str]) -> None:
        """Replace what an entry says that was never sent; `kinds` were found in it."""
        with self._db.transaction() as sql:
            row = sql.execute(
                f"UPDATE entry SET frozen = ?, content_hash = ? WHERE id = ? AND {_NOWHERE}"  # noqa: S608 - a constant
                " RETURNING destination, sync_key",
                (memory.freeze(), memory.content_hash, number),
            ).fetchone()
            if row is not None and kinds:
                sql.execute(
                    "UPDATE item SET redacted = ? WHERE destination = ? AND sync_key = ?",
                    (" ".join(sorted(set(kinds))), row["destination"], row["sync_key"]),
                )

    def name_adoptables(self) -> None:
        """Make what listings have shown findable by former keys, too, if an earlier version has listed it."""
        local = ItemKeys(self._db).local
        with self._db.transaction() as sql:
            rows = sql.execute("SELECT destination, sync_key FROM adoptable WHERE local = ''").fetchall()
            sql.executemany(
                "UPDATE adoptable SET local = ? WHERE destination = ? AND sync_key = ?",
                ((local(row["sync_key"]), *row) for row in rows),
            )

    def known(self, destination: int, keys: Iterable[str]) -> set[str]:
        """Those of some keys that an item is known by."""
        rows = self._db.rows(
            "SELECT sync_key FROM item WHERE destination = ?"
            " AND sync_key IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(list(keys))),
        )
        return {row["sync_key"] for row in rows}

    def is_open(self, destination: int, key: str) -> bool:
        """Whether the outcome of anything sent under a key isn't known yet."""
        return self._db.row(_IS_OPEN, {"destination": destination, "key": key}) is not None

    def rekey(self, destination: int, former: str, key: str, *, seen_seconds: float | None = None) -> None:
        """Have an item of which nothing is open go by another key, within the caller's transaction.

        Where that is known already, the two are one item from now on: what is known under it stays. What was
        delivered less than `seen_seconds` ago, by default `SEEN_SECONDS`, is revised only when that time has
        passed.
        """
        with self._db.transaction() as sql:
            # An entry refers to its item, and the two can't be renamed at once.
            sql.execute("PRAGMA defer_foreign_keys = ON")
            if self.known(destination, [key]):
                _merge(sql, destination, former, key)
            else:
                for table in _TABLES:
                    _rename(sql, table, destination, former, key)
                for row in sql.execute(_UNSENT, (destination, key)).fetchall():
                    refreeze(sql, row, key)
            follow_key(sql, destination, former, key)
            # Mem0 may not show yet what it has just stored, and nobody looks for it by its former key.
            seconds = SEEN_SECONDS if seen_seconds is None else seen_seconds
            sql.execute(_LET_IT_BE_SEEN, (seconds, destination, key))
            restate(sql, destination, key)

    def forget_source_id(self, destination: int, key: str) -> None:
        """Have an item have no id of its source's any more."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET source_id = NULL WHERE destination = ? AND sync_key = ?", (destination, key)
            )


_LET_IT_BE_SEEN = """
UPDATE item SET quiet_until = MAX(quiet_until, receipt.delivered_at + ?)
FROM receipt WHERE receipt.destination = item.destination AND receipt.sync_key = item.sync_key
    AND item.destination = ? AND item.sync_key = ?
"""

_NOWHERE = "(state = 'pending' AND sends = 0 OR state = 'dead' AND NOT doubtful)"

_WAITING = f"""
SELECT entry.*, kind, project, source_id, has_old_hashes FROM entry JOIN item USING (destination, sync_key)
WHERE entry.destination = ? AND {_NOWHERE} AND entry.id > ? ORDER BY entry.id LIMIT ?
"""  # noqa: S608 - a constant of this module

_UNSENT = f"SELECT * FROM entry WHERE destination = ? AND sync_key = ? AND {_NOWHERE}"  # noqa: S608 - likewise


def refreeze(sql: sqlite3.Connection, row: sqlite3.Row, key: str) -> str:
    """Give an entry that was never sent a key, and the hash of what it says; returns the hash."""
    memory = Memory.thaw(row["frozen"])
    metadata = {**memory.metadata, "sync_key": key}
    content_hash = str(row["content_hash"])
    if memory.text:  # of a held one nothing is kept that a hash could be made of
        content_hash = said_by(memory).revision
        metadata["content_hash"] = content_hash
    frozen = Memory(memory.user_id, memory.text, memory.agent_id, metadata, memory.infer).freeze()
    sql.execute(
        "UPDATE entry SET frozen = ?, content_hash = ? WHERE id = ?", (frozen, content_hash, row["id"])
    )
    return content_hash


def leave_over(sql: sqlite3.Connection, destination: int, memory_id: str, key: str) -> None:
    """Store a memory of an item beside the one that its receipt names, within the caller's transaction."""
    sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (LEFT_OVER.format(destination, memory_id), key))


def follow_key(sql: sqlite3.Connection, destination: int, former: str, key: str) -> None:
    """Have what a person wanted of an item hold under another key, within the caller's transaction."""
    sql.execute(_STAYS_FORGOTTEN, (key, former))
    sql.execute("UPDATE OR IGNORE kept SET sync_key = ? WHERE sync_key = ?", (key, former))
    sql.execute(
        "UPDATE owed_deletion SET sync_key = ? WHERE destination = ? AND sync_key = ?",
        (key, destination, former),
    )


_STAYS_FORGOTTEN = """
INSERT OR IGNORE INTO forgotten
SELECT ?, project, forgotten_at, is_erased FROM forgotten WHERE name = ?
"""


def _merge(sql: sqlite3.Connection, destination: int, former: str, key: str) -> None:
    # Of two receipts the one stays that the key has.
    _rename(sql, "receipt", destination, former, key)
    row = sql.execute(
        "SELECT memory_ids FROM receipt WHERE destination = ? AND sync_key = ?", (destination, former)
    ).fetchone()
    for number in json.loads(row["memory_ids"]) if row else ():
        leave_over(sql, destination, number, key)
    for table in ("entry", "receipt", "wish", "item"):
        sql.execute(
            f"DELETE FROM {table} WHERE destination = ? AND sync_key = ?",  # noqa: S608 - one of our tables
            (destination, former),
        )


def _rename(sql: sqlite3.Connection, table: str, destination: int, former: str, key: str) -> None:
    sql.execute(
        f"UPDATE OR IGNORE {table} SET sync_key = ? WHERE destination = ? AND sync_key = ?",  # noqa: S608 - likewise
        (key, destination, former),
    )
