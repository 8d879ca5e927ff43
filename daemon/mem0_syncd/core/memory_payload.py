"""From an item to what Mem0 gets: user id, text and metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mem0_syncd.core.item import Item, Kind, Scalar, digest, time_referred_to

GLOBAL_BEST_PRACTICES = "orchestkit-global-best-practices"
SOURCE = "mem0-syncd"

OURS = frozenset({"project", "source", "sync_key", "content_hash"})
"""The names of metadata that are ours, and no part of what an item says."""

NAMES = frozenset(
    {
        *OURS,
        *("type", "category", "status", "outcome", "has_blockers", "has_next_steps"),
    }
)
"""The names of metadata that belong to what a memory says. All others are Mem0's own, or `LATER`."""

LATER = frozenset({"origin"})
"""Names that a later version added: in no hash, and compared only where both sides have them."""

_SCOPES = {
    Kind.SESSION_SUMMARY: "{project}-continuity",
    Kind.DECISION: "{project}-decisions",
    Kind.AGENT_PATTERN: "{project}-agents",
    Kind.BEST_PRACTICE: GLOBAL_BEST_PRACTICES,
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What one push carries, to any destination."""

    user_id: str
    text: str
    agent_id: str | None
    metadata: dict[str, Scalar]
    infer: bool = False

    @property
    def sync_key(self) -> str:
        """The key that every later look-up asks for."""
        return str(self.metadata["sync_key"])

    @property
    def content_hash(self) -> str:
        """The hash that tells this revision from another one."""
        return str(self.metadata["content_hash"])

    @property
    def fingerprint(self) -> str:
        """What tells whether Mem0 still has what was sent; '' if its language model writes the text."""
        return "" if self.infer else fingerprint(self.text, self.metadata)

    def freeze(self) -> str:
        """The memory as the text that is stored, and resent byte for byte."""
        return json.dumps(
            {
                "user_id": self.user_id,
                "text": self.text,
                "agent_id": self.agent_id,
                "metadata": self.metadata,
                "infer": self.infer,
            },
            ensure_ascii=False,
        )

    @classmethod
    def thaw(cls, frozen: str) -> Memory:
        """The memory that `freeze` wrote."""
        return cls(**json.loads(frozen))


def fingerprint(text: str, metadata: Mapping[str, Any]) -> str:
    """A hash of a memory's text and of the metadata that we send."""
    said = {name: metadata[name] for name in NAMES if metadata.get(name) is not None}
    return digest(text.strip(), said)


def user_id(kind: Kind, project: str) -> str:
    """The Mem0 `user_id` for a kind of a project's items."""
    return _SCOPES[kind].format(project=project)


def project_of(user_id: str) -> str | None:
    """The project that a Mem0 `user_id` belongs to; None for the one that all projects share."""
    for scope in _SCOPES.values():
        prefix, _, suffix = scope.partition("{project}")
        if user_id != scope and user_id.startswith(prefix) and user_id.endswith(suffix):
            return user_id.removeprefix(prefix).removesuffix(suffix)
    return None


def memory_of(item: Item, *, infer: bool = False, origin: str = "") -> Memory:
    """What Mem0 gets for an item, before redaction; `origin` is its repository, if known."""
    return Memory(
        user_id=user_id(item.kind, item.project),
        text=item.text,
        agent_id=item.agent_id,
        metadata={
            **item.metadata,
            "project": item.project,
            "source": SOURCE,
            "sync_key": item.sync_key,
            "content_hash": item.content_hash,
            **({"origin": origin} if origin else {}),
        },
        infer=infer,
    )


def said_by(
    memory: Memory, kind: Kind = Kind.DECISION, project: str = "", source_id: str | None = None
) -> Item:
    """The item that a memory says: its hash is that of what is sent, and its key mostly, too."""
    said = {name: value for name, value in memory.metadata.items() if name not in OURS | LATER}
    when = time_referred_to(memory.text, source_id) if source_id is not None else None
    return Item(kind, project, memory.text, said, source_id, when, memory.agent_id)


def present_key(before: Item, as_sent: Item, key: str) -> str:
    """The present key of what had another one before redaction, by the items that its memory says."""
    if before.source_id is None:
        return as_sent.identity
    return key if before.identity == key else as_sent.twin_identity
