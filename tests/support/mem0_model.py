"""What Mem0 keeps, and what it shows of that and when: on a clock that is handed in, for one thread.

Everybody's Mem0 is made of it: the loopback Platform puts its endpoints and a lock in front of it, and the
simulations use it as it is.
"""

from __future__ import annotations

import heapq
import itertools
import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

EventStatus = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
OPEN: tuple[EventStatus, ...] = ("PENDING", "RUNNING")


@dataclass(frozen=True)
class Memory:
    """A memory as it is stored now."""

    id: str
    text: str
    user_id: str | None
    agent_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    app_id: str | None = None
    run_id: str | None = None
    expiration_date: date | None = None
    replaced_by: str | None = None

    def is_expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.expiration_date is not None and self.expiration_date < today

    def as_json(self, *, run: str = "session_id") -> dict[str, Any]:
        """The memory as Mem0 shows it; the key of its run id differs between endpoints."""
        return {
            "id": self.id,
            "memory": self.text,
            "user_id": self.user_id,
            "agent_id": self.agent_id,
            "app_id": self.app_id,
            run: self.run_id,
            "metadata": self.metadata,
            "categories": [],
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "expiration_date": self.expiration_date and self.expiration_date.isoformat(),
            "replaced_by": self.replaced_by,
        }


@dataclass(frozen=True)
class Event:
    """What became of one add; `fields` are those of the memories that it makes of its texts.

    It ends at `ends_at` as `ends` says, and is known until `gone_at`.
    """

    id: str
    body: dict[str, Any]
    texts: tuple[str, ...]
    fields: dict[str, Any]
    status: EventStatus = "PENDING"
    results: tuple[dict[str, Any], ...] = ()
    error: str | None = None
    ends_at: float = math.inf
    ends: EventStatus = "SUCCEEDED"
    gone_at: float = math.inf


