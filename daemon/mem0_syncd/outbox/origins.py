"""Origins: the repository of each project, those of the memories under its id, and what stops it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.core.foreign_memories import Stated, Whose, are_strangers
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import project_of, user_id
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import restate

IS_STOPPED = """
    EXISTS (SELECT 1 FROM stopped JOIN item USING (destination, project)
        WHERE stopped.destination = entry.destination AND item.sync_key = entry.sync_key)
"""
"""For an entry: whether its project is stopped by another repository's memories under its id."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The result of the last look for a project's origin, also `UNKNOWN`; `looked_at` is since the epoch.

    `seen` are the files that would change with it, and `looks` is how many looks there have been.
    """

    origin: str
    id_is_asked: bool
    seen: str
    looked_at: float
    looks: int = 1


@dataclass(frozen=True, slots=True)
class Stranger:
    """Memories of another repository under a project's id: their origin, their number, and their time."""

    project: str
    destination: int
    user_id: str
    stated: Stated


class Origins:
    """The origins of all projects."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def looked(self, project: str) -> Looked | None:
        """What is known about a project's repository; None if it was never looked for."""
        row = self._db.row("SELECT * FROM origin WHERE project = ?", (project,))
        if row is None:
            return None
        return Looked(row["origin"], bool(row["id_is_asked"]), row["seen"], row["looked_at"], row["looks"])

    def write(self, project: str, looked: Looked) -> None:
        """Store the result of a look for a project's origin.

        What was delivered under another origin until now belongs to another repository from now on.
        """
        with self._db.transaction() as sql:
            before = _whose(sql, project)
            if before.origin not in ("", looked.origin):
                _state_what_was_delivered(sql, project, before.origin)
            sql.execute(
                "INSERT OR REPLACE INTO origin VALUES (?, ?, ?, ?, ?, ?)",
                (
                    project,
                    looked.origin,
                    looked.id_is_asked,
                    looked.seen,
                    looked.looked_at,
                    looked.looks,
                ),
            )
            _judge(sql, project)

    def state(self, destination: int, user_id: str, stated: Iterable[Stated]) -> None:
        """Store the origins that a look at a user id has shown."""
        with self._db.transaction() as sql:
            write_stated(sql, destination, user_id, stated)

    def count_as_same(self, project: str, origins: Iterable[str]) -> None:
        """Make other origins count as a project's own, at every destination."""
        with self._db.transaction() as sql:
            sql.executemany(
                "INSERT OR IGNORE INTO same_origin VALUES (?, ?)", ((project, it) for it in origins)
            )
            _judge(sql, project)

    def own(self, project: str) -> frozenset[str]:
        """The origins that count as a project's own."""
        with self._db.transaction() as sql:
            whose = _whose(sql, project)
        return whose.same | ({whose.origin} if whose.origin else set())

    def strangers(self, project: str | None = None) -> list[Stranger]:
        """The memories for which projects are stopped, all of them or one, most first."""
        with self._db.transaction() as sql:
            rows = sql.execute(
                "SELECT * FROM stopped WHERE ? IS NULL OR project = ? ORDER BY project, destination",
                (project, project),
            ).fetchall()
            found = [it for row in rows for it in _strangers(sql, row["project"], row["destination"])]
        return sorted(found, key=lambda it: (it.project, it.destination, -it.stated.count))

    def take_back(self, project: str, sources: Iterable[str]) -> int:
        """Withdraw what waits of a stopped project and is in its files, as if it had never been read.

        Returns how many items that were; `sources` are the names of those that are files.
        """
        with self._db.transaction() as sql:
            rows = sql.execute(_WAITS_IN_VAIN, (project, json.dumps(list(sources)))).fetchall()
            for row in rows:
                of_item = (row["destination"], row["sync_key"])
                sql.execute("DELETE FROM entry WHERE id = ?", (row["id"],))
                if sql.execute(_IS_KNOWN_OTHERWISE, of_item * 2).fetchone():
                    restate(sql, *of_item)
                    continue
                sql.execute("DELETE FROM identity WHERE destination = ? AND sync_key = ?", of_item)
                sql.execute("DELETE FROM item WHERE destination = ? AND sync_key = ?", of_item)
        return len(rows)

    def holds_up(self, project: str) -> bool:
        """Whether anything of a stopped project waits."""
        return bool(self._db.row(f"SELECT 1 FROM ({_WAITING}) WHERE project = ?", (project,)))  # noqa: S608


