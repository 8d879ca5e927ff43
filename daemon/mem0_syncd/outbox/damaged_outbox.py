"""A new outbox in place of a damaged one, with what can be rescued; it is complete from the first moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mem0_syncd.errors import Problem
from mem0_syncd.outbox.database import (
    Database,
    bring_up_to_date,
    look_into,
    make_durable,
)
from mem0_syncd.system import paths, storage_faults
from mem0_syncd.system.state_folder import OUTBOX, StateFolder

RENEWED_AT = "renewed_at"
"""The fact with the moment when the outbox replaced a damaged one."""

_RESCUED = "rescued"
_LOGS = ("-wal", "-shm")

# Receipts aren't among it: the first contact finds what Mem0 holds, and is never out of date. So what is on
# its way counts as never sent; of two revisions of an item the waiting one is the newer.
_WORTH = (
    ("destination", "*", "TRUE", ""),
    ("fact", "*", "name IN ('destination', 'paused', 'local_secret') OR name LIKE 'second_writer:%'", ""),
    ("project", "*", "TRUE", "watched folders"),
    ("identity", "*", "TRUE", ""),
    ("origin", "*", "TRUE", ""),
    ("same_origin", "*", "TRUE", ""),
    ("stated_origin", "*", "TRUE", ""),
    ("stopped", "*", "TRUE", ""),
    ("consent", "*", "TRUE", ""),
    ("forgotten", "*", "TRUE", ""),
    ("owed_deletion", "*", "TRUE", ""),
    ("kept", "*", "TRUE", ""),
    ("taken_event", "*", "TRUE", ""),
    ("item", "*", "tombstone IS NOT NULL", "dropped, forgotten or deleted items"),
    ("item", "*", "status IN ('dead', 'pending', 'unconfirmed', 'accepted')", ""),
    ("entry", "*", "state = 'dead'", "dead letters"),
    (
        "entry",
        "destination, sync_key, 'pending' AS state, user_id, frozen, content_hash, major, created_at",
        "state <> 'dead' ORDER BY state <> 'pending', id",
        "entries on their way",
    ),
)
_TIDY = """
UPDATE item SET status = 'pending' WHERE status IN ('unconfirmed', 'accepted');
UPDATE project SET is_scanned = 0;
INSERT OR IGNORE INTO forgotten (name, project, forgotten_at)
    SELECT sync_key, project, seen_at FROM item WHERE tombstone = 'forgotten';
-- What refers to something that couldn't be read is of no use.
DELETE FROM item WHERE destination NOT IN (SELECT id FROM destination);
DELETE FROM entry WHERE (destination, sync_key) NOT IN (SELECT destination, sync_key FROM item)
    OR state = 'pending' AND (destination, sync_key) IN
        (SELECT destination, sync_key FROM item WHERE status <> 'pending');
DELETE FROM item WHERE status = 'pending'
    AND (destination, sync_key) NOT IN (SELECT destination, sync_key FROM entry);
UPDATE item SET has_old_hashes = 1 WHERE redacted <> ''
    AND (destination, sync_key) NOT IN (SELECT destination, sync_key FROM identity);
INSERT INTO contact (destination, user_id)
    SELECT DISTINCT destination, user_id FROM entry WHERE state = 'pending'
"""


def set_aside(folder: Path, why: object, now: float) -> None:
    """Keep a damaged outbox under a name with the moment `now` of its discovery; for the lock's holder."""
    when = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = folder / f"{OUTBOX}.damaged-{when}"
    _log().error("outbox_set_aside", why=str(why), kept=str(aside))
    try:
        StateFolder(folder).outbox.rename(aside)
    except FileNotFoundError:
        # A deleted outbox is to be reported, too.
        paths.make_private(folder)
        aside.touch(mode=0o600)
    _set_logs_aside(folder, aside)