class Mem0Model:
    """The memories and events of one project; `clock` tells seconds since the epoch, and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.new_id: Callable[[], str] = lambda: str(uuid.uuid4())
        self.dedup = False
        self.read_lag_seconds = 0.0
        self.event_seconds: float | None = None  # None: an event stays open until `settle`
        self.extract: Callable[[str], list[str]] = lambda text: [f"Noted: {text}"]
        # Every version with its time, None once deleted: what a lagging reader sees is an earlier one.
        self._versions: dict[str, list[tuple[float, Memory | None]]] = {}
        # The ids that ever had a value, by its name and itself: a look-up needn't run over every memory.
        self._ids_with: defaultdict[tuple[str, Any], dict[str, None]] = defaultdict(dict)
        self._events: dict[str, Event] = {}
        self._open_ids: dict[str, None] = {}
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._moment: float | None = None  # while something takes effect: when it does

    # What there is

    @property
    def memories(self) -> list[Memory]:
        """All that is stored, oldest first, even what is merged, expired or too young to be listed."""
        self.catch_up()
        return self.as_of(math.inf)

    def texts(self, user_id: str | None = None) -> Counter[str]:
        """How often each text is stored, for one user or for all."""
        return Counter(m.text for m in self.memories if user_id is None or m.user_id == user_id)

    @property
    def events(self) -> list[Event]:
        """Every add that was carried out or put off, oldest first."""
        self.catch_up()
        return list(self._events.values())

    def find(self, memory_id: str) -> Memory | None:
        """A memory as it is stored; None if it isn't."""
        return self._versions.get(memory_id, [(0.0, None)])[-1][1]

    def existing(self, memory_id: str) -> Memory:
        """A memory as it is stored; raises `KeyError`."""
        memory = self.find(memory_id)
        if memory is None:
            raise KeyError(memory_id)
        return memory

    def as_of(self, moment: float, ids: Iterable[str] | None = None) -> list[Memory]:
        """What there was at a moment, of these ids or of all."""
        known = []
        for number in list(self._versions if ids is None else ids):
            for at, memory in reversed(self._versions.get(number, ())):
                if at <= moment:
                    if memory is not None:
                        known.append(memory)
                    break
        return known

    def shown(self, ids: Iterable[str] | None = None) -> list[Memory]:
        """What a read that lags shows."""
        return self.as_of(self.now - self.read_lag_seconds, ids)

    def ids_with(self, name: str, value: Any) -> Collection[str]:
        """The ids of all memories that ever had this user id, text or sync key."""
        return self._ids_with.get((name, value), ())

    def event(self, event_id: str) -> Event | None:
        """What became of an add; None once nobody knows it any more."""
        event = self._events.get(event_id)
        return None if event is None or event.gone_at <= self.now else event

    # What time does

    @property
    def now(self) -> float:
        """The moment at which whatever is done takes effect."""
        return self.clock() if self._moment is None else self._moment

    def at(self, moment: float, work: Callable[[], object]) -> None:
        """Have something take effect later."""
        heapq.heappush(self._later, (moment, next(self._numbers), work))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing will be stored any more."""
        return not self._later and all(event.ends == "FAILED" for event in self._open_events())

    def catch_up(self) -> None:
        """Have everything take effect whose time has come, each at its moment."""
        if self._moment is not None or not (self._later or self._open_ids):
            return
        now = self.clock()
        try:
            while True:
                event = min(self._open_events(), key=lambda it: it.ends_at, default=None)
                self._moment = min(
                    event.ends_at if event else math.inf, self._later[0][0] if self._later else math.inf
                )
                if self._moment > now:
                    return
                if event is not None and event.ends_at == self._moment:
                    self.settle(event.id, event.ends)
                else:
                    heapq.heappop(self._later)[2]()
        finally:
            self._moment = None

    def settle(
        self, event_id: str | None = None, status: EventStatus = "SUCCEEDED", error: str | None = None
    ) -> None:
        """Bring one open event, or all of them, to this status; success stores what they were about."""
        for event in self._open_events():
            if event_id in (None, event.id):
                texts = [it for text in event.texts for it in self.extract(text)]
                results = self.store(texts, event.fields) if status == "SUCCEEDED" else ()
                self.amend(event.id, status=status, results=results, error=error)
                if status not in OPEN:
                    del self._open_ids[event.id]

    def amend(self, event_id: str, **changes: Any) -> None:
        """Change what is known of an event, or when it ends."""
        self._events[event_id] = replace(self._events[event_id], **changes)

    def _open_events(self) -> list[Event]:
        return [self._events[number] for number in self._open_ids]

    # What requests do, and people

    def put_off(
        self, body: dict[str, Any], texts: Iterable[str], fields: dict[str, Any], **when: Any
    ) -> Event:
        """Take an add for later; `when` are the event's fields that say how it ends."""
        if self.event_seconds is not None:
            when = {"ends_at": self.now + self.event_seconds, **when}
        event = Event(self.new_id(), body, tuple(texts), fields, **when)
        self._events[event.id] = event
        self._open_ids[event.id] = None
        return event

    def add_now(self, body: dict[str, Any], texts: Iterable[str], fields: dict[str, Any]) -> Event:
        """Store texts at once."""
        event = Event(self.new_id(), body, tuple(texts), fields, "SUCCEEDED")
        self._events[event.id] = event = replace(event, results=self.store(event.texts, fields))
        return event

    def store(self, texts: Iterable[str], fields: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Keep texts, but for those that are there already where Mem0 deduplicates; what is told of that."""
        return tuple(
            {"id": self.plant(text, **fields).id, "data": {"memory": text}, "event": "ADD"}
            for text in texts
            if not (self.dedup and self._has(text, fields))
        )

    def _has(self, text: str, scope: dict[str, Any]) -> bool:
        return any(
            memory.text == text and all(getattr(memory, name) == scope.get(name) for name in ENTITIES)
            for memory in self.as_of(math.inf, self.ids_with("text", text))
        )

    def plant(self, text: str, **fields: Any) -> Memory:
        """The memory that now exists because somebody wrote it; `fields` are those of `Memory`."""
        now = datetime.fromtimestamp(self.now, UTC)
        blank: dict[str, Any] = {"user_id": None, "agent_id": None, "metadata": {}}
        times = {"created_at": now, "updated_at": fields.get("created_at", now)}
        return self._keep(Memory(**{"id": self.new_id(), "text": text, **blank, **times, **fields}))

    def change(self, memory_id: str, **fields: Any) -> Memory:
        """The memory after a change; `replaced_by=ID` is how a merge hides it. Raises `KeyError`."""
        memory = self.existing(memory_id)
        updated = datetime.fromtimestamp(self.now, UTC)
        return self._keep(replace(memory, **{"updated_at": updated, **fields}))

    def remove(self, memory_id: str) -> None:
        """Delete a memory; raises `KeyError`."""
        self.existing(memory_id)
        self._versions[memory_id].append((self.now, None))

    def _keep(self, memory: Memory) -> Memory:
        self._versions.setdefault(memory.id, []).append((self.now, memory))
        names = ("user_id", memory.user_id), ("text", memory.text)
        for pair in (*names, ("sync_key", memory.metadata.get("sync_key"))):
            self._ids_with[pair][memory.id] = None
        return memory

    def show_at_once(self, memory_id: str) -> None:
        """Have reads show a memory as it is, as if that were long ago."""
        self._versions[memory_id][-1] = (-math.inf, self._versions[memory_id][-1][1])
