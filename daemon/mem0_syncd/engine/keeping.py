"""What no file says, and was delivered before it was kept here, is fetched from where it is."""

from __future__ import annotations

import structlog

from mem0_syncd.core.item import Scalar
from mem0_syncd.core.memory_payload import LATER, NAMES, SOURCE, Memory, user_id
from mem0_syncd.engine.destination_choice import reaches
from mem0_syncd.engine.engine import Engine
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox.kept_items import UnkeptItem

MOST = 20
"""Memories that are read at a time: reads are metered on some plans."""

log = structlog.get_logger("keeping")


def fetch_some(engine: Engine) -> int:
    """Keep some of it, from destinations that can be reached, in use or not.

    Returns how many items are of projects that go elsewhere by now.
    """
    outbox, moved = engine.outbox, 0
    # What a language model has made of an item is not what was sent of it.
    if engine.settings.infer or outbox.facts.is_paused:
        return 0
    unreachable: set[int] = set()
    for it in outbox.kept_items.unkept(MOST):
        destination = outbox.destinations.get(it.destination)
        if destination.id in unreachable or not reaches(engine.settings, destination):
            continue
        try:
            there = engine.questions(destination).memory(it.memory_id)
        except SyncdError as error:
            log.warning("memory_fetch_failed", memory=it.memory_id, reason=error.problem.what)
            unreachable.add(destination.id)
            continue
        memory = _as_sent(it, there) if there else None
        outbox.kept_items.take_from(it, memory)
        moved += memory is not None and outbox.destinations.of(it.project).id != destination.id
    return moved


def _as_sent(it: UnkeptItem, there: dict[str, object]) -> Memory | None:
    """What was sent of an item, by its memory; None of one that isn't its any more."""
    metadata = there["metadata"]
    whose = (there["user_id"] or user_id(it.kind, it.project)) == user_id(it.kind, it.project)
    if not isinstance(metadata, dict) or not whose:
        return None
    if (metadata.get("source"), metadata.get("sync_key")) != (SOURCE, it.sync_key):
        return None
    said = {name: metadata[name] for name in NAMES | LATER if isinstance(metadata.get(name), Scalar)}
    return Memory(user_id(it.kind, it.project), str(there["text"]), str(there["agent_id"]) or None, said)
