"""An outbox as the released version left it, with schema 5: its keys and hashes are of what a source says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mem0_syncd.core.item import Item, SentAs
from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.outbox.database import _migrations
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.system.state_folder import OUTBOX

SCHEMA = 5


@dataclass(frozen=True, slots=True)
class Left:
    """An item, what it counted as, the memory that its receipt names, and why it must not come back."""

    item: Item
    state: str = "delivered"
    memory_id: str | None = None
    tombstone: str | None = None

    @property
    def memory(self) -> Memory:
        """What the released version sent: redacted, with hashes of what was not."""
        redacted = Redactor("redact").redact(self.item).item
        return memory_of(replace(redacted, sent_as=SentAs(self.item.identity, self.item.revision)))


def write(folder: Path, items: Iterable[Left], host: str, project: Path, account: str = "") -> None:
    """Make a state folder with such an outbox, of a project's folder, in which nothing is under way."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(folder / OUTBOX)) as sql:
        for _, script in _migrations()[:SCHEMA]:
            sql.executescript(script)
        sql.execute(f"PRAGMA user_version = {SCHEMA}")
        sql.execute(
            "INSERT INTO destination (id, name, address, account) VALUES (1, 'platform', ?, ?)",
            (host, account),
        )
        sql.execute("INSERT INTO fact VALUES ('destination', '1')")
        sql.execute(
            "INSERT INTO project (path, id, origin, destination) VALUES (?, ?, 'settings', 1)",
            (str(project), project.name),
        )
        for left in items:
            _write(sql, left)
        sql.commit()
    (folder / OUTBOX).chmod(0o600)


def _write(sql: sqlite3.Connection, left: Left) -> None:
    item, memory = left.item, left.memory
    kinds = " ".join(sorted(set(Redactor("redact").redact(item).kinds)))
    status = "withheld" if left.tombstone else "pending" if left.state == "sending" else left.state
    hash_of_tombstone = item.revision if left.tombstone else None
    sql.execute(
        "INSERT INTO item (destination, sync_key, project, kind, source, source_id, status, reason, redacted,"
        " tombstone, tombstone_hash, seen_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1.0)",
        (
            item.identity,
            item.project,
            item.kind,
            item.source,
            item.source_id,
            status,
            left.tombstone or "",
            kinds,
            left.tombstone,
            hash_of_tombstone,
        ),
    )
    sql.execute(
        "INSERT OR IGNORE INTO contact (destination, user_id, listed_at, begun, listed)"
        " VALUES (1, ?, 1.0, 1, 1)",
        (memory.user_id,),
    )
    if left.memory_id:
        sql.execute(
            "INSERT INTO receipt (destination, sync_key, memory_ids, content_hash, delivered_at, fingerprint)"
            " VALUES (1, ?, ?, ?, 1.0, ?)",
            (item.identity, json.dumps([left.memory_id]), item.revision, memory.fingerprint),
        )
    if left.state in {"pending", "sending", "unconfirmed", "dead"}:
        sql.execute(
            "INSERT INTO entry (destination, sync_key, state, user_id, frozen, content_hash, sends,"
            " created_at) VALUES (1, ?, ?, ?, ?, ?, ?, 1.0)",
            (
                item.identity,
                left.state,
                memory.user_id,
                memory.freeze(),
                item.revision,
                int(left.state != "pending"),
            ),
        )
