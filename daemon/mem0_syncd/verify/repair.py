"""The repair: corrects what an inspection found, as far as a person asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from mem0_syncd.core.duplicate_memories import Double, find_doubles
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.engine.engine import Engine
from mem0_syncd.outbox import DestinationRow
from mem0_syncd.outbox.receipts import Move
from mem0_syncd.outbox.resend_requests import ResendRequest
from mem0_syncd.system.failpoint import failpoint

log = structlog.get_logger("repair")

Found = Mapping[str, Any]
"""One difference, as `verify --json` shows it."""


def repair(
    engine: Engine,
    *,
    destination: int,
    missing: Iterable[Found],
    altered: Iterable[Found],
    moved: Iterable[Found],
    doubled: Sequence[Found],
    tell: Tell = to_nobody,
) -> dict[str, Any]:
    """Correct differences: all that is to be sent is durable as an ordinary entry when it returns.

    Returns which memories were removed, which items no source says any more, and the newest entry's id.
    `tell` is called with (done, total) doubles.
    """
    outbox = engine.outbox
    row = outbox.destinations.get(destination)
    altered = list(altered)
    with outbox.transaction():
        outbox.receipts.move(destination, map(_move, (*moved, *altered)))
        wishes = [ResendRequest(it["sync_key"], tuple(it["memory_ids"]), "restore") for it in missing]
        wishes += [ResendRequest(it["sync_key"], (it["memory_id"],), "overwrite") for it in altered]
        outbox.resend_requests.add(destination, wishes)
    failpoint("wished")
    if wishes:
        engine.scan_anew()
    unsaid = outbox.resend_requests.end(destination)
    removed: list[str] = []
    for number, it in enumerate(doubled, 1):
        removed += remove_doubles(engine, row, doubles_of(engine, row, it["user_id"], it["sync_key"]))
        tell(number, len(doubled))
    outbox.audit_log.settle(destination)
    outbox.destinations.probe_now(destination, engine.now())
    return {"newest": outbox.queue.newest_id(), "removed": removed, "unsaid": sorted(unsaid)}


def doubles_of(engine: Engine, destination: DestinationRow, user_id: str, sync_key: str) -> list[Double]:
    """The true doubles of an item, as they are now."""
    if engine.settings.infer:  # of one add a language model may make several memories
        return []
    return find_doubles(engine.questions(destination).copies(user_id, sync_key))


def remove_doubles(engine: Engine, destination: DestinationRow, doubles: Iterable[Double]) -> list[str]:
    """Delete the extras of doubles, as far as they may be; returns their memory ids."""
    outbox, removed = engine.outbox, list[str]()
    for double in doubles:
        if outbox.first_contacts.let_go(destination.id, double):
            failpoint("let go")
            gone = engine.questions(destination).remove(double)
            log.warning("doubles_removed", key=double.survivor.sync_key, memories=gone)
            removed += gone
    return removed


def _move(it: Found) -> Move:
    return Move(it["sync_key"], tuple(it["memory_ids"]), it["memory_id"])
