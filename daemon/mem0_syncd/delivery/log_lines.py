"""Log lines for later questions: one for many deliveries, at the level debug one for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import structlog

from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.entry import Entry
from mem0_syncd.core.outcome import Found, Outcome, RedactedThere
from mem0_syncd.core.settlement import Bury, Deleted, Receipt, Settlement
from mem0_syncd.outbox import Claim, Verb

log = structlog.get_logger("delivery")


def _about(entry: Entry) -> dict[str, str]:
    return {"project": entry.project, "kind": entry.kind, "key": entry.sync_key}


def say(claim: Claim, outcome: Outcome, settlement: Settlement, ms: int) -> None:
    """Log the settlement of a claim, `ms` milliseconds after it was handed over."""
    entry = claim.entry
    about = {**_about(entry), "ms": ms}
    reason = getattr(outcome, "reason", "")
    match settlement:
        case Receipt(memory_ids):
            how = "found" if isinstance(outcome, Found) else "accepted" if claim.verb is Verb.POLL else ""
            how = how or ("adopted" if isinstance(outcome, RedactedThere) else "")
            how = how or ("updated" if entry.memory_id else "added")
            log.debug("receipt", how=how, memory=memory_ids, **about)
        case Bury(reason):
            log.warning("dead_letter", reason=reason, **about)
        case Deleted():
            log.warning("deleted_in_mem0", **about)
        case _:
            log.debug(
                "entry_settled",
                settlement=type(settlement).__name__,
                outcome=type(outcome).__name__,
                reason=reason,
                **about,
            )


def say_adopted(entry: Entry) -> None:
    """Log that an item's memory was there at the first contact."""
    log.debug("receipt", how="adopted", memory=entry.memory_id, **_about(entry))


def say_written(destination: str, settled: Iterable[tuple[Entry, Settlement]]) -> None:
    """Log how many items of which projects were delivered; call it when their receipts are durable."""
    delivered = Counter(entry.project for entry, it in settled if isinstance(it, Receipt))
    if delivered:
        log.info("delivered", to=destination, items=dict(delivered))


def say_health(destination: str, health: Health) -> None:
    """Log that a destination's health has changed."""
    match health.reach:
        case Reach.OK:
            log.info("destination_recovered", name=destination)
        case Reach.UNREACHABLE:
            log.warning("destination_unreachable", name=destination, reason=health.reason)
        case Reach.HELD:
            log.warning("destination_held", name=destination, reason=health.reason)
