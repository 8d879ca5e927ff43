"""Starts the courier, one at a time, hands requests to it, and collects its answers."""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.courier.process import Courier
from mem0_syncd.system.clock import Moment

BEGIN_WITHIN_SECONDS = 30.0
"""Seconds; a request that the courier hasn't begun after that comes back unbegun."""

HANG_GRACE_SECONDS = 15.0
_BACKOFF = Backoff(base=0.5, cap=30.0)

T = TypeVar("T")
log = structlog.get_logger("courier")


@dataclass(frozen=True, slots=True)
class Ticket(Generic[T]):
    """A request that the courier has, and what it is about; times are of the monotonic clock."""

    about: T
    courier: Courier
    handed_at: float
    hung_at: float


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the courier reported of one request."""

    ticket: Ticket[T]
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """The courier has opened the destination, with this account."""

    account: str


@dataclass(frozen=True, slots=True)
class Lost(Generic[T]):
    """The courier ended with these requests: each may have been carried out, or not.

    A courier of another `version` than the daemon's has begun none.
    """

    tickets: list[Ticket[T]]
    version: str | None = None


class CourierSupervisor(Generic[T]):
    """Starts couriers as they are needed, one at a time, and replaces one that crashed or hung.

    `take`, `send` and `end_hung` are for the thread that delivers; the rest is for any.
    """

    def __init__(
        self,
        start: Callable[[], Mapping[str, Any]],
        rng: random.Random,
        monotonic: Moment,
        environ: Mapping[str, str],
    ) -> None:
        """`start` is called for what a new courier is started with; couriers get some variables of `environ`.

        `monotonic` is a clock that is never set.
        """
        self._start = start
        self._rng, self._monotonic = rng, monotonic
        self._environ = environ
        self._courier: Courier | None = None
        self._starting = threading.RLock()
        self._messages: queue.SimpleQueue[tuple[Courier, dict[str, Any]]] = queue.SimpleQueue()
        self._questions: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._crashes = 0
        self._stranger: tuple[Courier | None, str] = (None, "")
        self._heard = 0
        self._last_use = self._monotonic()
        self.tickets: dict[int, Ticket[T]] = {}
        self.not_before = 0.0
        self.news = threading.Event()

    @property
    def pid(self) -> int | None:
        """The courier's process id, while there is one."""
        courier = self._courier
        return courier.pid if courier else None

    def open(self) -> Courier:
        """The courier, started if there is none; raises `OSError` if it can't be."""
        with self._starting:
            if self._courier is None:
                self._courier = Courier(self._start(), self._hear, self._environ)
                log.debug("courier_started", pid=self._courier.pid)
            return self._courier

    def send(self, about: T, request: Mapping[str, Any], *, hang_seconds: float) -> None:
        """Hand a request over; `take` returns its answer, or its loss."""
        number, moment = next(self._numbers), self._monotonic()
        hung_at = moment + BEGIN_WITHIN_SECONDS + hang_seconds + HANG_GRACE_SECONDS
        # Under the lock the courier's end is processed either before or after: no request falls between.
        with self._starting:
            courier = self.open()
            self.tickets[number] = Ticket(about, courier, moment, hung_at)
            courier.send({"id": number, "begin_within": BEGIN_WITHIN_SECONDS, **request})
            self._last_use = moment

    def ask(self, request: Mapping[str, Any], timeout: float, tell: Tell = to_nobody) -> dict[str, Any]:
        """Ask a query beside all deliveries, and return the answer, which may be an error.

        `tell` is called with (done, total). The time-out starts again with each call.
        """
        number = next(self._numbers)
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._questions[number] = answers
        try:
            with self._starting:
                self.open().send({"id": number, "begin_within": timeout, "major": True, **request})
            message = answers.get(timeout=timeout)
            while "progress" in message:
                tell(*message["progress"])
                message = answers.get(timeout=timeout)
        except queue.Empty:
            return {"error": f"no answer in {timeout:.0f} s"}
        else:
            return message
        finally:
            self._last_use = self._monotonic()
            del self._questions[number]

    def take(self) -> list[Answer[T] | Opened | Lost[T]]:
        """What has come back since the last call, in its order."""
        events: list[Answer[T] | Opened | Lost[T]] = []
        while True:
            try:
                courier, message = self._messages.get_nowait()
            except queue.Empty:
                return events
            if "ended" in message:
                events += self._lost(courier)
            elif "version" in message:
                self._stranger = courier, message["version"]
            elif "ready" in message:
                self._crashes = 0
                events.append(Opened(message["account"]))
            elif ticket := self.tickets.pop(message.pop("id"), None):
                events.append(Answer(ticket, message))

    def end_hung(self) -> None:
        """Kill a courier that has exceeded the time of any request; `take` returns its loss."""
        moment = self._monotonic()
        if any(moment > ticket.hung_at for ticket in self.tickets.values()):
            self.end_silent()

    def end_silent(self) -> None:
        """Kill the courier at once, whatever it does; `take` returns its loss."""
        courier = self._courier
        if courier is not None:
            log.warning("courier_hung", pid=courier.pid)
            courier.kill()
            self.hold_off(1.0)

    def hold_off(self, seconds: float) -> None:
        """Send nothing for so many seconds."""
        self.not_before = self._monotonic() + seconds

    def sign(self) -> Hashable | None:
        """A value that changes from call to call while the courier is alive; each call pings the courier."""
        courier = self._courier
        if courier is None:
            return None
        courier.send({"id": 0, "verb": "ping"})
        return courier.pid, self._heard

    def rest(self, idle_seconds: float) -> float:
        """End a courier that was idle for so many seconds; returns in how many to look again."""
        # Under the lock, so that no request is handed to a courier that is being ended.
        with self._starting:
            idle = self._monotonic() - self._last_use
            if self.tickets or self._questions:
                return idle_seconds
            if idle < idle_seconds:
                return idle_seconds - idle
            self.close()
        return idle_seconds

    def close(self) -> None:
        """End the courier; what it hasn't answered may have been carried out, or not."""
        with self._starting:
            courier, self._courier = self._courier, None
            if courier is not None:
                courier.close()
                self._fail_questions()

    def _hear(self, courier: Courier, message: dict[str, Any]) -> None:
        self._heard += 1
        if "pong" in message:
            return
        question = self._questions.get(message.get("id", 0))
        if question is not None:
            question.put(message)
            return
        if "ended" in message:
            with self._starting:
                if courier is self._courier:
                    self._courier = None
                    self._fail_questions()
        self._messages.put((courier, message))
        self.news.set()

    def _fail_questions(self) -> None:
        for question in list(self._questions.values()):
            question.put({"error": "the courier ended"})

    def _lost(self, courier: Courier) -> list[Lost[T]]:
        numbers = [number for number, ticket in self.tickets.items() if ticket.courier is courier]
        if not numbers:
            return []
        self.hold_off(_BACKOFF.wait(self._crashes, self._rng))
        self._crashes += 1
        log.warning("courier_ended", under_way=len(numbers))
        stranger, version = self._stranger
        lost = [self.tickets.pop(number) for number in numbers]
        return [Lost(lost, version if courier is stranger else None)]
