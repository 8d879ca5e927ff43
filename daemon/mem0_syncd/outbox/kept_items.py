"""Items whose text would otherwise be lost: what no file says, and what was forgotten or dropped unsent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mem0_syncd.core.item import REMEMBERED, UNFILED, Item, Kind
from mem0_syncd.core.memory_payload import Memory, memory_of, said_by
from mem0_syncd.outbox.database import Database

_UNFILED = json.dumps(sorted(UNFILED))


@dataclass(frozen=True, slots=True)
class KeptItem:
    """An item as it was sent, or was to be."""

    sync_key: str
    project: str
    kind: Kind
    source: str
    source_id: str | None
    memory: Memory

    @property
    def item(self) -> Item:
        """The item that it says."""
        said = said_by(self.memory, self.kind, self.project, self.source_id)
        return Item(
            self.kind,
            self.project,
            said.text,
            said.metadata,
            self.source_id,
            said.when,
            said.agent_id,
            weighty=self.source == REMEMBERED,
            source=self.source,
        )


@dataclass(frozen=True, slots=True)
class UnkeptItem:
    """An item that is in Mem0 only, as one memory."""

    destination: int
    memory_id: str
    sync_key: str
    project: str
    kind: Kind
    source: str
    source_id: str | None


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """How much of a project is at a destination, and not where its items go now."""

    project: str
    destination: int
    count: int


class KeptItems:
    """What is kept of the items of all projects."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, item: Item, memory: Memory) -> None:
        """Keep an item whole, as it is sent: its newest revision."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?)",
                (item.sync_key, item.project, item.kind, item.source, item.source_id, memory.freeze()),
            )

    def find(self, keys: Iterable[str]) -> list[KeptItem]:
        """What is kept of some items."""
        rows = self._db.rows(
            "SELECT * FROM kept WHERE sync_key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        return [_as_kept(row) for row in rows]

    def unfiled(self, project: str) -> list[KeptItem]:
        """All that a project holds that no file says."""
        return [_as_kept(row) for row in self._db.rows(_OF_PROJECT, (project, _UNFILED))]

    def lacking(self, destination: int, project: str) -> list[KeptItem]:
        """What no file says of a project, and a destination has never been meant to get."""
        rows = self._db.rows(f"{_OF_PROJECT} AND {_IS_LACKING}", (project, _UNFILED, destination))
        return [_as_kept(row) for row in rows]

    def unkept(self, limit: int) -> list[UnkeptItem]:
        """Some of what no file says, and was delivered before it was kept here; others each time."""
        return [
            UnkeptItem(
                row["destination"],
                row["memory_id"],
                row["sync_key"],
                row["project"],
                Kind(row["kind"]),
                row["source"],
                row["source_id"],
            )
            for row in self._db.rows(_UNKEPT, {"limit": limit})
        ]

    def take_from(self, it: UnkeptItem, memory: Memory | None) -> None:
        """Keep an item as it is in Mem0; for None, which isn't as it was sent, don't ask for it again."""
        with self._db.transaction() as sql:
            if memory is None:
                name = _NOT_KEPT.format(it.destination, it.sync_key)
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, 'yes')", (name,))
                return
            # It may have been forgotten, and erased, while Mem0 was asked.
            sql.execute(
                "INSERT OR IGNORE INTO kept SELECT ?, ?, ?, ?, ?, ? FROM item"
                " WHERE destination = ? AND sync_key = ? AND tombstone IS NULL",
                (
                    *(it.sync_key, it.project, it.kind, it.source, it.source_id, memory.freeze()),
                    *(it.destination, it.sync_key),
                ),
            )

    def left_behind(self, destination: int) -> list[LeftBehind]:
        """What no file says, and hasn't moved with its project for want of its text.

        `destination` is where the projects go that name none.
        """
        rows = self._db.rows(_LEFT_BEHIND, {"destination": destination})
        return [LeftBehind(row["project"], row["destination"], row["n"]) for row in rows]

    def discard_filed(self, keys: Iterable[str]) -> None:
        """Keep no longer what a file says, once it is queued again, or is in Mem0."""
        with self._db.transaction() as sql:
            sql.execute(_DISCARD, (json.dumps(list(keys)), _UNFILED))

    def rename(self, project: str, new_id: str) -> None:
        """Have what no file says of a project go by another id of it, and so by other keys.

        What was forgotten stays with the former one.
        """
        rows = self._db.rows(_NOT_FORGOTTEN, (project, _UNFILED))
        with self._db.transaction() as sql:
            for kept in map(_as_kept, rows):
                item = replace(kept.item, project=new_id)
                sql.execute("DELETE FROM kept WHERE sync_key = ?", (kept.sync_key,))
                self.keep(item, memory_of(item, infer=kept.memory.infer))


def keep_entries(sql: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Keep the newest text of some items that was never sent, within the caller's transaction."""
    sql.execute(_KEEP_ENTRIES, (json.dumps(list(keys)),))


