"""Whether a running daemon's outbox is whole on the disk: SQLite goes on with what it has once read."""

from __future__ import annotations

from mem0_syncd.errors import OutboxDamaged
from mem0_syncd.outbox.database import Database, damaged, inspect
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import Moment

SHARE = 0.01
"""How much of the time may go into reading again what was written."""


class Integrity:
    """Looks at the outbox's files, for one thread at a time."""

    def __init__(self, database: Database, monotonic: Moment) -> None:
        """The files are whole, and in their places, by now; `monotonic` is a clock that is never set."""
        self._path = database.path
        self._files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        self._monotonic = monotonic
        self._identities, self._inspected = self._look()
        self._not_before = 0.0

    def check(self) -> None:
        """Raise `OutboxDamaged` for files that are gone, replaced or broken; what was written to is read."""
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
        """Raise `OutboxDamaged` if it is what an error makes it seem; a failing disk makes it seem so, too.

        It must still be open: of a log that is cut short SQLite would else take the rest for the whole.
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
