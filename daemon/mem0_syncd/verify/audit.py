"""The daily audit: looks at what is new in Mem0, and removes doubles that two machines made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from mem0_syncd.core.destination_health import Reach
from mem0_syncd.core.duplicate_memories import Kept
from mem0_syncd.core.foreign_memories import OriginCounts
from mem0_syncd.core.memory_payload import SOURCE
from mem0_syncd.courier.inventory_file import read_inventory
from mem0_syncd.engine.engine import Engine
from mem0_syncd.engine.user_requests import take_inventory
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import DestinationRow, Outbox
from mem0_syncd.outbox.audit_log import Audited
from mem0_syncd.verify.repair import doubles_of, remove_doubles

DAY_SECONDS = 24 * 3600.0
BATCH = 500
"""Memories that are compared with the outbox at a time."""

log = structlog.get_logger("audit")


@dataclass
class Strays:
    """Memories that no receipt names: the keys of items that are known here, and strangers' memories.

    `origins` counts the repositories of all memories, also of those that receipts name.
    """

    keys: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    origins: OriginCounts = field(default_factory=OriginCounts)


def is_due(last: Audited, now: float) -> bool:
    """Whether a day has passed since the last audit; a clock that was set back makes it due, too."""
    return not 0 <= now - last.at < DAY_SECONDS


def audit_what_is_due(engine: Engine, now: float) -> None:
    """Audit the healthy destinations in use whose audit is due."""
    settings, outbox = engine.settings, engine.outbox
    # Of one add a language model may make several memories.
    if settings.audit == "off" or settings.infer or outbox.facts.is_paused:
        return
    for destination in outbox.destinations.in_use():
        last = outbox.audit_log.last(destination.id)
        if last is None:
            outbox.audit_log.write(destination.id, Audited(now))
        elif is_due(last, now) and destination.standing.reach is Reach.OK:
            try:
                audit(engine, destination, now)
            except SyncdError as error:
                log.warning("audit_failed", destination=destination.identity, reason=error.problem.what)


def audit(engine: Engine, destination: DestinationRow, now: float) -> None:
    """Look at what is new at a destination since the last audit, and remove the true doubles.

    With `audit = "report"` they are counted, and stay. Raises `SyncdError` if it can't be done.
    """
    doubles = removed = 0
    outbox = engine.outbox
    for user_id, since in outbox.audit_log.user_ids(destination.id).items():
        inventory = take_inventory(engine, destination=destination.id, user_id=user_id, since=since)
        strays = _strays(outbox, destination, Path(inventory["path"]), since)
        outbox.origins.state(destination.id, user_id, strays.origins.stated)
        found = gone = 0
        for key in strays.keys:
            there = doubles_of(engine, destination, user_id, key)
            found += sum(len(double.extras) for double in there)
            if engine.settings.audit == "remove":
                gone += len(remove_doubles(engine, destination, there))
        if strays.strangers or found:
            log.warning("other_writers_seen", user_id=user_id, strangers=len(strays.strangers), doubles=found)
            outbox.facts.set(f"second_writer:{destination.id}", "yes")
        if found == gone:  # what is left is looked at again
            outbox.audit_log.set_audited(destination.id, user_id, inventory["newest"])
        doubles, removed = doubles + found, removed + gone
    outbox.audit_log.write(destination.id, Audited(now, is_done=True, doubles=doubles, removed=removed))
    log.info("audit_finished", destination=destination.identity, doubles=doubles, removed=removed)


def _strays(outbox: Outbox, destination: DestinationRow, path: Path, since: str) -> Strays:
    # Not `comparison.compare`, which needs a complete listing and every receipt: of a double only the younger
    # half need be in what is new, so each stray key is asked for by itself.
    strays = Strays()
    ours = (it for it in read_inventory(path) if it.source == SOURCE and it.sync_key)
    for batch in _batches(ours):
        known = outbox.audit_log.memory_ids(destination.id, {it.sync_key for it in batch})
        # What has a former key of an item is a stranger's, unless a receipt names it.
        former = outbox.item_keys.present(destination.id, {it.sync_key for it in batch} - known.keys())
        present = outbox.audit_log.memory_ids(destination.id, former.values())
        for it in batch:
            strays.origins.add(it.origin, it.created_at)
            if it.id in present.get(former.get(it.sync_key, ""), ()):
                continue
            if it.sync_key not in known:
                # Only after a first look it is known what came later.
                strays.strangers += [it.id] if since and it.created_at > since else []
            elif it.id not in known[it.sync_key]:
                strays.keys.append(it.sync_key)
    strays.keys = list(dict.fromkeys(strays.keys))
    return strays


def _batches(memories: Iterator[Kept]) -> Iterator[list[Kept]]:
    while batch := list(itertools.islice(memories, BATCH)):
        yield batch
