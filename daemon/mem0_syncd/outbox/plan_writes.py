"""What planning has decided of items, made durable: each change as the statements that carry it out."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from mem0_syncd.core.enqueue_plan import Change, Enqueue, Reject, Skip, Withdraw, Withhold
from mem0_syncd.core.item import QUEUE
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.withheld import FORGOTTEN
from mem0_syncd.outbox.item_status import IN_FLIGHT, restate
from mem0_syncd.outbox.resend_requests import fulfil


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change with the memory that it sends, if it sends one."""

    change: Change
    memory: Memory | None = None
    major: bool = False
    redacted: tuple[str, ...] = ()
    tree: str = ""


def apply(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    """Carry out one change at `now`, within the caller's transaction."""
    _APPLY[type(prepared.change)](sql, destination, prepared, now)


def _enqueue(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    _write_entry(sql, destination, prepared, now)
    fulfil(sql, destination, prepared.change.item.sync_key)
    restate(sql, destination, prepared.change.item.sync_key)


def _write_entry(sql: sqlite3.Connection, destination: int, prepared: Prepared, now: float) -> None:
    assert prepared.memory is not None  # noqa: S101 - what is enqueued has been prepared
    key = prepared.change.item.sync_key
    _see(sql, destination, prepared, now, "pending")
    # A waiting one is replaced; a dead one gets a new chance, and is looked up first if it may be stored.
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
"""A dead entry beside one in flight is newer than that: it was rejected before it was ever sent."""


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
    if prepared.change.reason == FORGOTTEN:
        sql.execute(
            "UPDATE item SET tombstone = 'forgotten' WHERE destination = ? AND sync_key = ?",
            (destination, prepared.change.item.sync_key),
        )


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
