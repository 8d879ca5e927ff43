"""mem0's open-source `Memory`, with any store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mem0 import Memory as Mem0
from mem0.embeddings.configs import EmbedderConfig
from mem0.utils.factory import EmbedderFactory

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Gone, LookOutcome, PushOutcome, Stored, Unknown
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.destinations import embedder
from mem0_syncd.destinations.base import Hit, Remote, choose

_PROVIDER = "mem0-syncd"
_MANY = 1_000_000

# Mem0 builds a language model in any case; with `infer` off it is never called.
NO_MODEL = {"provider": "openai", "config": {"api_key": "never used"}}


def our_embedder() -> EmbedderConfig:
    """The bundled embedder, as a configuration for Mem0."""
    EmbedderFactory.provider_to_class[_PROVIDER] = f"{embedder.__name__}.{embedder.LocalEmbedder.__name__}"
    return EmbedderConfig.model_construct(provider=_PROVIDER, config={})


class OpenSource(ABC):
    """The half of a destination that reads, and what both kinds of writing share."""

    account = ""
    listing_limit: float = _MANY

    def __init__(self, mem0: Mem0) -> None:
        self._mem0 = mem0

    @abstractmethod
    def outcome_of(self, error: Exception) -> Any:
        """What an exception from a read means."""

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:  # noqa: ARG002 - never deduplicates
        """Find the memory by key: of several, the one with this content, then the oldest."""
        try:
            matches = self.copies(memory.user_id, memory.sync_key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this look-up's outcome
            outcome: LookOutcome = self.outcome_of(error)
            return outcome
        return choose(matches, memory)

    def poll(self, event_id: str) -> PushOutcome:
        """The open-source Mem0 has no events."""
        return Unknown(f"this Mem0 has no event {event_id}")

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """The nearest memories by the store's embedder."""
        hits = []
        for user_id in user_ids:
            found = self._mem0.search(query, filters={"user_id": user_id}, top_k=limit, threshold=0.0)
            hits += [
                Hit(
                    str(it["id"]),
                    it["memory"],
                    user_id,
                    float(it["score"]),
                    it.get("metadata") or {},
                    str(it.get("created_at") or ""),
                    str(it.get("agent_id") or ""),
                )
                for it in found["results"]
            ]
        return sorted(hits, key=lambda hit: hit.score, reverse=True)[:limit]

    def listing(
        self,
        user_id: str,
        since: str = "",  # noqa: ARG002 - reads are free here
        tell: Tell = to_nobody,  # noqa: ARG002 - all is read at once
    ) -> list[Remote]:
        """Every memory of a user id."""
        return self._list({"user_id": user_id})

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory of a user id with this key."""
        listed = self._list({"user_id": user_id, "sync_key": sync_key})
        return [it for it in listed if it.is_of(user_id, sync_key)]

    def get(self, memory_id: str) -> Remote | None:
        """One memory as it is now."""
        it = self._mem0.get(memory_id)
        return _remote(it) if it is not None else None

    def delete(self, memory_id: str) -> None:
        """Delete a memory."""
        if self._mem0.get(memory_id) is not None:
            self._mem0.delete(memory_id)

    def _update(self, memory: Memory, memory_id: str) -> PushOutcome:
        known = self.get(memory_id)
        if known is None:
            return Gone("the memory is no longer there")
        self._mem0.update(memory_id, text=memory.text, metadata=known.replaced_by(memory))
        return Stored((memory_id,))

    def _add_to_mem0(self, memory: Memory, *, infer: bool) -> Any:
        return self._mem0.add(
            memory.text,
            user_id=memory.user_id,
            agent_id=memory.agent_id,
            metadata=dict(memory.metadata),
            infer=infer,
        )

    def _list(self, filters: dict[str, str]) -> list[Remote]:
        answer = self._mem0.get_all(filters=filters, top_k=self.listing_limit, show_expired=True)
        return [_remote(it) for it in answer["results"]]


def _remote(it: Mapping[str, Any]) -> Remote:
    # What the library itself has made is not checked like a server's answer (`answer_checks.remote_of`): one
    # odd memory of another program in a shared store would keep all others from being listed.
    created_at, user_id = str(it["created_at"]), str(it.get("user_id") or "")
    agent_id = str(it.get("agent_id") or "")
    return Remote(
        str(it["id"]),
        it["memory"],
        it.get("metadata") or {},
        created_at,
        user_id,
        agent_id,
    )