def write_stated(sql: sqlite3.Connection, destination: int, user_id: str, stated: Iterable[Stated]) -> None:
    """Store the origins that a look at a user id has shown, within the caller's transaction.

    The look may have shown only a part of them.
    """
    project = project_of(user_id)
    if project is None:  # all projects share the global scope
        return
    sql.executemany(
        "INSERT INTO stated_origin VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " n = MAX(n, excluded.n), newest = MAX(newest, excluded.newest)",
        ((destination, user_id, it.origin, it.count, it.newest) for it in stated),
    )
    _judge(sql, project)


def _state_what_was_delivered(sql: sqlite3.Connection, project: str, origin: str) -> None:
    rows = sql.execute(
        "SELECT destination, kind, COUNT(*) AS n FROM receipt JOIN item USING (destination, sync_key)"
        " WHERE project = ? GROUP BY destination, kind",
        (project,),
    ).fetchall()
    for row in rows:
        name = user_id(Kind(row["kind"]), project)
        write_stated(sql, row["destination"], name, [Stated(origin, row["n"], "")])


def _judge(sql: sqlite3.Connection, project: str) -> None:
    """Update what is stopped from what is known about a project."""
    sql.execute("DELETE FROM stopped WHERE project = ?", (project,))
    for row in sql.execute("SELECT id FROM destination").fetchall():
        if _strangers(sql, project, row["id"]):
            sql.execute("INSERT INTO stopped VALUES (?, ?)", (row["id"], project))


def _strangers(sql: sqlite3.Connection, project: str, destination: int) -> list[Stranger]:
    whose, found = _whose(sql, project), []
    for kind in Kind:
        name = user_id(kind, project)
        if project_of(name) != project:
            continue
        rows = sql.execute(
            "SELECT * FROM stated_origin WHERE destination = ? AND user_id = ?", (destination, name)
        ).fetchall()
        if not rows:
            continue
        has_delivered = bool(sql.execute(_HAS_DELIVERED, (destination, project, kind)).fetchone())
        found += [
            Stranger(project, destination, name, Stated(row["origin"], row["n"], row["newest"]))
            for row in rows
            if are_strangers(row["origin"], whose, has_delivered=has_delivered)
        ]
    return found


def _whose(sql: sqlite3.Connection, project: str) -> Whose:
    row = sql.execute("SELECT origin, id_is_asked FROM origin WHERE project = ?", (project,)).fetchone()
    if row is None:
        return Whose()
    same = sql.execute("SELECT origin FROM same_origin WHERE project = ?", (project,)).fetchall()
    return Whose(row["origin"], frozenset(it["origin"] for it in same), bool(row["id_is_asked"]))


_WAITING = """
SELECT entry.id, destination, sync_key, project, source
    FROM entry JOIN item USING (destination, sync_key) JOIN stopped USING (destination, project)
    WHERE state = 'pending'
"""
# What may be stored already is looked up, whether its project is stopped or not.
_WAITS_IN_VAIN = f"""
SELECT * FROM ({_WAITING} AND sends = 0)
    WHERE project = ? AND source IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - a constant of this module
_IS_KNOWN_OTHERWISE = """
SELECT 1 FROM receipt WHERE destination = ? AND sync_key = ?
UNION ALL SELECT 1 FROM entry WHERE destination = ? AND sync_key = ?
"""
# What a damaged outbox had delivered is no longer known.
_HAS_DELIVERED = """
SELECT 1 FROM item JOIN receipt USING (destination, sync_key)
    WHERE destination = ? AND project = ? AND kind = ?
UNION ALL SELECT 1 FROM fact WHERE name = 'renewed_at'
"""
