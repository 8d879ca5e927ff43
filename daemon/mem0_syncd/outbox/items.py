"""What is known of every item: what is intended, what is proven, what it counts as."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mem0_syncd.core.enqueue_plan import Change, Enqueue, Known, Reject, Skip, Withdraw, Withhold
from mem0_syncd.core.item import QUEUE, Item
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.resend_requests import fulfil

IN_FLIGHT = "('sending', 'unconfirmed', 'accepted')"

RESTATE = """
UPDATE item SET status = COALESCE(
    (SELECT CASE state WHEN 'sending' THEN 'pending' ELSE state END FROM entry
     WHERE entry.destination = item.destination AND entry.sync_key = item.sync_key ORDER BY id DESC LIMIT 1),
    CASE WHEN tombstone IS NOT NULL THEN 'withheld' END,
    (SELECT 'delivered' FROM receipt
     WHERE receipt.destination = item.destination AND receipt.sync_key = item.sync_key),
    status)
WHERE destination = ? AND sync_key = ?
"""
"""What an item counts as follows from its newest entry, else its tombstone, else its receipt."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change with the memory that it sends, if it sends one."""

    change: Change
    memory: Memory | None = None
    major: bool = False
    redacted: tuple[str, ...] = ()
    tree: str = ""


class Items:
    """Items, and the entries that planning makes of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def known(self, destination: int, keys: Collection[str]) -> dict[str, Known]:
        """What is known of the items with these keys; unknown ones are left out."""
        found: dict[str, Known] = {}
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), 500):
            rows = self._db.rows(
                f"""
                SELECT item.sync_key, item.status, project, source, tree, tombstone_hash, wish.how,
                    receipt.content_hash AS delivered,
                    MAX(CASE WHEN entry.state = 'pending' THEN entry.content_hash END) AS waiting,
                    MAX(CASE WHEN entry.state IN {IN_FLIGHT} THEN entry.content_hash END) AS in_flight,
                    MAX(CASE WHEN entry.state = 'dead' THEN entry.content_hash END) AS dead
                FROM item LEFT JOIN entry USING (destination, sync_key)
                    LEFT JOIN receipt USING (destination, sync_key)
                    LEFT JOIN wish USING (destination, sync_key)
                WHERE item.destination = ? AND item.sync_key IN (SELECT value FROM json_each(?))
                GROUP BY item.sync_key
                """,  # noqa: S608 - a constant of this module
                (destination, json.dumps(unique[start : start + 500])),
            )
            for row in rows:
                found[row["sync_key"]] = Known(
                    waiting=row["waiting"],
                    in_flight=row["in_flight"],
                    dead=row["dead"],
                    delivered=row["delivered"],
                    dropped=row["tombstone_hash"],
                    withheld=row["status"] == "withheld",
                    skipped=row["status"] == "skipped",
                    project=row["project"],
                    source=row["source"],
                    tree=row["tree"],
                    wanted=row["how"] is not None,
                )
        return found

    def apply(self, destination: int, changes: Iterable[Prepared], now: float) -> None:
        """Make the changes of one scan durable, all or none."""
        with self._db.transaction() as sql:
            for prepared in changes:
                _APPLY[type(prepared.change)](sql, destination, prepared, now)

    def counts(self, destination: int) -> dict[tuple[str, str], dict[str, int]]:
        """How many items count as what, by project and kind."""
        tallies: dict[tuple[str, str], dict[str, int]] = {}
        for row in self._db.rows("SELECT * FROM tally WHERE destination = ? AND n > 0", (destination,)):
            tallies.setdefault((row["project"], row["kind"]), {})[row["status"]] = row["n"]
        return tallies

    def has_any(self, project: str) -> bool:
        """Whether any item of a project is known, at whichever destination."""
        return self._db.row("SELECT 1 FROM tally WHERE project = ? AND n > 0", (project,)) is not None

    def tally(self, destination: int, project: str, kind: str) -> dict[str, int]:
        """How many items of a kind of one project count as what."""
        rows = self._db.rows(
            "SELECT status, n FROM tally WHERE destination = ? AND project = ? AND kind = ?",
            (destination, project, kind),
        )
        return {row["status"]: row["n"] for row in rows}

    def redacted(self, destination: int) -> int:
        """In how many items a credential was found."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM item INDEXED BY item_redacted"
            " WHERE destination = ? AND redacted <> ''",
            (destination,),
        )
        return int(row["n"]) if row else 0

    def forget_name(self, destination: int, item: Item) -> None:
        """Keep an id no longer by which an item was known: it holds a secret."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET source_id = NULL"
                " WHERE destination = ? AND project = ? AND source = ? AND source_id = ?",
                (destination, item.project, item.source, item.source_id),
            )

    def count_again(self, destination: int, count: int) -> None:
        """Count updates that were made because a detector found more than the one before, or less."""
        if count:
            with self._db.transaction() as sql:
                sql.execute(_COUNT_AGAIN, (f"again:{destination}", count))

    def again(self, destination: int) -> int:
        """How many such updates there were."""
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (f"again:{destination}",))
        return int(row["value"]) if row else 0

    def seen_since(self, destination: int, project: str, kind: str, *, since: float) -> int:
        """How many items of a kind were first seen since a moment."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM item"
            " WHERE destination = ? AND project = ? AND kind = ? AND seen_at > ?",
            (destination, project, kind, since),
        )
        return int(row["n"]) if row else 0


