"""The rounds of claim, look-up, push and settle."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import structlog

from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.outcome import Later
from mem0_syncd.courier import CourierSupervisor
from mem0_syncd.courier.connection import Connection
from mem0_syncd.courier.queries import Queries
from mem0_syncd.delivery.claims import Claims
from mem0_syncd.delivery.courier_messages import request_of
from mem0_syncd.delivery.first_contact import FirstContact, Look
from mem0_syncd.delivery.outcome_handler import OutcomeHandler
from mem0_syncd.outbox import Claim, DestinationRow, Outbox, Verb
from mem0_syncd.system.clock import Clock, SteadyClock
from mem0_syncd.system.failpoint import failpoint

GATHER_SECONDS = 0.02
"""Seconds that answers may gather while all threads are busy: each write to the outbox is synced."""

CLOSE_SECONDS = 10.0
"""Seconds to wait for the end of a round, after that of the courier."""

log = structlog.get_logger("delivery")


class Delivery:
    """Delivers what is due to one destination. `run` is for one thread; the rest is for any."""

    def __init__(
        self,
        outbox: Outbox,
        destination: int,
        means: Callable[[DestinationRow], Connection],
        *,
        on_settled: Callable[[set[str]], None] = lambda _projects: None,
        rng: random.Random,
        clock: Clock,
        environ: Mapping[str, str],
    ) -> None:
        """`destination` is an id; `means` is called at each start of the courier, with some of `environ`.

        `on_settled` is called with the projects whose entries were settled.
        """
        self._outbox = outbox
        self.destination_id = destination
        self._means_of = means
        self._clock = SteadyClock(clock)
        self._now, self._monotonic, self._sleep = self._clock.now, clock.monotonic, clock.sleep
        self._means = means(self._destination())
        self.line: CourierSupervisor[Claim | Look] = CourierSupervisor(
            self._start_of_courier, rng, self._monotonic, environ
        )
        self.questions = Queries(self.line)
        self._claims = Claims(outbox.queue, self._means.adds_per_minute, self._monotonic)
        self._looks = FirstContact(outbox, rng, self._clock)
        self._outcomes = OutcomeHandler(outbox, self._claims, self._looks, on_settled, rng, self._clock)
        self._has_strays = False
        self._draining = False
        self._running = threading.Lock()
        self._turns = 0
        self._is_outdated = False
        self._nudged = threading.Event()
        self.paused = False

    # The round

    def run(self) -> float | None:
        """Deliver until nothing is due and nothing under way; returns the seconds until the next run.

        Raises what keeps the outbox from being written; nothing is lost by that, and the next run goes on.
        """
        with self._running:
            try:
                return self._run()
            except Exception:
                self._has_strays = True
                raise

    def _run(self) -> float | None:
        line = self.line
        while True:
            self._turns += 1
            if len(line.tickets) > self._means.threads:
                self._nudged.wait(GATHER_SECONDS)
            self._nudged.clear()
            line.news.clear()
            self._outcomes.take(self._destination(), line.take(), self._means.rules)
            if self._has_strays:
                self._doubt_strays()
            line.end_hung()
            handed = 0 if self._draining or self.paused or self._awaits_time() else self._hand_out()
            if line.tickets:
                line.news.wait(self._patience())
            elif not handed and not line.news.is_set():
                return self._until_next()

    def _awaits_time(self) -> bool:
        """Whether the clock has jumped while what is under way still counts by the time before.

        With nothing under way the outbox follows the clock.
        """
        jump = self._clock.jump()
        if not jump or self.line.tickets:
            return bool(jump)
        log.warning("clock_jumped", seconds=round(jump))
        self._outbox.clock_shift.shift(self.destination_id, jump, self._now() + jump)
        self._clock.follow(jump)
        return False

    def nudge(self) -> None:
        """Make a running round check at once what is due."""
        self._nudged.set()
        self.line.news.set()

    def is_to_be_probed_after_a_hold(self) -> bool:
        """Whether the destination is held, and its next probe is due."""
        standing = self._destination().standing
        return standing.reach is Reach.HELD and (standing.retry_at or 0.0) <= self._now()

    def renew(self) -> None:
        """Use the present settings from now on; a courier that was started with others is replaced first."""
        self._is_outdated = True
        self.nudge()

    def drain(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way, `seconds` at most."""
        self._draining = True
        deadline = self._monotonic() + seconds
        while self.line.tickets and self._monotonic() < deadline:
            self.nudge()
            self._sleep(0.02)

    def close(self) -> None:
        """End the courier, and make `run` return; what isn't answered is looked up after the next start."""
        self._draining = True
        self.line.close()
        self.nudge()
        # What follows from the last answers, or from the courier's end, is still to be made durable.
        if self._running.acquire(timeout=CLOSE_SECONDS):
            self._running.release()

    @property
    def courier_pid(self) -> int | None:
        """The courier's process id, while there is one."""
        return self.line.pid

    def courier_sign(self) -> Hashable | None:
        """A value that changes from look to look while the courier is alive; None without one."""
        return self.line.sign()

    def end_silent_courier(self) -> None:
        """Kill the courier at once, whatever it does; another one replaces it."""
        self.line.end_silent()

    def rest(self, idle_seconds: float) -> float:
        """End a courier that was idle for so many seconds; returns in how many to look again."""
        return self.line.rest(idle_seconds)

    def hold_off(self, seconds: float) -> None:
        """Send nothing for so many seconds."""
        self.line.hold_off(seconds)

    def sign(self) -> Hashable | None:
        """A value that changes from look to look while a round goes on; None without one."""
        return self._turns if self._running.locked() else None

    def _destination(self) -> DestinationRow:
        return self._outbox.destinations.get(self.destination_id)

    # Handing out

    def _hand_out(self) -> int:
        if self._monotonic() < self.line.not_before or not self._are_means_fresh():
            return 0
        destination = self._destination()
        if not self._takes_requests(destination.standing):
            return 0
        under_way = [ticket.about for ticket in self.line.tickets.values()]
        due = self._claims.take(destination, under_way, self._means.threads, self._now())
        adopted = [claim for claim in due if claim.verb is Verb.ADOPT]
        self._outcomes.adopt(destination, adopted)
        claims = [claim for claim in due if claim.verb is not Verb.ADOPT]
        is_well = destination.standing.reach is Reach.OK
        looks = self._looks.due(destination, under_way) if is_well or not claims else []
        if not claims and not looks:
            return len(adopted)
        failpoint("claimed")
        try:
            self.line.open()
        except OSError as error:
            outcome = Later(f"the courier can't be started: {error}")
            self._outcomes.give_back(destination, claims, outcome, self._means.rules)
            return 0
        for look in looks:
            self.line.send(look, look.request, hang_seconds=10 * self._means.hang_seconds)
        for claim in claims:
            self.line.send(claim, request_of(claim), hang_seconds=self._means.hang_seconds)
            self._claims.handed(claim)
            failpoint("handed")
        return len(claims) + len(looks) + len(adopted)

    def _are_means_fresh(self) -> bool:
        """Use changed settings once nothing is under way with the former ones."""
        if not self._is_outdated:
            return True
        if self.line.tickets:
            return False
        self._is_outdated = False
        destination = self._destination()
        former, self._means = self._means, self._means_of(destination)
        self._claims.limit(self._means.adds_per_minute)
        if former.start != self._means.start:
            self.line.close()
            # What held the destination may be what was corrected.
            self._outbox.destinations.probe_now(destination.id, self._now())
        return True

    def _takes_requests(self, standing: Health) -> bool:
        """Whether anything may be sent now: to a destination that isn't well, one probe when it is due."""
        return standing.reach is Reach.OK or (
            not self.line.tickets and (standing.retry_at or 0.0) <= self._now()
        )

    def _doubt_strays(self) -> None:
        """Look up what a failed round had claimed, durably or not, and never handed over."""
        tickets, now = self.line.tickets.values(), self._now()
        under_way = [it.about.entry.id for it in tickets if isinstance(it.about, Claim)]
        self._outbox.interrupted_sends.doubt(
            self.destination_id, now, self._means.rules.certain_after(now), under_way=under_way
        )
        self._has_strays = False

    def _start_of_courier(self) -> dict[str, Any]:
        destination = self._destination()
        self._means = self._means_of(destination)
        return {**self._means.start, "account": destination.account, "threads": self._means.threads}

    # Waiting

    def _patience(self) -> float:
        """Seconds until something is to be done while requests are under way; an answer wakes the round."""
        return min(wait for wait in (*self._waits(), 1.0) if wait > 0)

    def _until_next(self) -> float | None:
        """Seconds until something can be handed out, as far as is known; None if there is nothing."""
        if self.paused or self._draining:
            return None
        look, push, destination, courier = self._waits()
        first = min(look, push)
        return None if first == math.inf else max(first, destination, courier, 0.0)

    def _waits(self) -> tuple[float, float, float, float]:
        """Seconds until the next look-up, the next push, the destination's clock, and the courier's."""
        now, destination = self._now(), self._destination()
        look, push = self._claims.waits(destination.id, now)
        return (
            look,
            min(push, self._looks.wait(destination)),
            (destination.standing.retry_at or now) - now,
            self.line.not_before - self._monotonic(),
        )
