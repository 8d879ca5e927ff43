"""The identities of items, as hashes that never leave, and the items' keys in Mem0."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from mem0_syncd.outbox.database import Database

SECRET = "local_secret"  # noqa: S105 - its name
"""The fact with the secret that local hashes are made with."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity of an item: its key, and what is sent of the revision that was read last.

    `local` and `revision` are hashes of this state folder. `is_former` is whether its key is made of
    something else than what the source says. `stands` is false for a text that differs only in its secret
    from the one that the key was made for.
    """

    local: str
    sync_key: str
    revision: str
    content_hash: str
    detector: str
    is_former: bool = False
    stands: bool = True


class ItemKeys:
    """The identities of all destinations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @cached_property
    def _secret(self) -> bytes:
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (SECRET,))
        assert row is not None  # noqa: S101 - a migration makes it
        return bytes.fromhex(row["value"])

    def local(self, name: str) -> str:
        """The hash of an identity, or of a revision, that can't be computed without this state folder."""
        return hashlib.blake2b(name.encode(), key=self._secret, digest_size=16).hexdigest()

    def find(self, destination: int, names: Iterable[str]) -> dict[str, Identity]:
        """What is known about some identities; unknown ones are left out."""
        by_local = {self.local(name): name for name in names}
        found: dict[str, Identity] = {}
        for some in _batches(by_local):
            rows = self._db.rows(
                "SELECT * FROM identity WHERE destination = ? AND local IN (SELECT value FROM json_each(?))",
                (destination, json.dumps(some)),
            )
            found |= {by_local[row["local"]]: _identity(row) for row in rows}
        return found

    def locals_of(self, destination: int, keys: Iterable[str]) -> dict[str, str]:
        """What some items are known by here, each with its key."""
        wanted = list(keys)
        rows = self._db.rows(
            "SELECT local, sync_key FROM identity"
            " WHERE destination = ? AND sync_key IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(wanted)),
        )
        return {self.local(key): key for key in wanted} | {row["local"]: row["sync_key"] for row in rows}

    def taken(self, destination: int, keys: Collection[str]) -> dict[str, Identity]:
        """Those of some keys that a text with a secret goes by, with the identity that each was made for."""
        taken: dict[str, Identity] = {}
        for some in _batches(dict.fromkeys(keys)):
            rows = self._db.rows(
                "SELECT * FROM identity"
                " WHERE destination = ? AND sync_key IN (SELECT value FROM json_each(?))"
                " AND is_former AND stands",
                (destination, json.dumps(some)),
            )
            taken |= {row["sync_key"]: _identity(row) for row in rows}
        return taken

    def present(self, destination: int, keys: Iterable[str]) -> dict[str, str]:
        """The present keys of items, by those of some keys that are former ones."""
        found = self.find(destination, keys)
        return {key: it.sync_key for key, it in found.items() if it.is_former}

    def restate(self, destination: int, key: str, was: str, content_hash: str) -> None:
        """Replace the hash of what is sent of a revision by that of what Mem0 has of it."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE identity SET content_hash = ? WHERE destination = ? AND content_hash = ?"
                " AND (local = ? OR sync_key = ? AND is_former)",
                (content_hash, destination, was, self.local(key), key),
            )

    def write(self, destination: int, identities: Iterable[Identity]) -> None:
        """Store identities."""
        with self._db.transaction() as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO identity VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        destination,
                        it.local,
                        it.sync_key,
                        it.revision,
                        it.content_hash,
                        it.detector,
                        it.is_former,
                        it.stands,
                    )
                    for it in identities
                ),
            )


def _identity(row: sqlite3.Row) -> Identity:
    return Identity(
        row["local"],
        row["sync_key"],
        row["revision"],
        row["content_hash"],
        row["detector"],
        bool(row["is_former"]),
        bool(row["stands"]),
    )


def _batches(names: Iterable[str]) -> Iterable[list[str]]:
    every = list(names)
    return (every[start : start + 500] for start in range(0, len(every), 500))