def make(folder: Path, now: float) -> None:
    """Make a state folder's outbox at the moment `now`, for the holder of its lock; there must be none."""
    aside = _newest_aside(folder)
    # SQLite would take a write-ahead log without its outbox for the new one's.
    _set_logs_aside(folder, aside or folder / f"{OUTBOX}.lost")
    new = folder / f"{OUTBOX}.new"
    for leftover in folder.glob(f"{new.name}*"):
        leftover.unlink()
    new.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            # Free pages can be given back later, a few at a time; SQLite allows that only if a new file is
            # set up for it.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            make_durable(connection)
            bring_up_to_date(connection)
            if aside is not None:
                _rescue(connection, aside, now)
        new.rename(StateFolder(folder).outbox)
    finally:
        new.unlink(missing_ok=True)
    paths.sync_folder(folder)


def problems(database: Database) -> list[Problem]:
    """The problems of damaged outboxes that are still kept."""
    aside = _newest_aside(database.path.parent)
    if aside is None:
        return []
    row = database.row("SELECT value FROM fact WHERE name = ?", (_RESCUED,))
    rescued = row["value"] if row else "nothing was taken over"
    return [
        Problem(
            f"the outbox was damaged; a new one is made from the sources and from what Mem0 has; {rescued}",
            str(aside),
            "mem0-syncd project list, dead list: if nothing is missing, delete that file",
        )
    ]


def _newest_aside(folder: Path) -> Path | None:
    found = (it for it in folder.glob(f"{OUTBOX}.damaged-*") if not it.name.endswith(_LOGS))
    return max(found, default=None)


def _set_logs_aside(folder: Path, aside: Path) -> None:
    for suffix in _LOGS:
        file = folder / f"{OUTBOX}{suffix}"
        if file.exists():
            file.rename(f"{aside}{suffix}")


def _rescue(new: sqlite3.Connection, aside: Path, now: float) -> None:
    """Copy what the sources and Mem0 can't tell, as far as it can still be read."""
    said, lost = [], []
    with closing(look_into(aside)) as old:
        old.execute("PRAGMA writable_schema = ON")  # a truncated one is read as far as it goes
        new.execute("BEGIN")
        for table, columns, condition, name in _WORTH:
            count, is_whole = _copy(old, new, table, columns, condition)
            if name and count:
                said.append(f"{count} {name}")
            if name and not is_whole:
                lost.append(name)
    for statement in _TIDY.split(";"):
        new.execute(statement)
    rescued = f"taken over: {', '.join(said) or 'nothing'}"
    rescued += f"; perhaps not all: {', '.join(lost)}" if lost else ""
    facts = ((RENEWED_AT, str(now)), (_RESCUED, rescued))
    new.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts)
    new.execute("COMMIT")
    _log().warning("outbox_recreated", rescued=rescued)


def _copy(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str, columns: str, condition: str
) -> tuple[int, bool]:
    """How many rows could be copied, and whether that is all of them."""
    count = 0
    try:
        cursor = old.execute(f"SELECT {columns} FROM {table} WHERE {condition}")  # noqa: S608 - constants
        known = {row[1] for row in new.execute(f"PRAGMA table_info({table})")}
        found = [name for name, *_ in cursor.description]
        kept = [number for number, name in enumerate(found) if name in known]
        names, places = ", ".join(found[number] for number in kept), ", ".join("?" for _ in kept)
        # A new outbox has generated facts of its own, and hashes are made with one of them.
        instead = "REPLACE" if table == "fact" else "IGNORE"
        for row in cursor:
            written = new.execute(
                f"INSERT OR {instead} INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - names that `new` has
                [row[number] for number in kept],
            )
            count += written.rowcount
    except sqlite3.DatabaseError as error:
        if not storage_faults.is_damage(error) and not isinstance(error, sqlite3.OperationalError):
            raise
        return count, False
    return count, True


def _log() -> Any:
    import structlog  # late: `status` asks this module for its problems, and mustn't take as long

    return structlog.get_logger("outbox")
