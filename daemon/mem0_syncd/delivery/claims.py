"""Claims entries for the courier: as many as its threads, the rate limit and the health allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from mem0_syncd.core.destination_health import Reach
from mem0_syncd.delivery.rate_limit import RateLimit
from mem0_syncd.outbox import Claim, DestinationRow, Verb
from mem0_syncd.outbox.queue import Queue
from mem0_syncd.system.clock import Moment

AHEAD = 16
"""Requests handed to the courier for each of its threads, so that no thread waits for the next."""


class Claims:
    """Claims what is due at one destination, and counts its adds; for the thread that delivers."""

    def __init__(self, queue: Queue, adds_per_minute: int | None, monotonic: Moment) -> None:
        """`adds_per_minute` is None without a limit; `monotonic` is a clock that is never set."""
        self._queue, self._monotonic = queue, monotonic
        self._pace = RateLimit(adds_per_minute)

    def limit(self, adds_per_minute: int | None) -> None:
        """Use another limit from now on; earlier adds count for it."""
        self._pace.limit(adds_per_minute)

    def take(
        self, destination: DestinationRow, under_way: Iterable[object], threads: int, now: float
    ) -> list[Claim]:
        """Claim what is to be handed over now; for a destination that isn't well, one probe."""
        standing = destination.standing
        if standing.reach is Reach.OK:
            majors, routine = _room(under_way, threads)
            claims = self._due(destination.id, now, majors, major=True)
            return claims + self._due(destination.id, now, routine, major=False, beside=claims)
        # Probes take turns: look-ups that fail for good must not hold up every push.
        turn = standing.step % 2 == 1
        return self._due(destination.id, now, 1, major=True, pushes_first=turn) or self._due(
            destination.id, now, 1, major=False, pushes_first=turn
        )

    def handed(self, claim: Claim) -> None:
        """Count a claim that was handed over."""
        if claim.verb is Verb.PUSH:
            self._pace.took(1)

    def ended(self, claim: Claim, *, was_sent: bool) -> None:
        """Count the end of a claim that was handed over; `was_sent` is false if it was never begun."""
        if claim.verb is Verb.PUSH:
            self._pace.ended(self._monotonic(), was_sent=was_sent)

    def waits(self, destination: int, now: float) -> tuple[float, float]:
        """Seconds until the next look-up or poll is due, and the next push; infinite if none is to come."""
        look, push = self._queue.next_due(destination, now)
        return (
            math.inf if look is None else look - now,
            math.inf if push is None else max(push - now, self._pace.wait(self._monotonic())),
        )

    def _due(
        self,
        destination: int,
        now: float,
        limit: int,
        *,
        major: bool,
        beside: Sequence[Claim] = (),
        pushes_first: bool = False,
    ) -> list[Claim]:
        if limit <= 0:
            return []
        adds = self._pace.room(self._monotonic(), major=major) - sum(it.verb is Verb.PUSH for it in beside)
        return self._queue.claim(destination, now, limit, major=major, pushes=adds, pushes_first=pushes_first)


def _room(under_way: Iterable[object], threads: int) -> tuple[int, int]:
    """How many major claims there is room for, and how many others, beside those that are under way."""
    most = AHEAD * threads
    taken = Counter(it.entry.major for it in under_way if isinstance(it, Claim))
    routine = most - taken[False]
    # Refilled when it is half empty: many entries a transaction.
    return most - taken[True], routine if 2 * routine >= most else 0
