"""An entry: one revision of an item on its way to a destination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mem0_syncd.core.memory_payload import Memory


class State(StrEnum):
    """The state of an entry. "Delivered" isn't among them: it is a receipt."""

    PENDING = "pending"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    ACCEPTED = "accepted"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision of an item on its way; times are seconds since the epoch.

    `memory_id` names the memory that an update goes to, and is None for an add. After `certain_at` an absence
    proves that no earlier attempt can still be stored. `by_text` is whether it is looked up by its text as
    well.
    """

    id: int
    sync_key: str
    project: str
    kind: str
    state: State
    frozen: str
    content_hash: str
    major: bool
    attempts: int
    sends: int
    created_at: float
    memory_id: str | None = None
    target_gone: bool = False
    event_id: str | None = None
    accepted_at: float = 0.0
    certain_at: float = 0.0
    reason: str = ""
    by_text: bool = False

    @property
    def memory(self) -> Memory:
        """What is sent, thawed from the frozen text."""
        return Memory.thaw(self.frozen)
