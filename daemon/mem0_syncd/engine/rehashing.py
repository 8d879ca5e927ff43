"""Gives memories with old hashes new ones, a few at a time: those that no file says any more."""

from __future__ import annotations

import structlog

from mem0_syncd.core.destination_health import Reach
from mem0_syncd.engine.engine import Engine
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import DestinationRow
from mem0_syncd.outbox.old_memories import OldMemory
from mem0_syncd.system.failpoint import failpoint

MOST = 20
"""Memories that are read at a time: some plans limit reads."""

log = structlog.get_logger("rehashing")


def renew_some(engine: Engine) -> None:
    """Give some old memories hashes of what they say, at healthy destinations in use."""
    # What a language model has made of an item isn't what was sent.
    settings, outbox = engine.settings, engine.outbox
    if settings.infer or settings.redact == "off" or outbox.facts.is_paused:
        return
    for destination in outbox.destinations.in_use():
        if destination.standing.reach is Reach.OK:
            for old in outbox.old_memories.some(destination.id, MOST, engine.now()):
                try:
                    _renew(engine, destination, old)
                except SyncdError as error:  # the next one may not fail
                    log.warning("memory_rehash_failed", memory=old.memory_id, reason=error.problem.what)


def _renew(engine: Engine, destination: DestinationRow, old: OldMemory) -> None:
    old_memories = engine.outbox.old_memories
    renewed = engine.questions(destination).renew(
        old.memory_id,
        kind=old.kind,
        project=old.project,
        source_id=old.source_id,
        sync_key=old.sync_key,
        was_sent=old.fingerprint,
        keeps_key=old.is_left_over,
    )
    failpoint("old memory renewed")
    if renewed is None:
        old_memories.leave(destination.id, old)
    else:
        key, content_hash = renewed["sync_key"], renewed["content_hash"]
        old_memories.renewed(destination.id, old, key, content_hash, engine.now())
    log.info("memory_rehashed", memory=old.memory_id, is_as_sent=renewed is not None)
