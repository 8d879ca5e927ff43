"""What follows from an outcome for the destination: pure decisions."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.outcome import Heard, Held, Later, Unknown

DOUBTS_IN_A_ROW = 3
"""Unknown outcomes with no success between them that make a destination unreachable."""

HOLD_PROBE_SECONDS = 180.0
"""Seconds between two probes of a held destination."""


class Reach(StrEnum):
    """Whether a destination accepts requests."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Health:
    """A destination's state and its clock; `retry_at` is when the next probe is due.

    Until `asked_until` Mem0 asked for no requests. A success of a request under way doesn't shorten that.
    """

    reach: Reach = Reach.OK
    reason: str = ""
    remedy: str = ""
    retry_at: float | None = None
    step: int = 0
    doubts: int = 0
    asked_until: float = 0.0


def stand(standing: Health, outcome: Heard, backoff: Backoff, now: float, rng: random.Random) -> Health:
    """A destination's health after one more outcome.

    Outcomes of requests that were under way at the first failure don't delay the next probe further.
    """
    asked_until = standing.asked_until
    if isinstance(outcome, Later | Unknown):
        if outcome.after:
            asked_until = max(asked_until, now + outcome.after)
        if standing.retry_at is not None and now < standing.retry_at:
            retry_at = max(standing.retry_at, now + outcome.after)
            return replace(standing, retry_at=retry_at, asked_until=asked_until)
        wait = backoff.wait(standing.step, rng, at_least=outcome.after)
    match outcome:
        case Later(reason):
            return _unreachable(standing, reason, now + wait, asked_until)
        case Unknown() if standing.reach is Reach.HELD:
            return replace(standing, retry_at=now + HOLD_PROBE_SECONDS)
        case Unknown(reason, after) if (
            after or standing.doubts + 1 >= DOUBTS_IN_A_ROW or standing.reach is Reach.UNREACHABLE
        ):
            return _unreachable(standing, reason, now + wait, asked_until)
        case Unknown():
            return replace(standing, doubts=standing.doubts + 1)
        case Held(reason, remedy):
            return Health(Reach.HELD, reason, remedy, now + HOLD_PROBE_SECONDS)
        case _:
            return standing if now < standing.asked_until else Health()


def _unreachable(standing: Health, reason: str, retry_at: float, asked_until: float) -> Health:
    return Health(
        Reach.UNREACHABLE,
        reason,
        retry_at=retry_at,
        step=standing.step + 1,
        doubts=standing.doubts + 1,
        asked_until=asked_until,
    )
