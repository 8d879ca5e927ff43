"""A Mem0 in simulated time, as the courier's requests and people meet it.

Whatever was under way takes effect at most `LONGEST_DELAY` after the request ended, and is seen at most
`LONGEST_LAG` after that: the two bounds that `Rules.certain_after` counts on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Gone, LookOutcome, PushOutcome, Stored, Unknown
from mem0_syncd.destinations.answer_checks import remote_of
from mem0_syncd.destinations.base import Remote, choose
from mem0_syncd.destinations.http_errors import outcome_of_add, outcome_of_error, outcome_of_response
from support.faults import NO_FAULT, Fault, PutOff
from support.mem0_model import Event, Mem0Model

TIMEOUT = 30.0
LONGEST_DELAY = 2 * TIMEOUT
LONGEST_LAG = 30.0


@dataclass
class Clock:
    """The time of the whole simulation, in seconds; wall and monotonic clock in one."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class SimulatedMem0(Mem0Model):
    """The memories of one account; updates by id lag like reads, and deletions are seen at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._clock = clock
        numbers = itertools.count()
        self.new_id = lambda: f"m{next(numbers)}"
        self.extract = lambda text: [text]
        self.moved: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.by_person: set[str] = set()

    @property
    def ids(self) -> set[str]:
        """The ids of all that is stored."""
        return {it.id for it in self.memories}

    def wait(self, seconds: float) -> None:
        """Let time pass, with everything that takes effect meanwhile, each at its time."""
        self._clock.now += seconds
        self.catch_up()

    # What requests do

    def push(self, memory: Memory, memory_id: str | None, fault: Fault = NO_FAULT) -> PushOutcome:
        """Do what a push asks for as far as a fault lets it; what is made of what is heard of it."""
        # What comes later than anybody counts on says when it was asked for.
        is_very_late = fault.commit_after > LONGEST_DELAY
        made = {"created_at": datetime.fromtimestamp(self.now, UTC)} if is_very_late else {}
        work = partial(self._carry_out, memory, memory_id, fault.put_off, **made)
        if fault.drops and fault.carried_out == "last":
            self.at(self.now + fault.commit_after, work)
        elif fault.carried_out != "never":
            truth = work()
        return heard(fault, is_update=memory_id is not None) or truth

    def _carry_out(
        self, memory: Memory, memory_id: str | None, put_off: PutOff | None, **more: Any
    ) -> PushOutcome:
        if memory_id is None:
            fields = {**_fields(memory), **more}
            if put_off is not None:
                return _outcome(self.put_off({}, [memory.text], fields, **put_off.when(self.now)))
            return _outcome(self.add_now({}, [memory.text], fields))
        if self.get(memory_id) is None:
            return Gone("the memory is no longer there")
        self.change(memory_id, text=memory.text, metadata=dict(memory.metadata))
        return Stored((memory_id,))

    def postpone_event(self, number: str, seconds: float) -> None:
        """Have an event that is still open take longer."""
        self.amend(number, ends_at=self._events[number].ends_at + seconds)

    def forget_event(self, number: str) -> None:
        """Have an event gone, as old ones are; what is still open of it is over within the delay."""
        ends_at = min(self._events[number].ends_at, self.now + LONGEST_DELAY)
        self.amend(number, gone_at=self.now, ends_at=ends_at)

    def poll(self, number: str) -> PushOutcome:
        """What an event says."""
        event = self.event(number)
        return _outcome(event) if event else Unknown("the event is gone")

    def look(self, memory: Memory) -> LookOutcome:
        """What a look-up by key finds."""
        return choose(self.copies(memory.user_id, memory.sync_key), memory)

    def listing(self, user_id: str) -> list[Remote]:
        """What a listing of a user id shows."""
        return [remote_of(it.as_json()) for it in self.shown(self.ids_with("user_id", user_id))]

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory with a key that a listing shows."""
        return [it for it in self.listing(user_id) if it.metadata["sync_key"] == sync_key]

    def get(self, memory_id: str) -> Remote | None:
        """One memory, as reads show it."""
        shown = self.shown([memory_id])
        return remote_of(shown[0].as_json()) if shown else None

    def remove(self, memory_id: str) -> None:
        super().remove(memory_id)
        self.show_at_once(memory_id)

    # What other machines and people do

    def send(self, memory: Memory) -> None:
        """Keep what another machine has sent, long enough ago for everybody to see it."""
        self.show_at_once(self.plant(memory.text, **_fields(memory)).id)

    def delete(self, memory_id: str) -> None:
        """A person deletes a memory."""
        self.remove(memory_id)
        self.deleted.add(memory_id)

    def edit(self, memory_id: str) -> None:
        """A person adds a remark to a memory."""
        memory = self.existing(memory_id)
        self.change(memory_id, text=f"{memory.text} (but see below)")
        self.show_at_once(memory_id)
        self.by_person.add(memory_id)

    def move(self, memory_id: str) -> None:
        """A memory is exported and imported: its id is another one."""
        memory = self.existing(memory_id)
        self.remove(memory_id)
        moved = self.plant(**{**vars(memory), "id": self.new_id()})
        self.show_at_once(moved.id)
        self.moved[memory_id] = moved.id
        self.by_person |= {moved.id} if memory_id in self.by_person else set()

    def now_at(self, memory_id: str) -> str:
        """The id that a memory has by now."""
        while memory_id in self.moved:
            memory_id = self.moved[memory_id]
        return memory_id


def _fields(memory: Memory) -> dict[str, Any]:
    return {"user_id": memory.user_id, "agent_id": memory.agent_id, "metadata": dict(memory.metadata)}


def heard(fault: Fault, *, is_update: bool = False) -> PushOutcome | None:
    """What the courier makes of what it hears instead of the true answer; None where it hears that."""
    if fault.drops:
        return outcome_of_error(httpx.ReadError("the connection was reset"))
    if fault.answer is None:
        return None
    said, headers = fault.answer, dict(fault.answer.headers)
    request = httpx.Request("POST", "https://mem0.example")
    response = httpx.Response(said.status, content=said.body, headers=headers, request=request)
    return (
        outcome_of_add(response.json())
        if response.is_success
        else outcome_of_response(response, is_update=is_update)
    )


def _outcome(event: Event) -> PushOutcome:
    said = {"event_id": event.id, "status": event.status, "error": event.error}
    return outcome_of_add({**said, "results": list(event.results)})
