"""What the receipts claim, for the comparison with Mem0."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mem0_syncd.core.delivered import Delivered
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.origins import Origins

Scope = list[tuple[str, Kind]]
"""The projects and kinds that go to one user id."""


@dataclass(frozen=True, slots=True)
class Move:
    """An item, the memories that its receipt names, and the one where it is."""

    sync_key: str
    memory_ids: tuple[str, ...]
    memory_id: str


_COMPARABLE = (
    "FROM receipt JOIN item USING (destination, sync_key)"
    " WHERE destination = ? AND project = ? AND kind = ?"
    " AND (status = 'delivered' OR status = 'withheld' AND tombstone = 'deleted in Mem0')"
)


class Receipts:
    """The receipts of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def scopes(self, destination: int, project: str | None = None) -> dict[str, Scope]:
        """Each user id of a destination that any entry was ever for, of all projects or of one."""
        rows = self._db.rows(
            "SELECT DISTINCT project, kind FROM tally WHERE destination = ? AND (? IS NULL OR project = ?)",
            (destination, project, project),
        )
        contacts = self._db.rows("SELECT user_id FROM contact WHERE destination = ?", (destination,))
        scopes: dict[str, Scope] = {row["user_id"]: [] for row in contacts}
        for row in rows:
            kind = Kind(row["kind"])
            if (name := user_id(kind, row["project"])) in scopes:
                scopes[name].append((row["project"], kind))
        return {name: scope for name, scope in scopes.items() if scope}

    def delivered(self, destination: int, project: str, kind: Kind) -> list[Delivered]:
        """The items that count as delivered, and those that a person deleted in Mem0."""
        rows = self._db.rows(f"SELECT * {_COMPARABLE}", (destination, project, kind))
        # A best practice of several projects belongs to the one that said it first, anywhere.
        is_shared = kind is Kind.BEST_PRACTICE
        origins = frozenset() if is_shared else Origins(self._db).own(project)
        return [
            Delivered(
                sync_key=row["sync_key"],
                project=row["project"],
                kind=row["kind"],
                source_id=row["source_id"],
                memory_ids=tuple(json.loads(row["memory_ids"])),
                content_hash=row["content_hash"],
                fingerprint=row["fingerprint"],
                delivered_at=row["delivered_at"],
                origins=origins,
            )
            for row in rows
        ]

    def count(self, destination: int, project: str, kind: Kind) -> int:
        """How many items `delivered` yields."""
        row = self._db.row(f"SELECT COUNT(*) AS n {_COMPARABLE}", (destination, project, kind))
        return int(row["n"]) if row else 0

    def keys(self, destination: int, project: str, kind: Kind) -> set[str]:
        """The keys of all items that ever existed, whatever they count as."""
        rows = self._db.rows(
            "SELECT sync_key FROM item WHERE destination = ? AND project = ? AND kind = ?",
            (destination, project, kind),
        )
        return {row["sync_key"] for row in rows}

    def names(self, destination: int, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The project, the kind and the source's own id of items, by key."""
        rows = self._db.rows(
            "SELECT sync_key, project, kind, source_id AS id FROM item"
            " WHERE destination = ? AND sync_key IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(list(keys))),
        )
        return {row["sync_key"]: {name: row[name] for name in ("project", "kind", "id")} for row in rows}

    def among_delivered(self, destination: int, keys: Iterable[str]) -> set[str]:
        """Those of some items that count as delivered."""
        rows = self._db.rows(
            "SELECT sync_key FROM item WHERE destination = ? AND status = 'delivered'"
            " AND sync_key IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(list(keys))),
        )
        return {row["sync_key"] for row in rows}

    def move(self, destination: int, moves: Iterable[Move]) -> None:
        """Have receipts name the memories where their items are now, unless they changed meanwhile."""
        with self._db.transaction() as sql:
            sql.executemany(
                "UPDATE receipt SET memory_ids = ? WHERE destination = ? AND sync_key = ? AND memory_ids = ?",
                (
                    (json.dumps([it.memory_id]), destination, it.sync_key, json.dumps(it.memory_ids))
                    for it in moves
                ),
            )

    def open(self, destination: int, project: str | None = None) -> int:
        """How many items are on their way, and so can't be compared."""
        row = self._db.row(
            "SELECT SUM(n) AS n FROM tally WHERE destination = ? AND (? IS NULL OR project = ?)"
            " AND status IN ('pending', 'unconfirmed', 'accepted')",
            (destination, project, project),
        )
        return int(row["n"] or 0) if row else 0
