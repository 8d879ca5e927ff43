"""The interface of every destination; outcomes are values, whatever the library raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mem0_syncd.core import foreign_memories as strangers
from mem0_syncd.core.duplicate_memories import Kept
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import NAMES, SOURCE, Memory, fingerprint, said_by, user_id
from mem0_syncd.core.outcome import (
    Absent,
    Found,
    Held,
    Later,
    Listed,
    LookOutcome,
    Outcome,
    PushOutcome,
    Unknown,
)
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.redact.item_redaction import MARK, Redactor

_LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """One memory that a search found; `score` is the destination's own, higher is nearer."""

    id: str
    text: str
    user_id: str
    score: float
    metadata: dict[str, Any]
    created_at: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """One memory as a destination holds it."""

    id: str
    text: str
    metadata: dict[str, Any]
    created_at: str
    user_id: str = ""
    agent_id: str = ""

    @property
    def size(self) -> int:
        """About how much memory it takes here, in bytes."""
        return 500 + len(self.text) + len(str(self.metadata))

    def is_of(self, user_id: str, sync_key: str) -> bool:
        """Whether it is this item's memory; not every store applies the filter of a search."""
        return self.user_id == user_id and self.metadata.get("sync_key") == sync_key

    def replaced_by(self, memory: Memory) -> dict[str, Any]:
        """The metadata of an update that replaces all of this memory's.

        The open-source Mem0 merges metadata. So names that this revision lacks must be set to nothing.
        """
        return {**dict.fromkeys(self.metadata), **memory.metadata}


class CannotOpen(Exception):
    """A destination can't be used now; the outcome holds for everything that was to be sent."""

    def __init__(self, outcome: Later | Held) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Destination(Protocol):
    """One Mem0, as the courier uses it.

    `threads` is how many threads may call it at once. `account` tells one owner from another. A listing of
    `listing_limit` memories may be incomplete.
    """

    threads: int
    account: str
    listing_limit: float

    def push(self, memory: Memory, memory_id: str | None) -> Outcome:
        """Add the memory, or update the one that `memory_id` names.

        Where reads are free it is looked up first: an add may find it there.
        """

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:
        """Find the memory by its sync key, and then by its exact text if asked to."""

    def poll(self, event_id: str) -> PushOutcome:
        """The outcome of an event that Mem0 had accepted."""

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """The memories of these user ids that are nearest to the query, best first."""

    def listing(self, user_id: str, since: str = "", tell: Tell = to_nobody) -> list[Remote]:
        """Every memory of a user id, merged and expired ones too; raises what the library raises.

        Where the listing is limited, each add is looked up first.

        `since` is a `created_at` of a memory that was listed before: what is much older may be left out.
        Where the listing is read in parts, `tell` is called with how many memories are read.
        """

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory of a user id with this key; raises what the library raises."""

    def get(self, memory_id: str) -> Remote | None:
        """One memory as it is now, None where it is gone; raises what the library raises."""

    def delete(self, memory_id: str) -> None:
        """Delete a memory, if it is there; raises what the library raises."""

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from `listing` or `search` means."""

    def close(self) -> None:
        """Release all resources; what was acknowledged is stored."""


def of_a_read(outcome: PushOutcome) -> Later | Unknown | Held:
    """What the outcome of an error means for a read: a refusal says nothing about a memory."""
    if isinstance(outcome, Later | Held | Unknown):
        return outcome
    return Unknown(f"the look-up was refused: {getattr(outcome, 'reason', outcome)}")


def choose(matches: Sequence[Remote], memory: Memory) -> Found | Absent:
    """Of the memories with one key: the one with this content, then the oldest, then the lowest id."""
    if not matches:
        return Absent()

    def rank(it: Remote) -> tuple[bool, str, str]:
        return content_hash(it) != memory.content_hash, it.created_at, it.id

    best = min(matches, key=rank)
    return Found(best.id, content_hash(best))


def content_hash(remote: Remote) -> str:
    """The revision that a memory carries; '' for one that isn't ours."""
    return _word(remote.metadata.get("content_hash"))


def _word(value: Any) -> str:
    """A key or a hash in our form; '' for anything else."""
    return value if isinstance(value, str) and len(value) <= _LONGEST_WORD and value.isascii() else ""


def origin(remote: Remote) -> str:
    """The repository that a memory carries; '' if it carries none."""
    return strangers.understood(remote.metadata.get("origin"))


def ours(memories: Sequence[Remote], redactor: Redactor) -> Listed:
    """Of each of our keys among some memories, the oldest, then the one with the lowest id.

    What has something redacted is listed once more, under the key that this machine's detector gives it. An
    earlier detector may have found less in it. A machine that adopts it by that key updates it.
    """
    by_key: dict[str, Remote] = {}
    for it in sorted(memories, key=lambda it: (it.created_at, it.id)):
        key = _word(it.metadata.get("sync_key"))
        if key and it.metadata.get("source") == SOURCE:
            by_key.setdefault(key, it)
    found = [(key, it.id, content_hash(it)) for key, it in by_key.items()]
    again = {key: it.id for it in reversed(by_key.values()) if (key := key_by_its_text(it, redactor))}
    found += [(key, number, "") for key, number in again.items() if key not in by_key]
    origins = strangers.OriginCounts()
    for it in memories:
        if it.metadata.get("source") == SOURCE:
            origins.add(origin(it), it.created_at)
    newest = max((it.created_at for it in memories), default="")
    return Listed(tuple(found), newest, origins.stated)


def key_by_its_text(remote: Remote, redactor: Redactor) -> str:
    """The key that this machine would give to a text with something redacted; '' for any other text."""
    project = str(remote.metadata.get("project", ""))
    kind = next((it for it in Kind if user_id(it, project) == remote.user_id), None)
    if kind is None:
        return ""
    said = {name: value for name, value in remote.metadata.items() if name in NAMES}
    memory = Memory(remote.user_id, remote.text, remote.agent_id or None, said)
    redacted = redactor.redact(said_by(memory, kind, project))
    is_redacted = redacted.kinds or MARK in remote.text
    return redacted.item.identity if is_redacted else ""


def kept(remote: Remote) -> Kept:
    """The fields of a memory that tell a double."""
    return Kept(
        remote.id,
        remote.user_id,
        str(remote.metadata.get("source", "")),
        _word(remote.metadata.get("sync_key")),
        content_hash(remote),
        remote.created_at,
        fingerprint(remote.text, remote.metadata),
        origin(remote),
    )
