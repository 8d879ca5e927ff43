"""Every item by name: what it counts as, why, and since when."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.core.item import RECORD, Kind
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.outbox.database import Database


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One item at the destination that its project's items go to.

    `since` is when it came to be in its state, in seconds of the epoch, and `why` is '' where that needs no
    word. `frozen` is what waits of it, or is kept of it; None where that is nothing.
    """

    destination: int
    sync_key: str
    source_id: str | None
    project: str
    kind: Kind
    state: str
    why: str
    since: float
    source: str
    tree: str
    memory_ids: tuple[str, ...]
    redacted: tuple[str, ...]
    frozen: str | None = None

    @property
    def name(self) -> str:
        """What a person names it by: its source's id, or else its key."""
        return (self.source_id or self.sync_key).removeprefix(RECORD)

    @property
    def text(self) -> str | None:
        """What it says, as it is sent; None where only its source, or Mem0, can tell."""
        return Memory.thaw(self.frozen).text or None if self.frozen else None


class ItemList:
    """The items of all destinations, to be looked at."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(
        self,
        destination: int,
        project: str,
        *,
        kind: Kind | None = None,
        state: str | None = None,
        redacted: bool = False,
    ) -> list[ListedItem]:
        """The items of a project, in the order in which they were first seen."""
        wanted = {"destination": destination, "project": project, "kind": kind, "state": state}
        rows = self._db.rows(f"{_LIST} AND {_IS_WANTED} {_ORDER}", {**wanted, "redacted": redacted})
        return [_as_listed(row) for row in rows]

    def named(self, destination: int, keys: Iterable[str]) -> list[ListedItem]:
        """Some items by their keys."""
        wanted = {"destination": destination, "keys": json.dumps(list(keys))}
        rows = self._db.rows(f"{_LIST} AND {_IS_NAMED} {_ORDER}", wanted)
        return [_as_listed(row) for row in rows]


def _as_listed(row: sqlite3.Row) -> ListedItem:
    return ListedItem(
        row["destination"],
        row["sync_key"],
        row["source_id"],
        row["project"],
        Kind(row["kind"]),
        row["status"],
        row["entry_reason"] or row["reason"] if row["status"] != "delivered" else "",
        row["since"],
        row["source"],
        row["tree"],
        tuple(number for number in json.loads(row["memory_ids"] or "[]") if number),
        tuple(row["redacted"].split()),
        row["frozen"],
    )


_LIST = """
SELECT item.*, receipt.memory_ids, entry.reason AS entry_reason,
    COALESCE(entry.frozen, kept.frozen) AS frozen,
    COALESCE(entry.created_at, CASE WHEN item.tombstone IS NULL THEN receipt.delivered_at END,
        forgotten.forgotten_at, item.seen_at) AS since
FROM item LEFT JOIN receipt USING (destination, sync_key)
    LEFT JOIN entry ON entry.id = (SELECT MAX(id) FROM entry
        WHERE entry.destination = item.destination AND entry.sync_key = item.sync_key)
    LEFT JOIN kept USING (sync_key)
    LEFT JOIN forgotten ON forgotten.name = item.sync_key
WHERE item.destination = :destination
"""

_IS_WANTED = """
item.project = :project AND (:kind IS NULL OR item.kind = :kind)
    AND (:state IS NULL OR item.status = :state) AND (NOT :redacted OR item.redacted <> '')
"""

_IS_NAMED = "item.sync_key IN (SELECT value FROM json_each(:keys))"

_ORDER = "ORDER BY item.seen_at, item.source_id, item.sync_key"
