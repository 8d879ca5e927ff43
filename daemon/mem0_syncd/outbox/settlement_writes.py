"""Writes settlements: one function for each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from mem0_syncd.core.entry import Entry
from mem0_syncd.core.settlement import (
    MOST_SENDS,
    Await,
    Bury,
    Deleted,
    Doubt,
    Receipt,
    Requeue,
    Retarget,
    Settlement,
)
from mem0_syncd.outbox.first_contacts import write_second_look
from mem0_syncd.outbox.item_status import restate
from mem0_syncd.outbox.memory_to_update import note_redacted_there
from mem0_syncd.outbox.owed_deletions import owe_what_was_stored
from mem0_syncd.outbox.row_values import stored_reason
from mem0_syncd.system.scrubbed_reasons import reason


def write_settlement(
    sql: sqlite3.Connection, destination: int, entry: Entry, settlement: Settlement, now: float
) -> None:
    """Write an entry's settlement, within the caller's transaction."""
    _WRITE[type(settlement)](sql, destination, entry, settlement, now)
    _heed_tombstone(sql, destination, entry.sync_key, now)
    restate(sql, destination, entry.sync_key)


def _receipt(sql: sqlite3.Connection, destination: int, entry: Entry, it: Receipt, now: float) -> None:
    _drop(sql, entry)
    memory = entry.memory
    content_hash, fingerprint = entry.content_hash, memory.fingerprint
    if it.there is not None:
        content_hash, fingerprint = it.there.content_hash, it.there.fingerprint
    _write_receipt(sql, (destination, entry.sync_key), it.memory_ids, content_hash, now, fingerprint)
    note_redacted_there(sql, destination, entry, it.there)
    if it.look_again_at is not None:
        write_second_look(sql, destination, entry.sync_key, memory.user_id, it.look_again_at)
    if entry.memory_id is not None and entry.certain_at > now:
        # An earlier attempt of this update may still take effect, and must not undo the next revision.
        sql.execute(
            "UPDATE item SET quiet_until = ? WHERE destination = ? AND sync_key = ?",
            (entry.certain_at, destination, entry.sync_key),
        )


def _requeue(sql: sqlite3.Connection, destination: int, entry: Entry, it: Requeue, now: float) -> None:
    if entry.certain_at > now:
        # An earlier attempt may still take effect: it stays in flight, so that nothing overtakes it.
        sql.execute("UPDATE entry SET state = 'unconfirmed', due_at = ? WHERE id = ?", (now, entry.id))
        return
    if _is_superseded(sql, destination, entry):
        _drop(sql, entry)
        return
    sql.execute(
        # Set, not decremented: a commit that failed may have been made all the same, and is repeated.
        "UPDATE entry SET state = 'pending', due_at = ?, sends = ? WHERE id = ?",
        (now, entry.sends if it.resend else entry.sends - 1, entry.id),
    )


def _doubt(sql: sqlite3.Connection, _destination: int, entry: Entry, it: Doubt, _now: float) -> None:
    sql.execute(
        "UPDATE entry SET state = 'unconfirmed', due_at = ?, certain_at = ?, target_gone = ?, reason = ?,"
        " attempts = attempts + 1, sends = MAX(sends, ?) WHERE id = ?",
        (
            it.due_at,
            it.certain_at,
            it.target_gone,
            stored_reason(reason(it.reason), by_text=it.by_text) if it.reason else entry.reason,
            MOST_SENDS if it.last_turn else 0,
            entry.id,
        ),
    )


def _await(sql: sqlite3.Connection, _destination: int, entry: Entry, it: Await, now: float) -> None:
    sql.execute(
        "UPDATE entry SET accepted_at = CASE state WHEN 'accepted' THEN accepted_at ELSE ? END,"
        " state = 'accepted', event_id = ?, due_at = ?, attempts = attempts + 1 WHERE id = ?",
        (now, it.event_id, it.due_at, entry.id),
    )


def _retarget(sql: sqlite3.Connection, destination: int, entry: Entry, it: Retarget, now: float) -> None:
    _write_receipt(sql, (destination, entry.sync_key), (it.memory_id,), it.content_hash, now)
    if _is_superseded(sql, destination, entry):
        _drop(sql, entry)
        return
    sql.execute(
        "UPDATE entry SET state = 'pending', due_at = ?, memory_id = ?, target_gone = 0 WHERE id = ?",
        (now, it.memory_id, entry.id),
    )


def _bury(sql: sqlite3.Connection, destination: int, entry: Entry, it: Bury, _now: float) -> None:
    if _is_superseded(sql, destination, entry):
        _drop(sql, entry)
        return
    sql.execute(
        "UPDATE entry SET state = 'dead', reason = ?, doubtful = ?, attempts = attempts + 1 WHERE id = ?",
        (reason(it.reason), it.doubtful, entry.id),
    )


def _deleted(sql: sqlite3.Connection, destination: int, entry: Entry, _it: Deleted, now: float) -> None:
    _drop(sql, entry)
    _write_receipt(sql, (destination, entry.sync_key), (entry.memory_id or "",), entry.content_hash, now)
    sql.execute(
        "UPDATE item SET tombstone = 'deleted in Mem0', tombstone_hash = ?, reason = 'deleted in Mem0'"
        " WHERE destination = ? AND sync_key = ?",
        (entry.content_hash, destination, entry.sync_key),
    )


def _heed_tombstone(sql: sqlite3.Connection, destination: int, sync_key: str, now: float) -> None:
    """Send no more of what was forgotten while it was under way; of what was erased no memory stays."""
    row = sql.execute("SELECT is_erased FROM forgotten WHERE name = ?", (sync_key,)).fetchone()
    if row is None:
        return
    sql.execute(
        "DELETE FROM entry WHERE destination = ? AND sync_key = ? AND state IN ('pending', 'dead')",
        (destination, sync_key),
    )
    sql.execute(
        "UPDATE item SET tombstone = 'forgotten', reason = 'forgotten'"
        " WHERE destination = ? AND sync_key = ?",
        (destination, sync_key),
    )
    if row["is_erased"]:
        owe_what_was_stored(sql, destination, sync_key, now)


_WRITE: dict[type[Settlement], Callable[..., None]] = {
    Receipt: _receipt,
    Requeue: _requeue,
    Doubt: _doubt,
    Await: _await,
    Retarget: _retarget,
    Bury: _bury,
    Deleted: _deleted,
}


def _drop(sql: sqlite3.Connection, entry: Entry) -> None:
    sql.execute("DELETE FROM entry WHERE id = ?", (entry.id,))


def _is_superseded(sql: sqlite3.Connection, destination: int, entry: Entry) -> bool:
    # An entry that died while this one was in flight is newer: it was rejected before it was ever sent.
    return (
        sql.execute(
            "SELECT 1 FROM entry WHERE destination = ? AND sync_key = ? AND state IN ('pending', 'dead')"
            " AND id <> ?",
            (destination, entry.sync_key, entry.id),
        ).fetchone()
        is not None
    )


def _write_receipt(
    sql: sqlite3.Connection,
    key: tuple[int, str],
    memory_ids: tuple[str, ...],
    content_hash: str,
    now: float,
    fingerprint: str = "",
) -> None:
    sql.execute(
        "INSERT OR REPLACE INTO receipt"
        " (destination, sync_key, memory_ids, content_hash, delivered_at, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*key, json.dumps(memory_ids), content_hash, now, fingerprint),
    )
