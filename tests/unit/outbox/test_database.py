"""Migrations: an older outbox is brought up to date as a whole, or stays as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.errors import OutboxUnusable
from mem0_syncd.outbox import Outbox, ProjectRow, database
from mem0_syncd.system.state_folder import OUTBOX
from support.old_outboxes import fixture

SCHEMAS = [number for number, _ in database._migrations()]


def outbox_of(schema: int, folder: Path) -> Path:
    """A state folder with an outbox as a version with that schema left it."""
    with closing(sqlite3.connect(folder / OUTBOX)) as connection:
        connection.executescript(fixture(schema).read_text(encoding="utf-8"))
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A state folder with an outbox of the first schema."""
    return outbox_of(1, tmp_path)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_an_outbox_of_any_schema_knows_is_kept(schema: int, tmp_path: Path) -> None:
    """Projects, marks, receipts, and what is on its way; `make old-outboxes` writes the next one."""
    with closing(Outbox.open(outbox_of(schema, tmp_path))) as outbox:
        assert outbox.database.version == SCHEMAS[-1]
        assert outbox.projects.all() == [ProjectRow("shop", Path("/home/me/shop"))]
        assert outbox.marks.foreign("shop") == {"DEC-7"}
        assert outbox.destinations.of("shop") == outbox.destinations.get()
        known = outbox.items.known(1, ["k1", "k2"])
        assert (known["k1"].delivered, known["k2"].in_flight) == ("h1", "h2")
        assert outbox.interrupted_sends.doubt(1, 9.0, 99.0) == 1
        assert outbox.first_contacts.uncontacted(1) == []


def test_a_migration_that_fails_changes_nothing(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what the ones before it did, so that nobody ever reads what is half new."""
    broken = [*database._migrations(), (99, "CREATE TABLE another (x); SELECT nonsense FROM nowhere;")]
    with monkeypatch.context() as patch:
        patch.setattr(database, "_migrations", lambda: broken)
        with pytest.raises(sqlite3.Error):
            Outbox.open(first)
    with closing(sqlite3.connect(first / OUTBOX)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT id FROM project").fetchall() == [("shop",)]
    with closing(Outbox.open(first)) as outbox:
        assert outbox.projects.all()


def test_a_reader_of_an_older_outbox_is_told_so(first: Path) -> None:
    """And leaves it as it is, for the lock's holder alone brings it up to date."""
    with pytest.raises(OutboxUnusable, match="older version"):
        Outbox.open_to_read(first)
    with pytest.raises(OutboxUnusable, match="older version"):
        Outbox.open(first, migrate=False)
    with closing(sqlite3.connect(first / OUTBOX)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
