"""From an item to what Mem0 gets: user id, text and metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mem0_syncd.item import Item, Kind, Scalar

GLOBAL_BEST_PRACTICES = "orchestkit-global-best-practices"
SOURCE = "mem0-syncd"

_SCOPES = {
    Kind.SESSION_SUMMARY: "{project}-continuity",
    Kind.DECISION: "{project}-decisions",
    Kind.AGENT_PATTERN: "{project}-agents",
    Kind.BEST_PRACTICE: GLOBAL_BEST_PRACTICES,
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What one push carries, whichever destination it goes to."""

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


def user_id(kind: Kind, project: str) -> str:
    """The Mem0 `user_id` that a kind of a project goes to."""
    return _SCOPES[kind].format(project=project)


def memory_of(item: Item, *, infer: bool = False) -> Memory:
    """What Mem0 gets for an item, before redaction."""
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
        },
        infer=infer,
    )