_COUNT_AGAIN = """
INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value
"""


def _enqueue(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    _write_entry(sql, destination, prepared, now)
    fulfil(sql, destination, prepared.change.item.sync_key)
    restate(sql, destination, prepared.change.item.sync_key)


def _write_entry(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    assert prepared.memory is not None  # noqa: S101 - what is enqueued has been prepared
    key = prepared.change.item.sync_key
    _see(sql, destination, prepared, now, "pending")
    # What waits is replaced; what is dead gets a new chance, and is looked for first if it may be stored.
    sql.execute(
        "DELETE FROM entry WHERE destination = ? AND sync_key = ?"
        " AND (state = 'pending' OR state = 'dead' AND NOT doubtful)",
        (destination, key),
    )
    sql.execute(
        "UPDATE entry SET state = 'unconfirmed', doubtful = 0, sends = 1, due_at = ?"
        " WHERE destination = ? AND sync_key = ? AND state = 'dead'",
        (now, destination, key),
    )
    sql.execute(
        "UPDATE item SET tombstone = NULL, tombstone_hash = NULL WHERE destination = ? AND sync_key = ?",
        (destination, key),
    )
    sql.execute(
        "INSERT OR IGNORE INTO contact (destination, user_id) VALUES (?, ?)",
        (destination, prepared.memory.user_id),
    )
    sql.execute(
        "INSERT INTO entry"
        " (destination, sync_key, state, user_id, frozen, content_hash, major, created_at, due_at, born)"
        " VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?,"
        " (SELECT begun FROM contact WHERE destination = ? AND user_id = ?))",
        (
            destination,
            key,
            prepared.memory.user_id,
            prepared.memory.freeze(),
            prepared.memory.content_hash,
            prepared.major,
            now,
            now,
            destination,
            prepared.memory.user_id,
        ),
    )


def _reject(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    _write_entry(sql, destination, prepared, now)
    assert isinstance(prepared.change, Reject)  # noqa: S101 - narrows for the type checker
    key = prepared.change.item.sync_key
    sql.execute(
        "UPDATE entry SET state = 'dead', reason = ? WHERE destination = ? AND sync_key = ?"
        " AND state = 'pending'",
        (prepared.change.reason, destination, key),
    )
    restate(sql, destination, key)


_TAKE_BACK = f"""
DELETE FROM entry WHERE destination = :destination AND sync_key = :key AND (state = 'pending'
    OR state = 'dead' AND EXISTS (
        SELECT 1 FROM entry WHERE destination = :destination AND sync_key = :key AND state IN {IN_FLIGHT}))
"""  # noqa: S608 - a constant of this module
"""What is dead beside one in flight is newer than that: it was rejected before it was ever sent."""


def _withdraw(sql: sqlite3.Connection, destination: int, prepared: Prepared, _now: float) -> None:
    key = prepared.change.item.sync_key
    sql.execute(_TAKE_BACK, {"destination": destination, "key": key})
    sql.execute(
        "UPDATE item SET tombstone = NULL, tombstone_hash = NULL"
        " WHERE destination = ? AND sync_key = ? AND tombstone_hash <> ?",
        (destination, key, prepared.change.item.content_hash),
    )
    restate(sql, destination, key)


def _withhold(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    _withdraw(sql, destination, prepared, now)
    assert isinstance(prepared.change, Withhold)  # noqa: S101 - narrows for the type checker
    _see(sql, destination, prepared, now, "withheld", prepared.change.reason.stored)


def _skip(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    _see(sql, destination, prepared, now, "skipped", "marked as synced by another program")


_APPLY = {
    Enqueue: _enqueue,
    Reject: _reject,
    Withdraw: _withdraw,
    Withhold: _withhold,
    Skip: _skip,
}


def _see(
    sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float, status: str, reason: str = ""
) -> None:
    item = prepared.change.item
    sql.execute(
        "INSERT INTO item"
        " (destination, sync_key, project, kind, source, source_id, status, reason, echo, redacted, seen_at,"
        " tree) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET status = excluded.status, reason = excluded.reason,"
        " source = excluded.source, redacted = excluded.redacted, tree = excluded.tree, has_old_hashes = 0",
        (
            destination,
            item.sync_key,
            item.project,
            item.kind,
            item.source,
            item.source_id,
            status,
            reason,
            item.echo if item.source == QUEUE else None,
            " ".join(sorted(set(prepared.redacted))),
            now,
            prepared.tree,
        ),
    )


def restate(sql: sqlite3.Connection, destination: int, sync_key: str) -> None:
    """Bring what an item counts as in line with its entries, tombstone and receipt."""
    sql.execute(RESTATE, (destination, sync_key))
