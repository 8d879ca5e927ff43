"""The courier's request for a claim, and the outcomes in its answers."""

from __future__ import annotations

from typing import Any

from mem0_syncd.core.outcome import Heard, Later, Outcome, Unknown, from_wire
from mem0_syncd.outbox import Claim, Verb


def request_of(claim: Claim) -> dict[str, Any]:
    """The request for a claim."""
    entry = claim.entry
    request: dict[str, Any] = {"verb": claim.verb, "major": entry.major}
    match claim.verb:
        case Verb.PUSH:
            return request | {
                "frozen": entry.frozen,
                "memory_id": entry.memory_id,
                "unproven": claim.is_unproven,
            }
        case Verb.LOOK:
            return request | {"frozen": entry.frozen, "by_text": entry.by_text}
        case Verb.POLL:
            return request | {"event_id": entry.event_id}
        case Verb.ADOPT:
            raise ValueError("what is adopted needs no request")


def outcome_of(message: dict[str, Any]) -> Heard | None:
    """The outcome in an answer; None for a request that was never begun."""
    if "not_begun" in message:
        return None
    return Unknown(message["error"]) if "error" in message else from_wire(message)


def after_loss(claim: Claim, version: str | None) -> Outcome:
    """The outcome when the courier ended; a poll is simply repeated.

    A courier of another `version` has begun nothing.
    """
    if version is not None:
        return Later(f"the courier is of version {version}")
    reason = "the courier ended"
    return Later(reason) if claim.verb is Verb.POLL else Unknown(reason)
