"""What came of one request to a destination: a value, never an exception."""

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
    """It is surely not stored, through no fault of its own; `after` seconds at least must pass."""

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may be stored, or not; `after` is how long Mem0 asked to be left alone, in seconds.

    `by_text` is whether the item is to be looked for by its text as well as by its key: Mem0 may have it in
    another memory.
    """

    reason: str
    after: float = 0.0
    by_text: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """Mem0 works on it; the event will tell."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Mem0 will never take this item as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """No item's fault: nothing goes until a person has done something."""

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
    """The memory that an update names says it already, with more of it redacted: it was left as it is."""

    memory_id: str
    content_hash: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A look-up that succeeded found nothing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What Mem0 holds of ours for a user id: sync key, memory id and content hash of each.

    `newest` is when the newest memory of all was made there, as Mem0 writes it; '' where there is none.
    `origins` says whose they are.
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
    """The doubles that were deleted; one that turned out to be none is left out, and left alone."""

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
