"""What is to be looked at in Mem0 beside the entries: user ids, and what was sent twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.core.duplicate_memories import Double
from mem0_syncd.core.foreign_memories import Stated
from mem0_syncd.core.outcome import Found
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.outbox.item_status import IN_FLIGHT
from mem0_syncd.outbox.origins import IS_STOPPED, write_stated
from mem0_syncd.outbox.owed_deletions import owe

FRESH_SECONDS = 30.0
"""Seconds that a look at a user id counts, if others write to it, when something is added."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """An item that was added more than once, to be looked at once more; `attempts` have failed so far."""

    sync_key: str
    user_id: str
    attempts: int = 0


class FirstContacts:
    """The looks at user ids, and at what was sent twice, of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._local = ItemKeys(database).local

    # User ids

    def uncontacted(self, destination: int) -> list[str]:
        """The user ids that entries are for, and whose memories were never listed."""
        rows = self._db.rows(
            "SELECT user_id FROM contact WHERE destination = ? AND listed_at IS NULL", (destination,)
        )
        return [row["user_id"] for row in rows]

    def share(self, destination: int, user_ids: Iterable[str]) -> None:
        """Have user ids looked at before each round of adds, from now on, as others write to them, too."""
        wanted = (destination, json.dumps(list(user_ids)))
        if self._db.row(f"SELECT 1 FROM contact {_UNSHARED}", wanted):  # noqa: S608 - a constant
            with self._db.transaction() as sql:
                sql.execute(f"UPDATE contact SET shared = 1 {_UNSHARED}", wanted)  # noqa: S608 - likewise

    def stale(self, destination: int, now: float) -> dict[str, str]:
        """The shared user ids that must be looked at before anything due is added to them.

        Each comes with Mem0's time from which on nothing is known; '' where nothing is.
        """
        rows = self._db.rows(_STALE, {"destination": destination, "now": now, "fresh": FRESH_SECONDS})
        return {row["user_id"]: row["newest"] for row in rows}

    def begin_look(self, destination: int, user_id: str) -> int:
        """Count a look at a user id: it speaks for the entries that exist now."""
        with self._db.transaction() as sql:
            row = sql.execute(
                "INSERT INTO contact (destination, user_id, begun) VALUES (?, ?, 1)"
                " ON CONFLICT DO UPDATE SET begun = begun + 1 RETURNING begun",
                (destination, user_id),
            ).fetchone()
        return int(row["begun"])

    def write_contact(
        self,
        destination: int,
        user_id: str,
        found: Iterable[tuple[str, Found]],
        now: float,
        newest: str = "",
        *,
        number: int,
        origins: Iterable[Stated] = (),
    ) -> None:
        """Store what Mem0 has for a user id, by sync key, and whose it is.

        It is as of a look that was begun at `now`, as the one of that `number`. What was erased before the
        first one is deleted, for nobody knew of it.
        """
        found = list(found)
        with self._db.transaction() as sql:
            if sql.execute(_IS_FIRST, (destination, user_id)).fetchone():
                for key, it in found:
                    if sql.execute(_IS_ERASED, (key, self._local(key))).fetchone():
                        owe(sql, destination, key, [it.memory_id], now)
            sql.executemany(
                "INSERT OR REPLACE INTO adoptable VALUES (?, ?, ?, ?, ?)",
                ((destination, key, it.memory_id, it.content_hash, self._local(key)) for key, it in found),
            )
            sql.execute(
                "UPDATE contact SET listed_at = ?, newest = MAX(newest, ?), listed = MAX(listed, ?)"
                " WHERE destination = ? AND user_id = ?",
                (now, newest, number, destination, user_id),
            )
            write_stated(sql, destination, user_id, origins)

    # What was sent twice

    def second_looks(self, destination: int, now: float, limit: int) -> list[SecondLook]:
        """The second looks that are due, the oldest first."""
        rows = self._db.rows(
            "SELECT * FROM second_look WHERE destination = ? AND due_at <= ? ORDER BY due_at LIMIT ?",
            (destination, now, limit),
        )
        return [SecondLook(row["sync_key"], row["user_id"], row["attempts"]) for row in rows]

    def next_second_look(self, destination: int) -> float | None:
        """When the next second look falls due; None if there is none."""
        row = self._db.row(
            "SELECT MIN(due_at) AS due_at FROM second_look WHERE destination = ?", (destination,)
        )
        return row["due_at"] if row else None

    def put_off(self, destination: int, look: SecondLook, due_at: float) -> None:
        """Have a second look that failed tried again."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE second_look SET attempts = attempts + 1, due_at = ?"
                " WHERE destination = ? AND sync_key = ?",
                (due_at, destination, look.sync_key),
            )

    def end(self, destination: int, look: SecondLook) -> None:
        """End a second look."""
        with self._db.transaction() as sql:
            sql.execute(
                "DELETE FROM second_look WHERE destination = ? AND sync_key = ?", (destination, look.sync_key)
            )

    def erase(self, destination: int, look: SecondLook, memory_ids: Iterable[str], now: float) -> bool:
        """Have memories deleted that a look found of what was erased; returns whether it was."""
        with self._db.transaction() as sql:
            if sql.execute(_IS_ERASED, (look.sync_key, self._local(look.sync_key))).fetchone() is None:
                return False
            owe(sql, destination, look.sync_key, memory_ids, now)
            self.end(destination, look)
        return True

    def move_receipt(self, destination: int, double: Double) -> bool:
        """Have the receipt name the memory that stays; False if its content is another."""
        survivor = double.survivor
        with self._db.transaction() as sql:
            moved = sql.execute(
                "UPDATE receipt SET memory_ids = ? WHERE destination = ? AND sync_key = ?"
                " AND content_hash = ?",
                (json.dumps([survivor.id]), destination, survivor.sync_key, survivor.content_hash),
            )
            return moved.rowcount == 1

    def let_go(self, destination: int, double: Double) -> bool:
        """Whether the extras of a double may be deleted, because the receipt names none of them from now on.

        Not while anything of the item is under way. Not if the receipt says that one of them has another
        content, or that Mem0's language model made several memories of the item.
        """
        with self._db.transaction() as sql:
            key = (destination, double.survivor.sync_key)
            row = sql.execute(
                "SELECT memory_ids FROM receipt WHERE destination = ? AND sync_key = ?", key
            ).fetchone()
            ids = json.loads(row["memory_ids"]) if row else []
            if len(ids) > 1 or sql.execute(_IS_IN_FLIGHT, key).fetchone():
                return False
            return self.move_receipt(destination, double) or ids not in ([it.id] for it in double.extras)


def write_second_look(
    sql: sqlite3.Connection, destination: int, sync_key: str, user_id: str, due_at: float
) -> None:
    """Have an item looked at once more, within the caller's transaction."""
    sql.execute(
        "INSERT OR REPLACE INTO second_look (destination, sync_key, user_id, due_at) VALUES (?, ?, ?, ?)",
        (destination, sync_key, user_id, due_at),
    )


