"""A Mem0 without a network: what it keeps, what it shows of that and when, in simulated time.

Whatever was under way takes effect at most `LONGEST_DELAY` after the request ended, and is seen at most
`LONGEST_LAG` after that: the two bounds that `Rules.certain_after` counts on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Accepted, Gone, LookOutcome, PushOutcome, Refused, Stored, Unknown
from mem0_syncd.destinations.base import Remote, choose

TIMEOUT = 30.0
LONGEST_DELAY = 2 * TIMEOUT
LONGEST_LAG = 30.0


@dataclass
class Clock:
    """The time of the whole simulation, in seconds; wall and monotonic clock in one."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Kept:
    """One memory: each of its contents with the moment from which reads show it."""

    id: str
    user_id: str
    contents: list[tuple[float, str, dict[str, Any]]]
    created_at: float
    by_person: bool = False

    @property
    def text(self) -> str:
        """What it says, whether reads show it yet or not."""
        return self.contents[-1][1]

    @property
    def metadata(self) -> dict[str, Any]:
        """What it carries, likewise."""
        return self.contents[-1][2]

    def shown(self, now: float) -> Remote | None:
        """What a read sees of it."""
        seen = [content for content in self.contents if content[0] <= now]
        if not seen:
            return None
        return Remote(self.id, seen[-1][1], seen[-1][2], f"{self.created_at:020.3f}", self.user_id)


@dataclass
class _Event:
    memory: Memory
    ends_at: float
    fails: bool
    memory_id: str | None = None
    is_forgotten: bool = False


@dataclass
class Mem0Model:
    """The memories of one account; `lag` is what reads, and updates by id, take to see a write."""

    clock: Clock
    lag: float = 0.0
    memories: dict[str, Kept] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, Kept] = field(default_factory=dict)
    _late: list[tuple[float, Memory, str | None, float | None]] = field(default_factory=list)
    _events: dict[str, _Event] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    # What happens by itself

    def wait(self, seconds: float) -> None:
        """Let time pass, with everything that takes effect meanwhile, each at its time."""
        end = self.clock.now + seconds
        while True:
            event = min(self._open_events(), key=lambda it: it.ends_at, default=None)
            late = min(self._late, key=lambda it: it[0], default=None)
            first = min(event.ends_at if event else end, late[0] if late else end)
            if first >= end:
                self.clock.now = end
                return
            self.clock.now = max(self.clock.now, first)
            if late is not None and late[0] == first:
                self._late.remove(late)
                self.carry_out(*late[1:])
            elif event is not None:
                event.memory_id = self._store(event.memory)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing will change any more."""
        return not self._late and not self._open_events()

    def _open_events(self) -> list[_Event]:
        return [event for event in self._events.values() if event.memory_id is None and not event.fails]

    # What requests do

    def carry_out(self, memory: Memory, memory_id: str | None, made_at: float | None = None) -> PushOutcome:
        """Do what a push asks for; what it says is the true answer."""
        if memory_id is None:
            return Stored((self._store(memory, made_at),))
        kept = self.memories.get(memory_id)
        if kept is None or kept.shown(self.clock.now) is None:
            return Gone("the memory is no longer there")
        kept.contents.append((self.clock.now + self.lag, memory.text, dict(memory.metadata)))
        return Stored((memory_id,))

    def carry_out_later(
        self, memory: Memory, memory_id: str | None, after: float, *, is_very_late: bool = False
    ) -> None:
        """Do it `after` so many seconds; what takes longer than anybody counts on is said to be."""
        assert after <= LONGEST_DELAY or is_very_late
        made_at = self.clock.now if is_very_late else None
        self._late.append((self.clock.now + after, memory, memory_id, made_at))

    def accept(self, memory: Memory, after: float, *, fails: bool) -> Accepted:
        """Take an add for later: stored, or failed, after so many seconds."""
        number = f"event-{next(self._numbers)}"
        self._events[number] = _Event(memory, self.clock.now + after, fails)
        return Accepted(number)

    def postpone_event(self, number: str, seconds: float) -> None:
        """Have an event that is still open take longer."""
        self._events[number].ends_at += seconds

    def forget_event(self, number: str) -> None:
        """Have an event gone, as old ones are; what is still open of it is over within the delay."""
        event = self._events[number]
        event.is_forgotten = True
        event.ends_at = min(event.ends_at, self.clock.now + LONGEST_DELAY)

    def poll(self, number: str) -> PushOutcome:
        """What an event says."""
        event = self._events[number]
        if event.is_forgotten:
            return Unknown("the event is gone")
        if event.memory_id is not None:
            return Stored((event.memory_id,))
        if event.fails and event.ends_at <= self.clock.now:
            return Refused("Mem0 answered FAILED")
        return Accepted(number)

    def look(self, memory: Memory) -> LookOutcome:
        """What a look-up by key finds."""
        shown = self.listing(memory.user_id)
        return choose([it for it in shown if it.metadata["sync_key"] == memory.sync_key], memory)

    def listing(self, user_id: str) -> list[Remote]:
        """What a listing of a user id shows."""
        kept = [it.shown(self.clock.now) for it in self.memories.values() if it.user_id == user_id]
        return [it for it in kept if it]

    def _store(self, memory: Memory, made_at: float | None = None) -> str:
        number = f"m{next(self._numbers)}"
        content = (self.clock.now + self.lag, memory.text, dict(memory.metadata))
        self.memories[number] = Kept(number, memory.user_id, [content], made_at or self.clock.now)
        return number

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory with a key that a listing shows."""
        return [it for it in self.listing(user_id) if it.metadata["sync_key"] == sync_key]

    def get(self, memory_id: str) -> Remote | None:
        """One memory, as reads show it."""
        kept = self.memories.get(memory_id)
        return kept.shown(self.clock.now) if kept else None

    def remove(self, memory_id: str) -> None:
        """Delete a memory, as we do."""
        del self.memories[memory_id]

    # What other machines do

    def plant(self, memory: Memory) -> None:
        """Keep what another machine has sent, long enough ago for everybody to see it."""
        number = self._store(memory)
        self.memories[number].contents = [(self.clock.now, memory.text, dict(memory.metadata))]

    # What people do

    def delete(self, memory_id: str) -> None:
        """A person deletes a memory."""
        self.deleted[memory_id] = self.memories.pop(memory_id)

    def edit(self, memory_id: str) -> None:
        """A person adds a remark to a memory."""
        kept = self.memories[memory_id]
        kept.contents.append((self.clock.now, f"{kept.text} (but see below)", kept.metadata))
        kept.by_person = True

    def move(self, memory_id: str) -> None:
        """A memory is exported and imported: its id is another one."""
        kept = self.memories.pop(memory_id)
        kept.contents = [(self.clock.now, kept.text, kept.metadata)]
        kept.id = self.moved[memory_id] = f"m{next(self._numbers)}"
        self.memories[kept.id] = kept

    def now_at(self, memory_id: str) -> str:
        """The id that a memory has by now."""
        while memory_id in self.moved:
            memory_id = self.moved[memory_id]
        return memory_id
