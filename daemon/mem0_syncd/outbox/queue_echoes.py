"""Echoes: queue lines that repeat a record, and the records that take over from them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from mem0_syncd.core.item import QUEUE, Item
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import IN_FLIGHT
from mem0_syncd.outbox.rekeying import follow_key

_IS_OPEN = f"""
SELECT 1 FROM entry WHERE destination = :destination AND sync_key = :key AND state IN {IN_FLIGHT}
UNION ALL SELECT 1 FROM second_look WHERE destination = :destination AND sync_key = :key
"""  # noqa: S608 - a constant of this project


class QueueEchoes:
    """The fingerprints that records and queue lines share."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def known(self, project: str) -> set[str]:
        """The fingerprints of all records that a project ever had: a revised one keeps its old echo."""
        return {row["echo"] for row in self._db.rows("SELECT echo FROM echo WHERE project = ?", (project,))}

    def add(self, project: str, echoes: Iterable[str]) -> None:
        """Store the fingerprints of records."""
        with self._db.transaction() as sql:
            sql.executemany("INSERT OR IGNORE INTO echo VALUES (?, ?)", ((project, echo) for echo in echoes))

    def take_over(self, destination: int, project: str, echoes: Mapping[str, Item]) -> set[str]:
        """Let records take over from the queue lines that were read before them, with all that is known.

        Returns the echoes that must wait, because the outcome of their line isn't known yet.
        """
        rows = self._db.rows(
            "SELECT sync_key, kind, echo FROM item INDEXED BY item_by_echo"
            " WHERE destination = ? AND project = ? AND source = ?"
            " AND echo IS NOT NULL AND echo IN (SELECT value FROM json_each(?))",
            (destination, project, QUEUE, json.dumps(list(echoes))),
        )
        waiting = set()
        with self._db.transaction() as sql:
            for line in (row for row in rows if row["kind"] == echoes[row["echo"]].kind):
                heir = echoes[line["echo"]]
                if sql.execute(_IS_OPEN, {"destination": destination, "key": line["sync_key"]}).fetchone():
                    waiting.add(line["echo"])
                    continue
                _delete(sql, destination, line["sync_key"], ("entry",))
                for table in ("receipt", "item"):
                    sql.execute(
                        f"UPDATE OR IGNORE {table} SET sync_key = ?"  # noqa: S608 - one of two names
                        " WHERE destination = ? AND sync_key = ?",
                        (heir.sync_key, destination, line["sync_key"]),
                    )
                _delete(sql, destination, line["sync_key"], ("receipt", "item"))
                follow_key(sql, destination, line["sync_key"], heir.sync_key)
                sql.execute(
                    "UPDATE item SET source = ?, source_id = ? WHERE destination = ? AND sync_key = ?",
                    (heir.source, heir.source_id, destination, heir.sync_key),
                )
        return waiting


def _delete(sql: sqlite3.Connection, destination: int, sync_key: str, tables: Iterable[str]) -> None:
    for table in tables:
        sql.execute(
            f"DELETE FROM {table} WHERE destination = ? AND sync_key = ?",  # noqa: S608 - one of our tables
            (destination, sync_key),
        )
