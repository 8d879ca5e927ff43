"""The rounds of claim, look, push and settle."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

import structlog

from mem0_syncd.clock import Clock
from mem0_syncd.courier import Answer, Line, Lost, Opened, Ticket
from mem0_syncd.delivery.looks import Look, Looks
from mem0_syncd.delivery.means import Means
from mem0_syncd.delivery.messages import after_loss, outcome_of, request_of
from mem0_syncd.delivery.pace import Pace
from mem0_syncd.delivery.questions import Questions
from mem0_syncd.delivery.report import say, say_adopted, say_written
from mem0_syncd.entry import Entry
from mem0_syncd.failpoint import failpoint
from mem0_syncd.outbox import Claim, DestinationRow, Outbox, Verb
from mem0_syncd.outcome import Absent, Copies, Heard, Later, Listed, Outcome, Removed
from mem0_syncd.settlement import (
    Reach,
    Receipt,
    Settlement,
    Standing,
    settle,
    stand,
)

AHEAD = 16
"""Requests handed to the courier for each of its threads, so that none has to wait for the next."""

GATHER_SECONDS = 0.02
"""How long answers may gather while all threads are busy: each write to the outbox is synced to the disk."""

CLOSE_SECONDS = 10.0
"""How long the end of a round is waited for, after that of the courier."""

log = structlog.get_logger("delivery")


class Delivery:
    """Brings what is due to one destination. `run` is for one thread; the rest is for any."""

    def __init__(
        self,
        outbox: Outbox,
        destination: int,
        means: Callable[[DestinationRow], Means],
        *,
        on_settled: Callable[[set[str]], None] = lambda _projects: None,
        rng: random.Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`destination` is an id; `means` is asked at each start of the courier.

        `on_settled` hears whose entries were settled.
        """
        self._outbox = outbox
        self.destination_id = destination
        self._means_of = means
        self._on_settled = on_settled
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._clock = clock or Clock()
        self._now = self._clock.now
        self._means = means(self._destination())
        self._pace = Pace(self._means.adds_per_minute)
        self._line: Line[Claim | Look] = Line(self._start_of_courier, self._rng)
        self._looks = Looks(outbox, self._rng, self._now)
        self.questions = Questions(self._line)
        # What was heard and isn't durable yet: where a write fails, the next round begins with it.
        self._events: deque[Answer[Claim | Look] | Opened | Lost[Claim | Look]] = deque()
        self._settled: list[tuple[Entry, Settlement]] = []
        self._standing: Standing | None = None
        # What was claimed and isn't with the courier yet.
        self._in_hand: list[Claim] = []
        self._has_strays = False
        self._draining = False
        self._running = threading.Lock()
        self._turns = 0
        self._is_outdated = False
        self._nudged = threading.Event()
        self.paused = False

    # The round

    def run(self) -> float | None:
        """Deliver until nothing is due and nothing under way; returns when to run again, in seconds.

        Raises what keeps the outbox from being written; nothing is lost by that, and the next run goes on.
        """
        with self._running:
            try:
                return self._run()
            except Exception:
                self._has_strays = True
                raise

    def _run(self) -> float | None:
        line = self._line
        while True:
            self._turns += 1
            if len(line.tickets) > self._means.threads:
                self._nudged.wait(GATHER_SECONDS)
            self._nudged.clear()
            line.news.clear()
            self._take_answers()
            if self._has_strays:
                self._doubt_strays()
            line.end_hung()
            handed = 0 if self._draining or self.paused or self._awaits_time() else self._hand_out()
            if line.tickets:
                line.news.wait(self._patience())
            elif not handed and not line.news.is_set():
                return self._until_next()

    def _awaits_time(self) -> bool:
        """Whether the clock has jumped, and what is under way still counts by the time before.

        With nothing under way the outbox follows it.
        """
        jump = self._clock.jump()
        if not jump or self._line.tickets:
            return bool(jump)
        log.warning("the clock has jumped", seconds=round(jump))
        self._outbox.times.shift(self.destination_id, jump, self._now() + jump)
        self._clock.follow(jump)
        return False

    def hold_off(self, seconds: float) -> None:
        """Begin nothing for so long."""
        self._line.not_before = time.monotonic() + seconds

    def nudge(self) -> None:
        """Have a running round look again at what is due, at once."""
        self._nudged.set()
        self._line.news.set()

    def is_to_be_probed_after_a_hold(self) -> bool:
        """Whether the destination waits for a person, and it is time to see whether that has an end."""
        standing = self._destination().standing
        return standing.reach is Reach.HELD and (standing.retry_at or 0.0) <= self._now()

    def renew(self) -> None:
        """Go on by the means as they are now; a courier that was started with others is replaced first."""
        self._is_outdated = True
        self.nudge()

    def drain(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way, `seconds` at most."""
        self._draining = True
        deadline = time.monotonic() + seconds
        while self._line.tickets and time.monotonic() < deadline:
            self.nudge()
            time.sleep(0.02)

    def close(self) -> None:
        """End the courier, and have `run` return; what isn't answered is looked up after the next start."""
        self._draining = True
        self._line.close()
        self.nudge()
        # What follows from the last answers, or from the courier's end, is still to be made durable.
        if self._running.acquire(timeout=CLOSE_SECONDS):
            self._running.release()

    def rest(self, idle_seconds: float) -> float:
        """End a courier that had nothing to do for so long; returns when to look again, in seconds."""
        return self._line.rest(idle_seconds)

    def sign(self) -> Hashable | None:
        """What changes from look to look while a round goes on; None when there is none."""
        return self._turns if self._running.locked() else None

    def courier_sign(self) -> Hashable | None:
        """What changes from call to call while the courier is alive; None when there is none."""
        return self._line.sign()

    def replace_courier(self) -> None:
        """Kill a courier that shows no sign of life; the next request starts another."""
        self._line.end_silent()

    @property
    def courier_pid(self) -> int | None:
        """The courier's process id, while there is one."""
        return self._line.pid

    def _destination(self) -> DestinationRow:
        return self._outbox.registry.destination(self.destination_id)

    # Handing out

    def _hand_out(self) -> int:
        if time.monotonic() < self._line.not_before or not self._are_means_fresh():
            return 0
        destination = self._destination()
        if not self._takes_requests(destination.standing):
            return 0
        claims = self._claim(destination)
        adopted = [claim for claim in claims if claim.verb is Verb.ADOPT]
        self._adopt(destination, adopted)
        claims = [claim for claim in claims if claim.verb is not Verb.ADOPT]
        self._in_hand = list(claims)
        under_way = [ticket.about for ticket in self._line.tickets.values()]
        is_well = destination.standing.reach is Reach.OK
        looks = self._looks.due(destination, under_way) if is_well or not claims else []
        if not claims and not looks:
            return len(adopted)
        failpoint("claimed")
        try:
            self._line.open()
        except OSError as error:
            self._give_back(destination, claims, Later(f"the courier can't be started: {error}"))
            return 0
        for look in looks:
            self._line.send(look, look.request, hang_seconds=10 * self._means.hang_seconds)
        for claim in claims:
            self._line.send(claim, request_of(claim), hang_seconds=self._means.hang_seconds)
            self._in_hand.remove(claim)
            failpoint("handed")
        return len(claims) + len(looks) + len(adopted)

    def _are_means_fresh(self) -> bool:
        """Take other means up once nothing is under way by the former ones."""
        if not self._is_outdated:
            return True
        if self._line.tickets:
            return False
        self._is_outdated = False
        destination = self._destination()
        former, self._means = self._means, self._means_of(destination)
        self._pace.limit(self._means.adds_per_minute)
        if former.start != self._means.start:
            self._line.close()
            # What stood in the way may be what was mended.
            self._outbox.registry.probe_now(destination.id, self._now())
        return True

    def _takes_requests(self, standing: Standing) -> bool:
        """Whether anything may go now: to a destination in trouble, one probe when its time has come."""
        return standing.reach is Reach.OK or (
            not self._line.tickets and (standing.retry_at or 0.0) <= self._now()
        )

    def _adopt(self, destination: DestinationRow, claims: list[Claim]) -> None:
        """What was found at the first contact is there already: that is its receipt."""
        settled: list[tuple[Entry, Settlement]] = []
        for entry in (claim.entry for claim in claims):
            say_adopted(entry)
            settled.append((entry, Receipt((entry.memory_id or "",))))
        self._write(destination, settled, destination.standing)

    def _claim(self, destination: DestinationRow) -> list[Claim]:
        standing, now = destination.standing, self._now()
        if standing.reach is not Reach.OK:
            majors, routine = 1, 1  # one probe: whatever is due first
        else:
            tickets = self._line.tickets.values()
            under_way = [it.about.entry.major for it in tickets if isinstance(it.about, Claim)]
            most = AHEAD * self._means.threads
            majors = most - under_way.count(True)
            # Refilled when it is half empty: many entries a transaction.
            routine = most - under_way.count(False)
            routine = routine if 2 * routine >= most else 0
        claims: list[Claim] = []
        for major, limit in ((True, majors), (False, routine)):
            if limit > 0 and not (claims and standing.reach is not Reach.OK):
                moment = time.monotonic()
                room = self._pace.room(moment, major=major)
                # Probes take turns: look-ups that fail for good must not keep every push back.
                turn = standing.reach is not Reach.OK and standing.step % 2 == 1
                taken = self._outbox.queue.claim(
                    destination.id, now, limit, major=major, pushes=room, pushes_first=turn
                )
                self._pace.took(sum(claim.verb is Verb.PUSH for claim in taken))
                self._in_hand += taken
                claims += taken
        return claims

    def _doubt_strays(self) -> None:
        """Look up what a round that failed had claimed, durably or not, and handed to nobody."""
        for claim in self._in_hand:
            self._count_end(claim, was_sent=False)
        self._in_hand = []
        tickets = self._line.tickets.values()
        under_way = [it.about.entry.id for it in tickets if isinstance(it.about, Claim)]
        now = self._now()
        self._outbox.queue.doubt_what_was_sending(
            self.destination_id, now, self._means.rules.certain_after(now), under_way=under_way
        )
        self._has_strays = False

    def _give_back(self, destination: DestinationRow, claims: list[Claim], outcome: Later) -> None:
        self._in_hand = []
        for claim in claims:
            self._count_end(claim, was_sent=False)
        settled = [(claim.entry, self._settle(claim.entry, outcome)) for claim in claims]
        standing = stand(destination.standing, outcome, self._means.rules, self._now(), self._rng)
        self._write(destination, settled, standing)

    def _start_of_courier(self) -> dict[str, Any]:
        destination = self._destination()
        self._means = self._means_of(destination)
        return {**self._means.start, "account": destination.account, "threads": self._means.threads}

    # Settling

    def _take_answers(self) -> None:
        self._events.extend(self._line.take())
        if not self._events and not self._settled:
            return
        destination = self._destination()
        while self._events:
            self._hear(destination, self._events[0])
            self._events.popleft()
        self._write(destination, self._settled, self._standing or destination.standing)
        self._settled, self._standing = [], None

    def _hear(
        self, destination: DestinationRow, event: Answer[Claim | Look] | Opened | Lost[Claim | Look]
    ) -> None:
        match event:
            case Opened(account):
                if account and not destination.account:
                    self._outbox.registry.set_account(destination.id, account)
            case Lost(tickets, version):
                # Whatever ended the courier, it tells nothing of the destination.
                for claim in (ticket.about for ticket in tickets if isinstance(ticket.about, Claim)):
                    self._count_end(claim, was_sent=version is None)
                    loss = after_loss(claim, version)
                    self._settled.append((claim.entry, self._settle(claim.entry, loss)))
            case Answer(ticket, message):
                failpoint("answered")
                outcome = outcome_of(message)
                if isinstance(ticket.about, Claim):
                    self._count_end(ticket.about, was_sent=outcome is not None)
                    settlement = self._after_answer(ticket, ticket.about, outcome)
                    self._settled.append((ticket.about.entry, settlement))
                else:
                    took = time.monotonic() - ticket.handed_at
                    self._looks.hear(destination, ticket.about, outcome, self._means.rules, took)
                if outcome is not None:
                    standing = self._standing or destination.standing
                    self._standing = stand(standing, outcome, self._means.rules, self._now(), self._rng)

    def _after_answer(self, ticket: Ticket[Claim | Look], claim: Claim, outcome: Heard | None) -> Settlement:
        if outcome is None or isinstance(outcome, Listed | Copies | Removed):
            # What was sent before is looked up, or polled, all the same.
            return self._settle(claim.entry, Later("the courier didn't get to it"))
        # An absence is of the moment of the look-up, however late its answer is heard.
        moment = claim.claimed_at if isinstance(outcome, Absent) else self._now()
        settlement = settle(claim.entry, outcome, self._means.rules, moment, self._rng)
        say(claim, outcome, settlement, round((time.monotonic() - ticket.handed_at) * 1000))
        return settlement

    def _count_end(self, claim: Claim, *, was_sent: bool) -> None:
        if claim.verb is Verb.PUSH:
            self._pace.ended(time.monotonic(), was_sent=was_sent)

    def _settle(self, entry: Entry, outcome: Outcome) -> Settlement:
        return settle(entry, outcome, self._means.rules, self._now(), self._rng)

    def _write(
        self, destination: DestinationRow, settled: list[tuple[Entry, Settlement]], standing: Standing
    ) -> None:
        if not settled and standing == destination.standing:
            return
        with self._outbox.database.transaction():
            self._outbox.queue.settle(destination.id, settled, self._now())
            if standing != destination.standing:
                self._outbox.registry.set_standing(destination.id, standing)
        failpoint("settled")
        say_written(destination.name, settled)
        if standing.reach is not destination.standing.reach:
            log.info("destination", name=destination.name, state=standing.reach.value, reason=standing.reason)
        self._on_settled({entry.project for entry, _ in settled})

    # Waiting

    def _patience(self) -> float:
        """Seconds until something is to be done unasked while requests are under way: an answer wakes."""
        return min(wait for wait in (*self._waits(), 1.0) if wait > 0)

    def _until_next(self) -> float | None:
        """Seconds until something can be handed out, as far as is known; None when there is nothing."""
        if self.paused or self._draining:
            return None
        look, push, destination, courier = self._waits()
        first = min(look, push)
        return None if first == math.inf else max(first, destination, courier, 0.0)

    def _waits(self) -> tuple[float, float, float, float]:
        """Seconds until the next look-up, the next push, the destination's clock, and the courier's."""
        now, moment = self._now(), time.monotonic()
        destination = self._destination()
        look, push = self._outbox.queue.next_due(destination.id, now)
        waits = [math.inf if push is None else max(push - now, self._pace.wait(moment))]
        if (wait := self._looks.wait(destination)) is not None:
            waits.append(wait)
        return (
            math.inf if look is None else look - now,
            min(waits),
            (destination.standing.retry_at or now) - now,
            self._line.not_before - moment,
        )