_IS_ERASED = "SELECT 1 FROM forgotten WHERE name IN (?, ?) AND is_erased"

_IS_FIRST = "SELECT 1 FROM contact WHERE destination = ? AND user_id = ? AND listed_at IS NULL"

_IS_IN_FLIGHT = f"""
SELECT 1 FROM entry WHERE destination = ? AND sync_key = ? AND state IN {IN_FLIGHT}
"""  # noqa: S608 - a constant of this project

_UNSHARED = "WHERE destination = ? AND user_id IN (SELECT value FROM json_each(?)) AND NOT shared"

_IS_SHARED = """
    (contact.shared OR EXISTS (SELECT 1 FROM fact WHERE name = 'second_writer:' || contact.destination))
"""

_STALE = f"""
SELECT user_id, newest FROM contact
WHERE destination = :destination AND listed_at IS NOT NULL AND {_IS_SHARED}
    AND EXISTS (
        SELECT 1 FROM entry WHERE entry.destination = contact.destination
            AND entry.user_id = contact.user_id AND state = 'pending' AND due_at <= :now
            AND memory_id IS NULL
            AND (born >= listed OR listed_at NOT BETWEEN :now - :fresh AND :now) AND NOT {IS_STOPPED}
            AND NOT EXISTS (SELECT 1 FROM receipt WHERE receipt.destination = entry.destination
                AND receipt.sync_key = entry.sync_key))
"""  # noqa: S608 - a constant of this project

IS_LOOKED_FOR = f"""
    EXISTS (
        SELECT 1 FROM contact WHERE contact.destination = entry.destination
            AND contact.user_id = entry.user_id AND listed_at IS NOT NULL
            AND (NOT {_IS_SHARED} OR entry.memory_id IS NOT NULL
                OR (listed > entry.born AND listed_at BETWEEN :now - {FRESH_SECONDS} AND :now)
                OR EXISTS (SELECT 1 FROM receipt WHERE receipt.destination = entry.destination
                    AND receipt.sync_key = entry.sync_key)))
    AND NOT EXISTS (SELECT 1 FROM second_look WHERE second_look.destination = entry.destination
        AND second_look.sync_key = entry.sync_key)
"""  # noqa: S608 - likewise
"""Whether everything is known about an entry's item that must be known before it is pushed."""
