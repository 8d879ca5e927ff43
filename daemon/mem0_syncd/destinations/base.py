"""What every destination can do; the outcomes are values, whatever the library raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mem0_syncd.memory import Memory
from mem0_syncd.outcome import Held, Later, LookOutcome, PushOutcome


@dataclass(frozen=True, slots=True)
class Hit:
    """One memory that a search found; `score` is the destination's own, higher is nearer."""

    id: str
    text: str
    user_id: str
    score: float
    metadata: dict[str, Any]


class CannotOpen(Exception):
    """A destination can't be used now; the outcome says why, and holds for whatever was to be sent."""

    def __init__(self, outcome: Later | Held) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Destination(Protocol):
    """One Mem0, as the courier drives it.

    `threads` is how many threads may call it at once; `account` tells one owner from another.
    """

    threads: int
    account: str

    def push(self, memory: Memory, memory_id: str | None) -> PushOutcome:
        """Add the memory, or update the one that `memory_id` names."""

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:
        """Find the memory by its sync key, and then by its exact text if asked to."""

    def poll(self, event_id: str) -> PushOutcome:
        """What became of an event that Mem0 had accepted."""

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """The memories of these user ids that are nearest to the query, best first."""

    def close(self) -> None:
        """Let go of what is held; what was acknowledged is stored."""
