"""Migrations: an older outbox is brought up to date as a whole, or stays as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from mem0_syncd.errors import OutboxUnusable
from mem0_syncd.outbox import Outbox, ProjectRow, database
from mem0_syncd.outbox.database import FILE_NAME

FIRST = (resources.files("mem0_syncd.outbox") / "migrations" / "0001_first.sql").read_text()

ROWS = """
INSERT INTO destination (id, name, address) VALUES (1, 'platform', 'https://mem0.example.org');
INSERT INTO fact VALUES ('destination', '1');
INSERT INTO project VALUES ('shop', '/home/me/shop', 'command');
INSERT INTO foreign_mark VALUES ('shop', 'DEC-7');
INSERT INTO contact VALUES (1, 'shop-decisions', 5.0);
INSERT INTO item (destination, sync_key, project, kind, source, source_id, status, seen_at)
    VALUES (1, 'k1', 'shop', 'decision', 'decision-log', 'DEC-1', 'delivered', 1.0),
        (1, 'k2', 'shop', 'decision', 'decision-log', 'DEC-2', 'pending', 1.0);
INSERT INTO receipt VALUES (1, 'k1', '["m-1"]', 'h1', 2.0);
INSERT INTO entry (destination, sync_key, state, user_id, frozen, content_hash, created_at)
    VALUES (1, 'k2', 'sending', 'shop-decisions', '{}', 'h2', 1.0);
"""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A state folder with an outbox of the first schema."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.executescript(f"{FIRST}\n{ROWS}\nPRAGMA user_version = 1;")
    return tmp_path


def test_what_an_outbox_of_the_first_schema_knows_is_kept(first: Path) -> None:
    """Projects, marks, receipts, and what is on its way."""
    with closing(Outbox.open(first)) as outbox:
        registry = outbox.registry
        assert registry.projects() == [ProjectRow("shop", Path("/home/me/shop"))]
        assert registry.foreign_marks("shop") == {"DEC-7"}
        assert registry.destination_of("shop") == registry.destination()
        known = outbox.ledger.known(1, ["k1", "k2"])
        assert (known["k1"].delivered, known["k2"].in_flight) == ("h1", "h2")
        assert outbox.queue.doubt_what_was_sending(1, 9.0, 99.0) == 1
        assert outbox.looks.uncontacted(1) == []


def test_a_migration_that_fails_changes_nothing(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what the ones before it did, so that nobody ever reads what is half new."""
    broken = [*database._migrations(), (99, "CREATE TABLE another (x); SELECT nonsense FROM nowhere;")]
    with monkeypatch.context() as patch:
        patch.setattr(database, "_migrations", lambda: broken)
        with pytest.raises(sqlite3.Error):
            Outbox.open(first)
    with closing(sqlite3.connect(first / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT id FROM project").fetchall() == [("shop",)]
    with closing(Outbox.open(first)) as outbox:
        assert outbox.registry.projects()


def test_a_reader_of_an_older_outbox_is_told_so(first: Path) -> None:
    """And leaves it as it is, for the lock's holder alone brings it up to date."""
    with pytest.raises(OutboxUnusable, match="older version"):
        Outbox.open_to_read(first)
    with pytest.raises(OutboxUnusable, match="older version"):
        Outbox.open(first, migrate=False)
    with closing(sqlite3.connect(first / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
