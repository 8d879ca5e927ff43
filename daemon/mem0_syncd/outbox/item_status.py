"""What an item counts as, which follows from its entries, its tombstone and its receipt."""

from __future__ import annotations

import sqlite3

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
"""An item's status follows from its newest entry, else its tombstone, else its receipt."""


def restate(sql: sqlite3.Connection, destination: int, sync_key: str) -> None:
    """Update an item's status from its entries, tombstone and receipt."""
    sql.execute(RESTATE, (destination, sync_key))
