"""The outcome of one request to a destination: a value, never an exception."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mem0_syncd.core.duplicate_memories import Kept
from mem0_syncd.core.foreign_memories import Stated


@dataclass(frozen=True, slots=True)
class Stored:
    """Mem0 has it, under these memory ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Later:
    """It is surely not stored, for a reason outside of the item; `after` is the least wait in seconds."""

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may be stored, or not; `after` is how many seconds Mem0 asked to wait.

    `by_text` is whether the item is looked up by its text as well as by its key, because Mem0 may have it in
    another memory.
    """

    reason: str
    after: float = 0.0
    by_text: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """Mem0 works on it; its event is to be polled."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Mem0 will never take this item as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """The destination is held: a person must act before anything is sent."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The memory that an update names is no longer there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A look-up found the item, as this memory with this content."""

    memory_id: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class RedactedThere:
    """The memory that an update names says it already, with more of it redacted. It was left as it is."""

    memory_id: str
    content_hash: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A look-up succeeded and found nothing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Our memories of a user id in Mem0: sync key, memory id and content hash of each.

    `newest` is Mem0's time of the newest of all memories; '' if there are none. `origins` counts their
    repositories.
    """

    memories: tuple[tuple[str, str, str], ...]
    newest: str = ""
    origins: tuple[Stated, ...] = ()


@dataclass(frozen=True, slots=True)
class Copies:
    """Every memory that carries one sync key."""

    memories: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """The doubles that were deleted. A memory that turned out not to be a double is left out, and kept."""

    ids: tuple[str, ...]


PushOutcome = Stored | Later | Unknown | Accepted | Refused | Held | Gone
LookOutcome = Found | Absent | Later | Unknown | Held
ListOutcome = Listed | Later | Unknown | Held
Outcome = PushOutcome | LookOutcome | RedactedThere
Heard = Outcome | Listed | Copies | Removed

_KINDS = (
    *(Stored, Later, Unknown, Accepted, Refused, Held, Gone, Found, RedactedThere, Absent),
    *(Listed, Copies, Removed),
)
_BY_NAME: dict[str, type[Heard]] = {outcome.__name__: outcome for outcome in _KINDS}


def to_wire(outcome: Heard) -> dict[str, Any]:
    """The outcome as JSON can carry it."""
    return {"outcome": type(outcome).__name__, **asdict(outcome)}


def from_wire(wire: dict[str, Any]) -> Heard:
    """The outcome that `to_wire` wrote."""
    fields = {name: value for name, value in wire.items() if name != "outcome"}
    if "ids" in fields:
        fields["ids"] = tuple(fields["ids"])
    if "memories" in fields:
        fields["memories"] = tuple(
            Kept(**memory) if isinstance(memory, dict) else tuple(memory) for memory in fields["memories"]
        )
    if "origins" in fields:
        fields["origins"] = tuple(Stated(**it) for it in fields["origins"])
    return _BY_NAME[wire["outcome"]](**fields)
