"""Checks a running daemon's outbox on the disk: SQLite itself goes on with what it has read once."""

from __future__ import annotations

from mem0_syncd.errors import OutboxDamaged
from mem0_syncd.outbox.database import Database, damaged, inspect
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import Moment

SHARE = 0.01
"""Share of the time that may go into reading again what was written."""


class Integrity:
    """Checks the outbox's files, for one thread at a time."""

    def __init__(self, database: Database, monotonic: Moment) -> None:
        """The files must be whole, and in place, now; `monotonic` is a clock that is never set."""
        self._path = database.path
        self._files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        self._monotonic = monotonic
        self._identities, self._inspected = self._look()
        self._not_before = 0.0

    def check(self) -> None:
        """Read what was written; raises `OutboxDamaged` for files that are gone, replaced or broken."""
        identities, written = self._look()
        if identities != self._identities:
            raise damaged(self._path, "it is gone, or another file is in its place")
        begun = self._monotonic()
        if written == self._inspected or begun < self._not_before:
            return
        inspect(self._path)
        self._inspected = written
        self._not_before = begun + (self._monotonic() - begun) / SHARE

    def confirm(self, error: Exception) -> None:
        """Raise `OutboxDamaged` if it is what an error suggests; a failing disk can cause the same error.

        It must still be open: otherwise SQLite would take the rest of a truncated log for the whole.
        """
        if storage_faults.is_damage(error) and not isinstance(error, OutboxDamaged):
            inspect(self._path, thoroughly=True)

    def _look(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Which files they are, and what changes when they are written to."""
        identities, written = [], []
        for file in self._files:
            try:
                found = file.stat()
            except FileNotFoundError:
                continue
            identities.append((found.st_dev, found.st_ino))
            written.append((found.st_size, found.st_mtime_ns))
        return identities, written
