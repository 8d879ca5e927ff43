"""What a receipt claims about an item, to be compared with what Mem0 says."""

from __future__ import annotations

from dataclasses import dataclass

from mem0_syncd.core.duplicate_memories import Kept
from mem0_syncd.core.memory_payload import SOURCE


@dataclass(frozen=True, slots=True)
class Delivered:
    """An item and what its receipt claims about it; `fingerprint` is '' where it isn't known.

    `origins` are those that count as its project's own, if any is known.
    """

    sync_key: str
    project: str
    kind: str
    source_id: str | None
    memory_ids: tuple[str, ...]
    content_hash: str
    fingerprint: str
    delivered_at: float
    origins: frozenset[str] = frozenset()

    def is_said_by(self, memory: Kept) -> bool:
        """Whether a memory says what was sent."""
        is_it = (memory.source, memory.sync_key) == (SOURCE, self.sync_key)
        as_sent = self.fingerprint in ("", memory.fingerprint)
        is_of_it = not memory.origin or not self.origins or memory.origin in self.origins
        return is_it and memory.content_hash == self.content_hash and as_sent and is_of_it
