"""Builds items, entries and changes for tests; whatever isn't said has a harmless default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mem0_syncd.core.enqueue_plan import Change, Enqueue, Reject
from mem0_syncd.core.entry import Entry, State
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.outbox.plan_writes import Prepared

NOW = 1_767_571_200.0
"""2026-01-05T00:00:00Z."""

WHEN = "2026-01-05T10:00:00Z"
FIRST = "Use Postgres for orders"
SECOND = "Use Postgres 17 for orders"
THIRD = "Use MySQL for orders"


def item(text: str = FIRST, source_id: str | None = "DEC-1", **changes: Any) -> Item:
    """A decision of the project `shop`; one without an id has no time either."""
    when = WHEN if source_id else None
    plain = Item(Kind.DECISION, "shop", text, source_id=source_id, when=when, source="decision-log")
    return replace(plain, **changes)


def entry(state: State = State.SENDING, **changes: Any) -> Entry:
    """An add that has just been sent for the first time, or what the changes make of it."""
    memory = memory_of(item())
    plain = Entry(
        id=1,
        sync_key=memory.sync_key,
        project="shop",
        kind=Kind.DECISION,
        state=state,
        frozen=memory.freeze(),
        content_hash=memory.content_hash,
        major=False,
        attempts=0,
        sends=1,
        created_at=NOW,
    )
    return replace(plain, **changes)


def prepared(change: Change | Item, *, major: bool = False) -> Prepared:
    """A change as the scan hands it to the outbox; an item alone is to be delivered."""
    if isinstance(change, Item):
        change = Enqueue(change)
    memory = memory_of(change.item) if isinstance(change, Enqueue | Reject) else None
    return Prepared(change, memory, major)
