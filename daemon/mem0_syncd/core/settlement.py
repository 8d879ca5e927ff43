"""What follows from an outcome for the entry: pure decisions."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial

from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.entry import Entry, State
from mem0_syncd.core.outcome import (
    Absent,
    Accepted,
    Found,
    Gone,
    Held,
    Later,
    Outcome,
    RedactedThere,
    Refused,
    Stored,
    Unknown,
)

MOST_SENDS = 5
"""Full turns of send, look-up and certain absence after which an entry is a dead letter."""

EVENT_LIFETIME = 24 * 3600.0
"""Seconds after which an event that is still open counts as an unknown outcome."""

SLOWEST_REWRITE = 15 * 60.0
"""Seconds that Mem0's language model may take before an add is stored, with no event to poll."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What settling takes from the settings; seconds."""

    backoff: Backoff = field(default_factory=Backoff)
    timeout: float = 30.0
    read_lag: float = 30.0

    def certain_after(self, attempt_end: float) -> float:
        """When an absence is certain: all that was under way must be stored and visible."""
        return attempt_end + self.read_lag + 2 * self.timeout

    def second_look_after(self, receipt: float) -> float:
        """When to look once more at what was sent twice: well after all that should have come has come."""
        return receipt + 2 * (self.read_lag + 2 * self.timeout)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The entry is proven: it ends, and the receipt stays.

    At `look_again_at`, if that is set, an earlier attempt may turn out to be stored as well. `there` is what
    Mem0 has instead, if more of it is redacted than this machine has found.
    """

    memory_ids: tuple[str, ...]
    look_again_at: float | None = None
    there: RedactedThere | None = None


@dataclass(frozen=True, slots=True)
class Requeue:
    """It is surely not stored and will be sent again; `resend` when it had been sent before."""

    resend: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """It may be stored: it is looked up (an add) or repeated (an update) at `due_at`.

    An absence is certain at `certain_at`. Without a `reason` the entry keeps the one that it has, and the way
    of its look-up.
    """

    due_at: float
    certain_at: float
    target_gone: bool = False
    last_turn: bool = False
    reason: str = ""
    by_text: bool = False


@dataclass(frozen=True, slots=True)
class Await:
    """Mem0 works on it; its event is polled at `due_at`."""

    event_id: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Retarget:
    """Another revision of it is in Mem0, as this memory, which it now updates."""

    memory_id: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Bury:
    """A dead letter, which waits for a person; `doubtful` when it may be stored all the same."""

    reason: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """A person deleted the memory in Mem0, so it stays deleted."""


Settlement = Receipt | Requeue | Doubt | Await | Retarget | Bury | Deleted


def settle(entry: Entry, outcome: Outcome, rules: Rules, now: float, rng: random.Random) -> Settlement:
    """What becomes of an entry after the outcome of its push, look-up or poll."""
    again_at = now + rules.backoff.wait(entry.attempts, rng)
    match outcome:
        case Stored(ids):
            return _proven(entry, ids, rules, now)
        case Refused(reason):
            return Bury(reason)
        case Accepted(event_id):
            if entry.state is State.ACCEPTED and now - entry.accepted_at > EVENT_LIFETIME:
                return Doubt(again_at, rules.certain_after(now), last_turn=True)
            return Await(event_id, again_at)
        case Gone():
            # An id that Mem0 has only just returned may not be visible yet, either.
            return Doubt(now, max(entry.certain_at, now + rules.read_lag), target_gone=True)
        case Found():
            return _after_found(entry, outcome, rules, now, again_at)
        case RedactedThere(memory_id):
            return Receipt((memory_id,), there=outcome)
        case Absent():
            return _after_absence(entry, now, again_at)
        case Unknown():
            return _after_unknown(entry, outcome, rules, now, again_at)
        case Later() | Held():
            return _after_nothing(entry, now, again_at)


def _proven(entry: Entry, memory_ids: tuple[str, ...], rules: Rules, now: float) -> Settlement:
    # Of one add a language model may make several memories, which aren't doubles.
    was_added_twice = entry.memory_id is None and entry.sends > 1 and not entry.memory.infer
    return Receipt(memory_ids, rules.second_look_after(now) if was_added_twice else None)


def _after_found(entry: Entry, found: Found, rules: Rules, now: float, again_at: float) -> Settlement:
    if entry.target_gone and found.memory_id == entry.memory_id and now < entry.certain_at:
        # One of the two answers lags behind: the id itself was already found gone.
        return _after_absence(entry, now, again_at)
    if found.content_hash == entry.content_hash:
        return _proven(entry, (found.memory_id,), rules, now)
    return Retarget(found.memory_id, found.content_hash)


def _after_absence(entry: Entry, now: float, again_at: float) -> Settlement:
    if now < entry.certain_at:
        return Doubt(min(again_at, entry.certain_at), entry.certain_at, target_gone=entry.target_gone)
    if entry.target_gone:
        return Deleted()
    if entry.sends >= MOST_SENDS:
        return Bury("no outcome: sent again and again, and never found in Mem0", doubtful=True)
    return Requeue(resend=True)


def _after_unknown(entry: Entry, why: Unknown, rules: Rules, now: float, again_at: float) -> Settlement:
    doubt = partial(Doubt, again_at, reason=why.reason, by_text=why.by_text)
    match entry.state:
        case State.ACCEPTED:
            return doubt(rules.certain_after(now), last_turn=True)
        case State.SENDING:
            is_rewritten = entry.memory_id is None and entry.memory.infer
            certain_at = rules.certain_after(now) + (SLOWEST_REWRITE if is_rewritten else 0.0)
            return doubt(certain_at)
        case _:
            return Doubt(again_at, entry.certain_at, target_gone=entry.target_gone)


def _after_nothing(entry: Entry, now: float, again_at: float) -> Settlement:
    if entry.state is State.ACCEPTED and entry.event_id:
        return Await(entry.event_id, again_at)
    if entry.state is State.UNCONFIRMED:
        return Doubt(now, entry.certain_at, target_gone=entry.target_gone)
    return Requeue()
