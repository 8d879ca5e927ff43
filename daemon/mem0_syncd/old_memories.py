"""Memories with old hashes are given new ones, a few at a time: those that no file says any more."""

from __future__ import annotations

import time

import structlog

from mem0_syncd.errors import SyncdError
from mem0_syncd.failpoint import failpoint
from mem0_syncd.outbox import DestinationRow
from mem0_syncd.outbox.old_memories import OldMemory
from mem0_syncd.service import Service
from mem0_syncd.standing import Reach

MOST = 20
"""Memories that are read at a time: reads are metered on some plans."""

log = structlog.get_logger("old memories")


def renew_some(service: Service) -> None:
    """Give some old memories hashes of what they say, at the destinations in use that are well."""
    # What a language model has made of an item is not what was sent of it.
    if service.settings.infer or service.settings.redact == "off":
        return
    if service.outbox.facts.get("paused") is not None:
        return
    for destination in service.outbox.destinations.in_use():
        if destination.standing.reach is Reach.OK:
            for old in service.outbox.old_memories.some(destination.id, MOST):
                try:
                    _renew(service, destination, old)
                except SyncdError as error:  # the next one need not fail as well
                    log.warning("not renewed", memory=old.memory_id, reason=error.problem.what)


def _renew(service: Service, destination: DestinationRow, old: OldMemory) -> None:
    renewed = service.deliveries.to(destination).questions.renew(
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
        service.outbox.old_memories.leave(destination.id, old)
    else:
        key, content_hash = renewed["sync_key"], renewed["content_hash"]
        service.outbox.old_memories.renewed(destination.id, old, key, content_hash, time.time())
    log.info("renewed", memory=old.memory_id, is_as_sent=renewed is not None)
