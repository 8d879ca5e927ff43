"""An item: one thing that a source says, its identity and the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from mem0_syncd.core.position import NOWHERE, Position
from mem0_syncd.core.withheld import Withheld

Scalar = str | int | float | bool

SHORTEST_TEXT = 10
"""Characters, after trimming; shorter text isn't a memory (the sources' contract)."""

LONGEST_TEXT = 100_000
"""Characters; longer text becomes a dead letter instead of a push that Mem0 must refuse."""

QUEUE = "memory-queue"
"""The source whose lines may be echoes of another source's items."""

REMEMBERED = "remember"
"""The source of what a person put in by hand."""

SESSION = "session"
"""The source of what a session was about."""

UNFILED = frozenset({REMEMBERED, SESSION})
"""The sources of what no file says, so that it is kept here whole."""

RECORD = "record:"
"""How the `source_id` of a decision record begins, so that no decision log has the same."""


class Kind(StrEnum):
    """The four kinds of memory; the values are those of `status --json`."""

    SESSION_SUMMARY = "session_summary"
    DECISION = "decision"
    AGENT_PATTERN = "agent_pattern"
    BEST_PRACTICE = "best_practice"


@dataclass(frozen=True, slots=True)
class SentAs:
    """What stands for an item outside of this machine: its key, and the hash of what is sent.

    `twin_key` is its key as a second item with its id and time. `former_hash` is the hash that this very
    revision had before, if it had another one: by an earlier detector or version.
    """

    sync_key: str
    content_hash: str
    twin_key: str = ""
    former_hash: str = ""


@dataclass(frozen=True)
class Item:
    """One thing that a source says, as the source has it.

    `text` and `metadata` are what Mem0 would get, before redaction. `when` is the source's own time,
    unparsed. `path` and `place` are where it stood. They are no part of its identity, and nor is `echo`, the
    fingerprint that a decision record and its line in the memory queue share. What is `withheld` doesn't
    leave the machine.
    """

    kind: Kind
    project: str
    text: str
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    source_id: str | None = None
    when: str | None = None
    agent_id: str | None = None
    weighty: bool = False
    withheld: Withheld | None = None
    source: str = ""
    path: str = ""
    place: Position = NOWHERE
    is_twin: bool = False
    echo: str | None = None
    sent_as: SentAs | None = None

    @property
    def sync_key(self) -> str:
        """The item's key in Mem0: stable over revisions, files, machines and reinstalls."""
        return self.sent_as.sync_key if self.sent_as else self.identity

    @property
    def content_hash(self) -> str:
        """The hash of everything that is sent: it changes when the item is revised."""
        return self.sent_as.content_hash if self.sent_as else self.revision

    @cached_property
    def identity(self) -> str:
        """What tells the item from all others, as its source has it.

        For an item with a secret it must never leave. Of an item as it is sent it is the key.
        """
        if self.source_id is None:
            scope = "" if self.kind is Kind.BEST_PRACTICE else self.project
            return digest("text", self.kind, scope, self.agent_id, self.text)
        if self.is_twin:
            return self.twin_identity
        return digest("id", self.kind, self.project, self.source_id, instant(self.when))

    @cached_property
    def twin_identity(self) -> str:
        """Its identity as a second item with its id and time: its text is a part of it."""
        return digest("id", self.kind, self.project, self.source_id, instant(self.when), self.text)

    @property
    def twin_key(self) -> str:
        """Its key in Mem0 as a second item with its id and time; '' where that isn't known."""
        return self.sent_as.twin_key if self.sent_as else self.twin_identity

    @cached_property
    def revision(self) -> str:
        """What tells this revision from all others, as its source has it; it must never leave either."""
        return digest(self.text, self.agent_id, dict(self.metadata))

    def was_sent_as(self, content_hash: str | None) -> bool:
        """Whether a hash is that of this very revision, by whichever detector it was sent."""
        former = self.sent_as.former_hash if self.sent_as else ""
        return content_hash is not None and content_hash in (self.content_hash, former)

    def to_be_sent_as(self, sent_as: SentAs | None) -> Item:
        """The same item, as it is sent."""
        # `replace` would compute its hashes again, and every item of a long log goes through here at a start.
        item = object.__new__(Item)
        item.__dict__.update(self.__dict__, sent_as=sent_as)
        return item

    def as_twin(self) -> Item:
        """The same item under the key of a second one with its id and time: its text joins the key."""
        sent_as = replace(self.sent_as, sync_key=self.sent_as.twin_key) if self.sent_as else None
        return replace(self, is_twin=True, sent_as=sent_as)


def former_keys(item: Item) -> list[tuple[str, str]]:
    """The keys that an item was ever sent under beside its own, each with the present one.

    They are compared on this machine, and must never leave: former versions made a key of a text as its
    source has it, before redaction. An item with an id may have been a second one with its id and time.
    """
    keys = [(item.identity, item.sync_key)]
    if item.source_id is not None and item.twin_key:
        keys.append((item.twin_identity, item.twin_key))
    return [(former, key) for former, key in keys if former != key]


def instant(when: str | None) -> str:
    """The UTC instant that a source's time names, so that one moment has one spelling.

    A date is its midnight, and a time without a zone is UTC. What can't be parsed is returned as it is.
    """
    if when is None:
        return ""
    try:
        moment = datetime.fromisoformat(when.strip().upper())
    except ValueError:
        return when.strip()
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError:
        return when.strip()


def digest(*parts: object) -> str:
    """One hash of several values; the order of keys doesn't matter."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def time_referred_to(text: str, source_id: str | None) -> str | None:
    """The time that `sources.shared_rules.with_reference` has put at the end of a text; None if it hasn't."""
    _, found, reference = text.rpartition("\n(")
    name = (source_id or "").removeprefix(RECORD)
    if not found or not reference.startswith(f"{name}, ") or not reference.endswith(")"):
        return None
    return reference[len(name) + 2 : -1]
