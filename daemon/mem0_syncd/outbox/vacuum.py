"""Keeps the outbox small: deletes what is never read again, and gives free pages back."""

from __future__ import annotations

from mem0_syncd.outbox.database import Database

ROWS = 500
PAGES = 256
"""Pages at a time: meanwhile nothing else can be written to the outbox."""

SPARE_PAGES = 1024
"""Free pages that are kept for new entries, 4 MiB of them."""

_NO_TRACES = "no traces"
"""The fact that everything which was deleted is overwritten."""

_ADOPTED = """
DELETE FROM adoptable WHERE (destination, sync_key) IN (
    SELECT destination, sync_key FROM adoptable JOIN receipt USING (destination, sync_key) LIMIT ?)
"""
"""A receipt names its memory, so what a listing once found for that key isn't needed any more."""


class Vacuum:
    """Runs now and then. An entry is deleted when its receipt is written, so sent texts aren't kept."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def run(self) -> int:
        """Compact in small transactions; returns how many bytes were given back."""
        while self._forget_adopted() == ROWS:
            pass
        before = self._pragma("page_count")
        while (spare := self._pragma("freelist_count") - SPARE_PAGES) > 0:
            left = self._pragma("page_count")
            self._db.rows(f"PRAGMA incremental_vacuum({min(spare, PAGES)})")
            if self._pragma("page_count") == left:  # an outbox from before there was compaction
                break
        # The log is as long as the longest backlog made it.
        self._db.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return (before - self._pragma("page_count")) * self._pragma("page_size")

    def leave_no_trace(self) -> None:
        """Have nothing left on the disk of what is deleted: in the file, nor in its write-ahead log."""
        # What an earlier version has deleted may still be legible in pages that are free.
        if self._db.row("SELECT 1 FROM fact WHERE name = ?", (_NO_TRACES,)) is None:
            self._db.rows("VACUUM")
            with self._db.transaction() as sql:
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, 'yes')", (_NO_TRACES,))
        self._db.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _forget_adopted(self) -> int:
        with self._db.transaction() as sql:
            return sql.execute(_ADOPTED, (ROWS,)).rowcount

    def _pragma(self, name: str) -> int:
        row = self._db.row(f"PRAGMA {name}")
        return int(row[0]) if row else 0
