"""Memories that still carry hashes of what was redacted in them, as an earlier version made them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.first_contacts import write_second_look
from mem0_syncd.outbox.item_keys import Identity, ItemKeys
from mem0_syncd.outbox.item_status import restate
from mem0_syncd.outbox.rekeying import LEFT_OVER, SEEN_SECONDS, Rekeying


@dataclass(frozen=True, slots=True)
class OldMemory:
    """A memory with old hashes, and its item; `fingerprint` is that of what was sent, '' if unknown.

    `is_left_over` marks one of two items that have become one.
    """

    memory_id: str
    sync_key: str
    kind: Kind
    project: str
    source_id: str | None
    content_hash: str = ""
    fingerprint: str = ""
    is_left_over: bool = False

    @property
    def user_id(self) -> str:
        """The Mem0 user id of the memory."""
        return user_id(self.kind, self.project)


class OldMemories:
    """The old memories of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._item_keys, self._rekeying = ItemKeys(database), Rekeying(database)

    def some(self, destination: int, limit: int, now: float) -> list[OldMemory]:
        """Some that nothing is on its way to; others each time, so that a failing one doesn't block the rest.

        What was delivered shortly before `now` waits: Mem0 may not show it yet.
        """
        rows = self._db.rows(_OLD, (destination, now - SEEN_SECONDS, limit))
        old = [
            OldMemory(
                json.loads(row["memory_ids"])[0],
                row["sync_key"],
                Kind(row["kind"]),
                row["project"],
                row["source_id"],
                row["content_hash"],
                row["fingerprint"],
            )
            for row in rows
        ]
        prefix = LEFT_OVER.format(destination, "")
        rows = self._db.rows(_LEFT_OVER, (destination, len(prefix) + 1, f"{prefix}*", limit))
        return old + [
            OldMemory(
                row["memory_id"],
                row["sync_key"],
                Kind(row["kind"]),
                row["project"],
                row["source_id"],
                is_left_over=True,
            )
            for row in rows
        ]

    def renewed(self, destination: int, old: OldMemory, key: str, content_hash: str, now: float) -> None:
        """Record that a memory carries another key and hash now; what is known about its item follows."""
        with self._db.transaction() as sql:
            self.leave(destination, old)
            if old.is_left_over:
                # Now it is equal to the memory that its item's receipt names: a true double, which is
                # removed.
                write_second_look(sql, destination, old.sync_key, old.user_id, now)
            else:
                # Where its item becomes another one, this memory is left over, and looked at once more.
                self._follow(sql, destination, old, key, content_hash)

    def leave(self, destination: int, old: OldMemory) -> None:
        """Note that a memory is not to be looked at again: it is rehashed, gone, or edited by somebody."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM fact WHERE name = ?", (LEFT_OVER.format(destination, old.memory_id),))
            sql.execute(
                "UPDATE item SET has_old_hashes = 0 WHERE destination = ? AND sync_key = ?",
                (destination, old.sync_key),
            )

    def _follow(
        self, sql: sqlite3.Connection, destination: int, old: OldMemory, key: str, content_hash: str
    ) -> None:
        local = self._item_keys.local
        known = Identity(
            local(old.sync_key),
            key,
            local(old.content_hash),
            content_hash,
            detector="",  # it is looked at as a whole if its source is ever read again
            is_former=key != old.sync_key,
        )
        self._item_keys.write(destination, [known])
        sql.execute(_SETTLE, (content_hash, destination, old.sync_key, json.dumps([old.memory_id])))
        sql.execute(
            "UPDATE item SET has_old_hashes = 0,"
            " tombstone_hash = CASE tombstone_hash WHEN ? THEN ? ELSE tombstone_hash END"
            " WHERE destination = ? AND sync_key = ?",
            (old.content_hash, content_hash, destination, old.sync_key),
        )
        if key != old.sync_key:
            self._rekeying.rekey(destination, old.sync_key, key)
        restate(sql, destination, key)


_SETTLE: Any = """
UPDATE receipt SET content_hash = ?, fingerprint = ''
WHERE destination = ? AND sync_key = ? AND memory_ids = ?
"""

_OLD = """
SELECT item.*, memory_ids, content_hash, fingerprint
FROM item INDEXED BY item_with_old_hashes JOIN receipt USING (destination, sync_key)
WHERE item.destination = ? AND has_old_hashes AND json_array_length(memory_ids) = 1 AND delivered_at <= ?
    AND tombstone IS NOT 'deleted in Mem0'
    AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.destination = item.destination
        AND entry.sync_key = item.sync_key)
    AND NOT EXISTS (SELECT 1 FROM second_look WHERE second_look.destination = item.destination
        AND second_look.sync_key = item.sync_key)
ORDER BY random() LIMIT ?
"""

_LEFT_OVER = """
SELECT item.*, substr(name, ?2) AS memory_id FROM fact JOIN item ON item.sync_key = fact.value
WHERE item.destination = ?1 AND name GLOB ?3
    AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.destination = item.destination
        AND entry.sync_key = item.sync_key)
ORDER BY random() LIMIT ?4
"""
