"""The outbox's SQLite file: opening it, its schema, its transactions."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mem0_syncd.errors import OutboxDamaged, OutboxTooNew, OutboxUnusable
from mem0_syncd.system import storage_faults
from mem0_syncd.system.state_folder import OUTBOX, StateFolder

QUICK_CHECK_BYTES = 64 * 1024 * 1024
"""Bytes of an outbox up to which it is checked as a whole at each start, in some tenths of a second."""


class Database:
    """One connection for all threads of a process; what a transaction committed survives a power cut."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path, *, migrate: bool) -> Database:
        """The outbox of a state folder, which must be there; only the lock's holder may migrate it.

        Raises `OutboxTooNew` for a newer schema, `OutboxUnusable` for an older one that isn't to be migrated,
        and `OutboxDamaged`; the file is left untouched.
        """
        path = StateFolder(folder).outbox
        if migrate:
            inspect(path)
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=10
        )
        connection.row_factory = sqlite3.Row
        database = cls(connection, path)
        database._refuse_newer()
        connection.execute("PRAGMA journal_mode = WAL")
        make_durable(connection)
        if migrate:
            bring_up_to_date(connection)
        else:
            database.refuse_older()
        connection.execute("PRAGMA foreign_keys = ON")
        return database

    @classmethod
    def open_to_read(cls, folder: Path) -> Database | None:
        """The outbox read-only, for any process; None if there is none yet."""
        path = StateFolder(folder).outbox
        if not path.exists() or path.stat().st_size == 0:
            return None
        database = cls._connect_to_read(path, "mode=ro")
        # Without a -wal file nothing is written meanwhile; where the folder can't be written either,
        # SQLite needs to be told.
        if database is None and not path.with_name(f"{OUTBOX}-wal").exists():
            database = cls._connect_to_read(path, "mode=ro&immutable=1")
        if database is None:
            raise OutboxUnusable(
                "the outbox can't be read",
                where=str(path),
                remedy="check its folder's permissions, and whether its disk is full",
            )
        if not database.version:
            database.close()
            return None
        database.refuse_older()
        return database

    @classmethod
    def _connect_to_read(cls, path: Path, how: str) -> Database | None:
        connection = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None, timeout=10)
        connection.row_factory = sqlite3.Row
        database = cls(connection, path)
        try:
            database._refuse_newer()
        except sqlite3.OperationalError:
            connection.close()
            return None
        return database

    @property
    def version(self) -> int:
        """The schema version of the file; 0 for an empty one."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block, durable at its end, or nothing of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Make all reads of the block see the outbox as it is at the first of them."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def written_by_others(self) -> int:
        """What changes with everything that another connection writes to the outbox."""
        with self._lock:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def refuse_older(self) -> None:
        """Raise `OutboxUnusable` for an outbox that only the lock's holder may migrate."""
        if self.version < _migrations()[-1][0]:
            self.close()
            raise OutboxUnusable(
                "the outbox is of an older version of mem0-syncd",
                where=str(self.path),
                remedy="restart the daemon, which brings it up to date",
            )

    def close(self) -> None:
        """Close the connection; SQLite folds the WAL into the file."""
        with self._lock:
            self._connection.close()

    def _refuse_newer(self) -> None:
        newest = _migrations()[-1][0]
        try:
            version = self.version
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self.close()
            raise damaged(self.path, error) from error
        if version > newest:
            self.close()
            raise _too_new(self.path, version)


def make_durable(connection: sqlite3.Connection) -> None:
    """Make transactions survive a power cut."""
    # FULL: an item must be durable before it is sent, a receipt before its entry is deleted.
    connection.execute("PRAGMA synchronous = FULL")
    # What is deleted leaves no text behind in the file: some of it was deleted because a person wanted that.
    connection.execute("PRAGMA secure_delete = ON")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync = ON")


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the schema, or migrate an older one: all of it or nothing."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    missing = [(number, script) for number, script in _migrations() if number > version]
    if not missing:
        return
    # All or none, so that nobody reads what is half new; executescript commits what is open, so the
    # script brings its own transaction.
    scripts = "\n".join(script for _, script in missing)
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{scripts}\nPRAGMA user_version = {missing[-1][0]};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def look_into(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, and leaves no files behind."""
    # Without a log, no process has it open.
    how = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?mode=ro{how}", uri=True, timeout=10)


def inspect(path: Path, *, thoroughly: bool = False) -> None:
    """Check a file without writing to it; raises `OutboxTooNew` and `OutboxDamaged`.

    Large ones are checked with their indices only if `thoroughly`, which can take minutes.
    """
    with closing(look_into(path)) as connection:
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if not version or not connection.execute(_HAS_FACTS).fetchone():
                raise damaged(path, "it isn't an outbox")
            if version > _migrations()[-1][0]:
                raise _too_new(path, version)
            if thoroughly or path.stat().st_size <= QUICK_CHECK_BYTES:
                check = "integrity_check" if thoroughly else "quick_check"
                (said,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
                if said != "ok":
                    raise damaged(path, said)
        except sqlite3.DatabaseError as error:
            if storage_faults.is_damage(error):
                raise damaged(path, error) from error
            raise


_HAS_FACTS = "SELECT 1 FROM sqlite_master WHERE name = 'fact'"


def damaged(path: Path, why: object) -> OutboxDamaged:
    """The error that says why an outbox can't be used."""
    return OutboxDamaged(
        f"the outbox is damaged: {why}",
        where=str(path),
        remedy=storage_faults.REMEDY_OF_DAMAGE,
    )


def _too_new(path: Path, version: int) -> OutboxTooNew:
    return OutboxTooNew(
        f"the outbox has schema {version}; this version of mem0-syncd knows {_migrations()[-1][0]}",
        where=str(path),
        remedy="upgrade mem0-syncd; nothing was changed",
    )


def _migrations() -> list[tuple[int, str]]:
    scripts = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
    return [(int(script.name[:4]), script.read_text(encoding="utf-8")) for script in scripts]
