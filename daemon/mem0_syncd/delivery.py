"""Delivery: rounds of claim, look, push and settle, with the courier doing the talking."""

from __future__ import annotations

import itertools
import math
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from mem0_syncd.backoff import Backoff
from mem0_syncd.courier import Courier
from mem0_syncd.entry import Entry
from mem0_syncd.errors import SyncdError
from mem0_syncd.failpoint import failpoint
from mem0_syncd.outbox import Claim, DestinationRow, Outbox, Verb
from mem0_syncd.outcome import EMPTY_RESULTS, Later, Outcome, Unknown, from_wire
from mem0_syncd.pace import Pace
from mem0_syncd.settlement import (
    Bury,
    Deleted,
    Reach,
    Receipt,
    Requeue,
    Rules,
    Settlement,
    Standing,
    settle,
    stand,
)

BEGIN_WITHIN_SECONDS = 30.0
"""A request that the courier hasn't begun by then comes back unbegun."""

HANG_GRACE_SECONDS = 15.0
AHEAD = 4
"""Requests handed to the courier for each of its threads, so that none has to wait for the next."""

_COURIER_BACKOFF = Backoff(base=0.5, cap=30.0)

log = structlog.get_logger("delivery")


@dataclass(frozen=True, slots=True)
class Means:
    """How the destination in use is reached: what the courier is started with, and its limits."""

    start: dict[str, Any]
    rules: Rules
    threads: int
    adds_per_minute: int | None
    request_timeout: float


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A request that is with the courier; times are of the monotonic clock."""

    claim: Claim
    handed_at: float
    hung_at: float


class Delivery:
    """Brings what is due to the destination in use. `run` is for one thread; the rest is for any."""

    def __init__(
        self,
        outbox: Outbox,
        means: Callable[[DestinationRow], Means],
        *,
        on_settled: Callable[[set[str]], None] = lambda _projects: None,
        rng: random.Random | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`means` is asked at each start of the courier; `on_settled` hears whose entries were settled."""
        self._outbox = outbox
        self._means_of = means
        self._on_settled = on_settled
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._now = now
        self._means = means(outbox.registry.destination())
        self._pace = Pace(self._means.adds_per_minute)
        self._courier: Courier | None = None
        self._starting = threading.RLock()
        self._crashes = 0
        self._not_before = 0.0
        self._messages: queue.SimpleQueue[tuple[Courier, dict[str, Any]]] = queue.SimpleQueue()
        self._awake = threading.Event()
        self._numbers = itertools.count(1)
        self._with_courier: dict[int, _Ticket] = {}
        self._questions: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._last_use = time.monotonic()
        self._draining = False
        self.paused = False

    # The round

    def run(self) -> float | None:
        """Deliver until nothing is due and nothing under way; returns when to run again, in seconds."""
        while True:
            self._awake.clear()
            self._take_messages()
            self._end_a_hung_courier()
            handed = 0 if self._draining or self.paused else self._hand_out()
            if not self._with_courier and not handed and not self._awake.is_set():
                return self._until_next()
            self._awake.wait(self._patience())

    def nudge(self) -> None:
        """Have a running round look again at what is due."""
        self._awake.set()

    def drain(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way, `seconds` at most."""
        self._draining = True
        deadline = time.monotonic() + seconds
        while self._with_courier and time.monotonic() < deadline:
            self._awake.set()
            time.sleep(0.02)

    def close(self) -> None:
        """End the courier; what it hasn't answered is looked up after the next start."""
        with self._starting:
            if self._courier is not None:
                self._courier.close()
                self._courier = None

    def rest(self, idle_seconds: float) -> float:
        """End a courier that had nothing to do for so long; returns when to look again, in seconds."""
        idle = time.monotonic() - self._last_use
        if idle >= idle_seconds and not self._with_courier and not self._questions:
            self.close()
            return idle_seconds
        return idle_seconds - idle

    @property
    def courier_pid(self) -> int | None:
        """The courier's process id, while there is one."""
        courier = self._courier
        return courier.pid if courier else None

    def search(
        self, query: str, user_ids: list[str], limit: int, timeout: float = 60.0
    ) -> list[dict[str, Any]]:
        """Ask the destination; raises `SyncdError` with what stands in the way."""
        number = next(self._numbers)
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._questions[number] = answers
        try:
            # A search goes before every push: somebody waits for it.
            fields = {"query": query, "user_ids": user_ids, "limit": limit}
            self._running_courier().send(
                {"id": number, "verb": "search", "major": True, "begin_within": timeout, **fields}
            )
            answer = answers.get(timeout=timeout)
        except queue.Empty:
            answer = {"error": f"no answer in {timeout:.0f} s"}
        finally:
            del self._questions[number]
        if "hits" not in answer:
            what = answer.get("reason") or answer.get("error") or "the courier ended"
            raise SyncdError(f"the search failed: {what}", remedy=answer.get("remedy", "try again"))
        hits: list[dict[str, Any]] = answer["hits"]
        return hits

    # Handing out

    def _hand_out(self) -> int:
        if time.monotonic() < self._not_before:
            return 0
        destination = self._outbox.registry.destination()
        claims = self._claim(destination)
        if not claims:
            return 0
        failpoint("claimed")
        try:
            courier = self._running_courier()
        except OSError as error:
            self._give_back(destination, claims, Later(f"the courier can't be started: {error}"))
            return 0
        for claim in claims:
            self._hand_over(courier, claim)
        return len(claims)

    def _give_back(self, destination: DestinationRow, claims: list[Claim], outcome: Later) -> None:
        now, rules = self._now(), self._means.rules
        settled = [(claim.entry, settle(claim.entry, outcome, rules, now, self._rng)) for claim in claims]
        self._write(destination, settled, stand(destination.standing, outcome, rules, now, self._rng))

    def _claim(self, destination: DestinationRow) -> list[Claim]:
        standing, now = destination.standing, self._now()
        if standing.reach is not Reach.OK:
            if self._with_courier or (standing.retry_at or 0.0) > now:
                return []
            majors, routine = 1, 1  # one probe: whatever is due first
        else:
            under_way = [ticket.claim.entry.major for ticket in self._with_courier.values()]
            majors = AHEAD * self._means.threads - under_way.count(True)
            routine = AHEAD * self._means.threads - under_way.count(False)
        claims: list[Claim] = []
        for major, limit in ((True, majors), (False, routine)):
            if limit > 0 and not (claims and standing.reach is not Reach.OK):
                moment = time.monotonic()
                room = self._pace.room(moment, major=major)
                taken = self._outbox.queue.claim(destination.id, now, limit, major=major, pushes=room)
                self._pace.took(moment, sum(claim.verb is Verb.PUSH for claim in taken))
                claims += taken
        return claims

    def _hand_over(self, courier: Courier, claim: Claim) -> None:
        number, moment = next(self._numbers), time.monotonic()
        self._last_use = moment
        limit = BEGIN_WITHIN_SECONDS + 2 * self._means.request_timeout + HANG_GRACE_SECONDS
        self._with_courier[number] = _Ticket(claim, moment, moment + limit)
        entry = claim.entry
        request: dict[str, Any] = {
            "id": number,
            "verb": claim.verb,
            "major": entry.major,
            "begin_within": BEGIN_WITHIN_SECONDS,
        }
        match claim.verb:
            case Verb.PUSH:
                request |= {"frozen": entry.frozen, "memory_id": entry.memory_id}
            case Verb.LOOK:
                request |= {"frozen": entry.frozen, "by_text": entry.reason == EMPTY_RESULTS}
            case Verb.POLL:
                request |= {"event_id": entry.event_id}
        courier.send(request)
        failpoint("handed")

    def _running_courier(self) -> Courier:
        with self._starting:
            if self._courier is None:
                destination = self._outbox.registry.destination()
                self._means = self._means_of(destination)
                start = {**self._means.start, "account": destination.account, "threads": self._means.threads}
                self._courier = Courier(start, self._hear)
                log.debug("courier started", pid=self._courier.pid)
            return self._courier

    # Hearing

    def _hear(self, courier: Courier, message: dict[str, Any]) -> None:
        question = self._questions.get(message.get("id", 0))
        if question is not None:
            question.put(message)
            return
        self._messages.put((courier, message))
        self._awake.set()

    def _take_messages(self) -> None:
        settled: list[tuple[Entry, Settlement]] = []
        destination = self._outbox.registry.destination()
        standing = destination.standing
        while True:
            try:
                courier, message = self._messages.get_nowait()
            except queue.Empty:
                break
            if "ended" in message:
                settled += self._after_the_courier(courier)
            elif "ready" in message:
                self._crashes = 0
                if message["account"] and not destination.account:
                    self._outbox.registry.set_account(destination.id, message["account"])
            elif ticket := self._with_courier.pop(message.pop("id"), None):
                failpoint("answered")
                settlement, standing = self._settle(ticket, message, standing)
                settled.append((ticket.claim.entry, settlement))
        self._write(destination, settled, standing)

    def _settle(
        self, ticket: _Ticket, message: dict[str, Any], standing: Standing
    ) -> tuple[Settlement, Standing]:
        entry, now = ticket.claim.entry, self._now()
        if "not_begun" in message:
            return Requeue(), standing
        outcome: Outcome = Unknown(message["error"]) if "error" in message else from_wire(message)
        settlement = settle(entry, outcome, self._means.rules, now, self._rng)
        _say(ticket, outcome, settlement)
        return settlement, stand(standing, outcome, self._means.rules, now, self._rng)

    def _write(
        self, destination: DestinationRow, settled: list[tuple[Entry, Settlement]], standing: Standing
    ) -> None:
        if not settled:
            return
        with self._outbox.database.transaction():
            self._outbox.queue.settle(destination.id, settled, self._now())
            if standing != destination.standing:
                self._outbox.registry.set_standing(destination.id, standing)
        failpoint("settled")
        if standing.reach is not destination.standing.reach:
            log.info("destination", name=destination.name, state=standing.reach.value, reason=standing.reason)
        self._on_settled({entry.project for entry, _ in settled})

    def _after_the_courier(self, courier: Courier) -> list[tuple[Entry, Settlement]]:
        """Everything that was with a courier which has ended may have been done, or not."""
        with self._starting:
            if courier is not self._courier:
                return []
            self._courier = None
        for question in list(self._questions.values()):
            question.put({"error": "the courier ended"})
        left = list(self._with_courier.values())
        self._with_courier.clear()
        if left:
            self._not_before = time.monotonic() + _COURIER_BACKOFF.wait(self._crashes, self._rng)
            self._crashes += 1
            log.warning("courier ended", under_way=len(left))
        unknown = Unknown("the courier ended")
        now = self._now()
        return [
            (ticket.claim.entry, settle(ticket.claim.entry, unknown, self._means.rules, now, self._rng))
            for ticket in left
        ]

    def _end_a_hung_courier(self) -> None:
        moment = time.monotonic()
        if self._courier and any(moment > ticket.hung_at for ticket in self._with_courier.values()):
            log.warning("courier hung", pid=self._courier.pid)
            self._courier.kill()
            self._not_before = moment + 1.0

    # Waiting

    def _patience(self) -> float:
        """Seconds until something is to be done unasked while requests are under way: an answer wakes."""
        waits = [wait for wait in (*self._waits(), 1.0) if wait > 0]
        return min(waits)

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
        destination = self._outbox.registry.destination()
        look, push = self._outbox.queue.next_due(destination.id, now)
        return (
            math.inf if look is None else look - now,
            math.inf if push is None else max(push - now, self._pace.wait(moment)),
            (destination.standing.retry_at or now) - now,
            self._not_before - moment,
        )


def _say(ticket: _Ticket, outcome: Outcome, settlement: Settlement) -> None:
    """One line for each delivery, and for whatever a person may ask about later."""
    entry = ticket.claim.entry
    about = {
        "project": entry.project,
        "kind": entry.kind,
        "key": entry.sync_key,
        "ms": round((time.monotonic() - ticket.handed_at) * 1000),
    }
    reason = getattr(outcome, "reason", "")
    match settlement:
        case Receipt(memory_ids):
            how = {Verb.LOOK: "found", Verb.POLL: "accepted"}.get(ticket.claim.verb)
            log.info(
                "delivered",
                how=how or ("updated" if entry.memory_id else "added"),
                memory=memory_ids,
                **about,
            )
        case Bury(reason):
            log.warning("dead letter", reason=reason, **about)
        case Deleted():
            log.warning("deleted in Mem0", **about)
        case _:
            log.debug(
                type(settlement).__name__.lower(), outcome=type(outcome).__name__, reason=reason, **about
            )