def _as_kept(row: sqlite3.Row) -> KeptItem:
    return KeptItem(
        row["sync_key"],
        row["project"],
        Kind(row["kind"]),
        row["source"],
        row["source_id"],
        Memory.thaw(row["frozen"]),
    )


_OF_PROJECT = """
SELECT * FROM kept WHERE project = ? AND source IN (SELECT value FROM json_each(?))
"""

_DISCARD = """
DELETE FROM kept WHERE sync_key IN (SELECT value FROM json_each(?))
    AND source NOT IN (SELECT value FROM json_each(?))
    AND (sync_key IN (SELECT sync_key FROM entry) OR sync_key IN (SELECT sync_key FROM receipt))
"""

_NOT_FORGOTTEN = f"""
{_OF_PROJECT} AND sync_key NOT IN (SELECT name FROM forgotten)
"""  # noqa: S608 - a constant of this module

_IS_LACKING = """
NOT EXISTS (SELECT 1 FROM item WHERE item.destination = ? AND item.sync_key = kept.sync_key
    AND (item.status <> 'withheld' OR item.tombstone IS NOT NULL))
"""
"""Withheld without a tombstone is what its project's user may have agreed to meanwhile."""

_NOT_KEPT = "not kept:{}:{}"
"""The fact that a destination has an item no more as it was sent, by the item's key."""

_IN_MEM0_ONLY = """
FROM item INDEXED BY item_unfiled JOIN receipt USING (destination, sync_key)
WHERE item.source IN ('remember', 'session') AND item.tombstone IS NULL
    AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.sync_key = item.sync_key)
"""

_UNKEPT = f"""
SELECT item.*, memory_ids ->> '$[0]' AS memory_id {_IN_MEM0_ONLY}
    AND json_array_length(memory_ids) = 1
    AND NOT EXISTS (SELECT 1 FROM fact
        WHERE name = 'not kept:' || item.destination || ':' || item.sync_key)
ORDER BY random() LIMIT :limit
"""  # noqa: S608 - constants of this module

_LEFT_BEHIND = f"""
WITH only AS (SELECT item.*, COALESCE(
    (SELECT project.destination FROM project WHERE project.id = item.project
        AND project.destination IS NOT NULL ORDER BY is_worktree, path LIMIT 1),
    :destination) AS goes_to {_IN_MEM0_ONLY})
SELECT project, destination, COUNT(*) AS n FROM only
WHERE destination <> goes_to AND NOT EXISTS (
    SELECT 1 FROM item AS here WHERE here.destination = goes_to AND here.sync_key = only.sync_key)
GROUP BY project, destination
"""  # noqa: S608 - likewise

_KEEP_ENTRIES = """
INSERT OR REPLACE INTO kept
SELECT sync_key, project, kind, source, source_id, frozen
FROM entry JOIN item USING (destination, sync_key)
WHERE entry.destination IN (SELECT id FROM destination)
    AND entry.sync_key IN (SELECT value FROM json_each(?)) AND state IN ('pending', 'dead')
    AND frozen ->> '$.text' <> '' ORDER BY entry.id
"""
