"""An outbox of every schema that there ever was, as SQL; `make old-outboxes` writes what is lacking."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from mem0_syncd.outbox.database import _migrations

FOLDER = Path(__file__).parents[1] / "corpora" / "outboxes"

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
"""What the first schema's outbox knows, and every later one that it became."""


def fixture(number: int) -> Path:
    """The file of one schema's outbox."""
    return FOLDER / f"{number:04}.sql"


def write_missing() -> None:
    """Write the outbox of each schema that has none yet, as the migrations make it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for number, script in _migrations():
            connection.executescript(script)
            if number == 1:
                connection.executescript(ROWS)
            if not fixture(number).exists():
                dump = "\n".join(connection.iterdump())
                fixture(number).write_text(f"{dump}\nPRAGMA user_version = {number};\n", encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write_missing()
