"""Tombstones: items that a person doesn't want delivered, or wants out of every Mem0 again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mem0_syncd.core.withheld import Why
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.outbox.item_status import restate
from mem0_syncd.outbox.kept_items import keep_entries
from mem0_syncd.outbox.owed_deletions import owe_all_of

BATCH = 500
"""Items that become forgotten together, or are looked for."""

FORGOTTEN, DROPPED = Why.FORGOTTEN.value, "dropped"


@dataclass(frozen=True, slots=True)
class Named:
    """An item as a person names it, at one destination; `why` is its tombstone's, '' where it has none."""

    destination: int
    sync_key: str
    kind: str
    source: str
    source_id: str | None
    status: str
    why: str
    memory_ids: tuple[str, ...]


class Tombstones:
    """The items that must not come back with the next scan."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._local = ItemKeys(database).local

    def find(self, project: str, name: str | None = None) -> list[Named]:
        """The items of a project, or those with exactly this source id, sync key or memory id; everywhere."""
        rows = self._db.rows(_FIND, {"project": project, "name": name})
        return [
            Named(
                row["destination"],
                row["sync_key"],
                row["kind"],
                row["source"],
                row["source_id"],
                row["status"],
                row["tombstone"] or "",
                tuple(json.loads(row["memory_ids"] or "[]")),
            )
            for row in rows
        ]

    def bury(self, project: str, keys: Sequence[str], *, erase: bool, now: float) -> None:
        """Have items of a project delivered nowhere any more, whatever their sources say later.

        With `erase` nothing of what they say is kept here, and every memory of theirs is owed a deletion.
        """
        with self._db.transaction() as sql:
            names = self._names(sql, keys)
            sql.executemany(_FORGET, ((name, project, now, erase) for name in names))
            keep_entries(sql, keys)
            if erase:
                owe_all_of(sql, keys, now)
                sql.execute("DELETE FROM kept WHERE sync_key IN (SELECT value FROM json_each(?))", _as(keys))
            for row in sql.execute(_EVERYWHERE, _as(keys)).fetchall():
                of_item = (row["destination"], row["sync_key"])
                sql.execute(_BURY, of_item)
                for table, condition in _GONE:
                    sql.execute(
                        f"DELETE FROM {table} WHERE destination = ? AND sync_key = ? AND {condition}",  # noqa: S608 - ours
                        of_item,
                    )
                sql.execute(_DISOWN, of_item)
                restate(sql, *of_item)

    def lift(self, keys: Sequence[str], *, said_at: float | None = None) -> set[str]:
        """Take tombstones of a person's back, at every destination; returns of which keys.

        What was forgotten later than at `said_at`, where that is said, stays so.
        """
        with self._db.transaction() as sql:
            names = self._names(sql, keys)
            if said_at is not None and sql.execute(_LATER, (json.dumps(names), said_at)).fetchone():
                return set()
            gone = sql.execute(_REMEMBER, (json.dumps(names),)).fetchall()
            lifted = {row["name"] for row in gone} & set(keys)
            for row in sql.execute(_LIFT, _as(keys)).fetchall():
                lifted.add(row["sync_key"])
                restate(sql, row["destination"], row["sync_key"])
        return lifted

    def forgotten(self, names: Iterable[str]) -> set[str]:
        """Those of some keys, and identities of items as their sources have them, that are forgotten."""
        if self._db.row("SELECT 1 FROM forgotten LIMIT 1") is None:
            return set()
        by_name = {known_as: name for name in names for known_as in (name, self._local(name))}
        return {
            by_name[row["name"]]
            for some in _batches(list(by_name))
            for row in self._db.rows(
                "SELECT name FROM forgotten WHERE name IN (SELECT value FROM json_each(?))", _as(some)
            )
        }

    def restate(self, destination: int, key: str, content_hash: str) -> None:
        """Make a tombstone stand for the same revision under its present hash."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET tombstone_hash = ? WHERE destination = ? AND sync_key = ?",
                (content_hash, destination, key),
            )

    def _names(self, sql: sqlite3.Connection, keys: Collection[str]) -> list[str]:
        """Everything that some items go by anywhere: keys and identities."""
        locals_ = {self._local(key) for key in keys}
        locals_ |= {row["local"] for row in sql.execute(_FORMER_LOCALS, _as(keys))}
        present = {row["sync_key"] for row in sql.execute(_KEYS_OF_LOCALS, _as(locals_))}
        return list({*keys, *locals_, *present})


def _as(names: Iterable[str]) -> tuple[str]:
    return (json.dumps(list(names)),)


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))


_FIND = """
WITH named AS (
    SELECT DISTINCT item.sync_key FROM item LEFT JOIN receipt USING (destination, sync_key)
        LEFT JOIN adoptable USING (destination, sync_key)
    WHERE item.project = :project AND (:name IS NULL
        OR source_id IN (:name, 'record:' || :name) OR item.sync_key = :name
        OR adoptable.memory_id = :name
        OR EXISTS (SELECT 1 FROM json_each(receipt.memory_ids) WHERE value = :name)))
SELECT item.*, memory_ids FROM item LEFT JOIN receipt USING (destination, sync_key)
WHERE item.destination IN (SELECT id FROM destination) AND item.sync_key IN (SELECT sync_key FROM named)
ORDER BY item.seen_at, item.sync_key, item.destination
"""

_FORGET = """
INSERT INTO forgotten (name, project, forgotten_at, is_erased) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET forgotten_at = excluded.forgotten_at, is_erased = MAX(is_erased, excluded.is_erased)
"""

_EVERYWHERE = """
SELECT destination, sync_key FROM item
WHERE destination IN (SELECT id FROM destination) AND sync_key IN (SELECT value FROM json_each(?))
"""

_FORMER_LOCALS = """
SELECT local FROM identity INDEXED BY identity_by_key WHERE destination IN (SELECT id FROM destination)
    AND is_former AND sync_key IN (SELECT value FROM json_each(?))
"""

_KEYS_OF_LOCALS = """
SELECT sync_key FROM identity WHERE destination IN (SELECT id FROM destination)
    AND local IN (SELECT value FROM json_each(?))
"""

_LATER = """
SELECT 1 FROM forgotten WHERE name IN (SELECT value FROM json_each(?)) AND forgotten_at >= ?
"""

_REMEMBER = "DELETE FROM forgotten WHERE name IN (SELECT value FROM json_each(?)) RETURNING name"

_LIFT = """
UPDATE item SET tombstone = NULL, tombstone_hash = NULL, reason = ''
WHERE destination IN (SELECT id FROM destination) AND sync_key IN (SELECT value FROM json_each(?))
    AND tombstone IN ('forgotten', 'dropped') RETURNING destination, sync_key
"""

_GONE = (
    # An add that is under way may be there: what became of it must be known. An update need not.
    ("entry", "(state IN ('pending', 'dead') OR memory_id IS NOT NULL AND NOT target_gone)"),
    ("adoptable", "1"),
    ("wish", "1"),
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
