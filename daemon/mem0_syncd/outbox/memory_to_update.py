"""The memory that an item has already when it is first sent: its receipt's, or one that a listing showed."""

from __future__ import annotations

import json
import sqlite3

from mem0_syncd.core.entry import Entry
from mem0_syncd.core.outcome import RedactedThere
from mem0_syncd.outbox.rekeying import leave_over


def memory_there(sql: sqlite3.Connection, row: sqlite3.Row, sync_key: str) -> str | None:
    """The memory to update, within the caller's transaction; None if there is none yet.

    Memories under former keys of the item get the hashes of that one, and are then doubles.
    """
    if row["receipt_ids"]:
        return str(json.loads(row["receipt_ids"])[0])
    memory_id: str | None = row["adoptable_id"]
    # What was found by what it says may be the memory of an item that is known already.
    is_by_text = memory_id is not None and row["adoptable_hash"] == ""
    if is_by_text and sql.execute(_IS_NAMED, (json.dumps([memory_id]),)).fetchone():
        memory_id = None
    rows = sql.execute(_FORMER, (row["destination"], sync_key))
    former = list(dict.fromkeys(str(it["memory_id"]) for it in rows if it["memory_id"] != memory_id))
    for number in former[0 if memory_id else 1 :]:
        leave_over(sql, row["destination"], number, sync_key)
    return memory_id or next(iter(former), None)


def is_of_another(sql: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Whether the memory that an update goes to may be from another machine, as far as is known."""
    if row["receipt_ids"] is None:
        return True
    # A look-up that found other content left a receipt of that, without a fingerprint.
    is_found = row["memory_id"] is not None and not row["receipt_fingerprint"]
    name = _REDACTED_THERE.format(row["destination"], row["sync_key"])
    return is_found or sql.execute("SELECT 1 FROM fact WHERE name = ?", (name,)).fetchone() is not None


def note_redacted_there(
    sql: sqlite3.Connection, destination: int, entry: Entry, there: RedactedThere | None
) -> None:
    """Note from which machine the memory of an item is, within the transaction that writes its receipt.

    `there` is what another machine has redacted better.
    """
    name = _REDACTED_THERE.format(destination, entry.sync_key)
    if there is None:
        sql.execute("DELETE FROM fact WHERE name = ?", (name,))
        return
    sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, there.content_hash))


_REDACTED_THERE = "redacted there:{}:{}"
"""The fact that another machine has redacted an item's memory better, by the item's key."""

_IS_NAMED = "SELECT 1 FROM receipt WHERE memory_ids = ?"

_FORMER = """
SELECT memory_id FROM identity JOIN adoptable USING (destination, local)
WHERE identity.destination = ? AND identity.sync_key = ? AND is_former ORDER BY memory_id
"""
