"""Settles the outcomes of what was handed over, and keeps them until they are durable."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable

from mem0_syncd.core.destination_health import Health, stand
from mem0_syncd.core.entry import Entry
from mem0_syncd.core.outcome import Absent, Copies, Heard, Later, Listed, Outcome, Removed
from mem0_syncd.core.settlement import Receipt, Rules, Settlement, settle
from mem0_syncd.courier import Answer, Lost, Opened
from mem0_syncd.delivery.claims import Claims
from mem0_syncd.delivery.courier_messages import after_loss, outcome_of
from mem0_syncd.delivery.first_contact import FirstContact, Look
from mem0_syncd.delivery.log_lines import say, say_adopted, say_health, say_written
from mem0_syncd.outbox import Claim, DestinationRow, Outbox
from mem0_syncd.system.clock import SteadyClock
from mem0_syncd.system.failpoint import failpoint

Event = Answer[Claim | Look] | Opened | Lost[Claim | Look]


class OutcomeHandler:
    """Settles what came back from the courier; for the thread that delivers.

    If a write fails, what it was to make durable is kept, and the next one begins with it.
    """

    def __init__(
        self,
        outbox: Outbox,
        claims: Claims,
        looks: FirstContact,
        on_settled: Callable[[set[str]], None],
        rng: random.Random,
        clock: SteadyClock,
    ) -> None:
        """`on_settled` is called with the projects whose entries were settled."""
        self._outbox, self._claims, self._looks = outbox, claims, looks
        self._on_settled = on_settled
        self._rng, self._now, self._monotonic = rng, clock.now, clock.monotonic
        self._events: deque[Event] = deque()
        self._settled: list[tuple[Entry, Settlement]] = []
        self._standing: Health | None = None

    def take(self, destination: DestinationRow, events: Iterable[Event], rules: Rules) -> None:
        """Settle what has come back, after what was kept."""
        self._events.extend(events)
        while self._events:
            self._hear(destination, self._events[0], rules)
            self._events.popleft()
        self._write(destination)

    def adopt(self, destination: DestinationRow, claims: Iterable[Claim]) -> None:
        """Settle what was found at the first contact: the memory that is there is its receipt."""
        for entry in (claim.entry for claim in claims):
            say_adopted(entry)
            self._settled.append((entry, Receipt((entry.memory_id or "",))))
        self._write(destination)

    def give_back(
        self, destination: DestinationRow, claims: Iterable[Claim], outcome: Later, rules: Rules
    ) -> None:
        """Settle what can't be handed over."""
        for claim in claims:
            self._settle(claim, outcome, rules, self._now())
        self._heed(destination, outcome, rules)
        self._write(destination)

    def _hear(self, destination: DestinationRow, event: Event, rules: Rules) -> None:
        match event:
            case Opened(account):
                if account and not destination.account:
                    self._outbox.destinations.set_account(destination.id, account)
            case Lost(tickets, version):
                # Whatever ended the courier, it says nothing about the destination.
                for claim in (ticket.about for ticket in tickets if isinstance(ticket.about, Claim)):
                    self._claims.ended(claim, was_sent=version is None)
                    self._settle(claim, after_loss(claim, version), rules, self._now())
            case Answer(ticket, message):
                failpoint("answered")
                outcome = outcome_of(message)
                took = self._monotonic() - ticket.handed_at
                if isinstance(ticket.about, Claim):
                    self._claims.ended(ticket.about, was_sent=outcome is not None)
                    self._hear_of(ticket.about, outcome, rules, took)
                else:
                    self._looks.hear(destination, ticket.about, outcome, rules, took)
                if outcome is not None:
                    self._heed(destination, outcome, rules)

    def _hear_of(self, claim: Claim, outcome: Heard | None, rules: Rules, took: float) -> None:
        if outcome is None or isinstance(outcome, Listed | Copies | Removed):
            # What was sent before is still looked up, or polled.
            self._settle(claim, Later("the courier didn't get to it"), rules, self._now())
            return
        # An absence is as of the look-up, however late its answer is processed.
        moment = claim.claimed_at if isinstance(outcome, Absent) else self._now()
        settlement = self._settle(claim, outcome, rules, moment)
        say(claim, outcome, settlement, round(took * 1000))

    def _settle(self, claim: Claim, outcome: Outcome, rules: Rules, moment: float) -> Settlement:
        settlement = settle(claim.entry, outcome, rules, moment, self._rng)
        self._settled.append((claim.entry, settlement))
        return settlement

    def _heed(self, destination: DestinationRow, outcome: Heard, rules: Rules) -> None:
        standing = self._standing or destination.standing
        self._standing = stand(standing, outcome, rules.backoff, self._now(), self._rng)

    def _write(self, destination: DestinationRow) -> None:
        settled, standing = self._settled, self._standing or destination.standing
        if settled or standing != destination.standing:
            with self._outbox.transaction():
                self._outbox.queue.settle(destination.id, settled, self._now())
                if standing != destination.standing:
                    self._outbox.destinations.set_standing(destination.id, standing)
            failpoint("settled")
            say_written(destination.name, settled)
            if standing.reach is not destination.standing.reach:
                say_health(destination.name, standing)
            self._on_settled({entry.project for entry, _ in settled})
        self._settled, self._standing = [], None
