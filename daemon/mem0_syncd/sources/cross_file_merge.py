"""One item in several files: which of its entries counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from mem0_syncd.core.item import QUEUE, RECORD, Item, instant
from mem0_syncd.core.withheld import KEPT_HOME


def record_id(source_id: str) -> str:
    """A decision record's id as a `source_id`: no entry of the decision log can have it."""
    return f"{RECORD}{source_id}"


def echo_of(text: str, when: str | None, category: str) -> str:
    """The fingerprint that a decision record and its writer's line in the queue share."""
    parts = json.dumps([" ".join(text.split()), instant(when), category])
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def merge(items: Iterable[Item], known_echoes: AbstractSet[str] = frozenset()) -> list[Item]:
    """A project's items; of those that are one item, only the one of its source of record.

    `items` are those of all its files, the files in the order of record. A queued memory that echoes a
    decision record, one of these or one of `known_echoes`, is that record.
    """
    items = list(items)
    recorded = known_echoes | {item.echo for item in items if item.source != QUEUE and item.echo}
    by_key: dict[str, list[Item]] = {}
    for item in items:
        if item.source != QUEUE or item.echo not in recorded:
            by_key.setdefault(item.identity, []).append(item)
    return [item for entries in by_key.values() for item in _standing(entries)]


def _standing(entries: Sequence[Item]) -> list[Item]:
    due = [item for item in entries if not item.withheld]
    source_of_record = (due or entries)[0].source
    # Those of one source with different texts aren't one item after all, but twins.
    by_text: dict[str, Item] = {}
    for item in entries:
        if item.source == source_of_record:
            said = by_text.get(item.text)
            by_text[item.text] = said if said and item.withheld and not said.withheld else item
    if any(item.withheld == KEPT_HOME for item in entries):
        return [replace(item, withheld=KEPT_HOME) for item in by_text.values()]
    return list(by_text.values())
