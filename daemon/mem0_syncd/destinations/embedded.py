"""Mem0 in a local folder: the open-source `Memory` on Qdrant, with our own embedder."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mem0 import Memory as Mem0
from mem0.configs.base import MemoryConfig
from mem0.embeddings.configs import EmbedderConfig
from mem0.utils.factory import EmbedderFactory
from mem0.vector_stores.configs import VectorStoreConfig

from mem0_syncd.destinations import embedder
from mem0_syncd.destinations.base import CannotOpen, Hit, Remote, choose
from mem0_syncd.memory import Memory
from mem0_syncd.outcome import (
    Absent,
    Found,
    Gone,
    Held,
    Later,
    LookOutcome,
    Outcome,
    PushOutcome,
    Refused,
    Stored,
    Unknown,
)

_PROVIDER = "mem0-syncd"
_MANY = 1_000_000

_OF_THE_MACHINE = (OSError, sqlite3.Error, MemoryError)
"""What fails because of the disk or the memory, and through no fault of the item."""


class Embedded:
    """One local store; it is for one process and, in it, for one thread.

    With more threads acknowledged adds were seen to be gone after reopening.
    """

    threads = 1
    account = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mem0 = open_store(folder)
        # Nobody else writes while the store is open, so that a set of keys tells when to look.
        self._keys: dict[str, set[str]] = {}

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> Embedded:
        """The store in the folder `config["path"]`, made if need be; raises `CannotOpen`."""
        folder = Path(config["path"])
        try:
            return cls(folder)
        except embedder.EmbedderMissing as error:
            raise CannotOpen(Held(str(error), 'pip install "mem0-syncd[embedded]"')) from error
        except _OF_THE_MACHINE as error:
            raise CannotOpen(Later(f"the store in {folder} can't be opened: {error}")) from error
        except RuntimeError as error:  # qdrant_client: "... already accessed by another instance ..."
            raise CannotOpen(Later(f"the store in {folder} is in use: {error}")) from error

    def push(self, memory: Memory, memory_id: str | None) -> Outcome:
        """Add or update, and on disk when it returns `Stored`; what is there already is not added."""
        try:
            return self._update(memory, memory_id) if memory_id else self._add(memory)
        except _OF_THE_MACHINE as error:
            return self._look_again(memory, memory_id, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this push's outcome
            return Refused(f"Mem0 refused it: {type(error).__name__}: {str(error)[:300]}")

    def _add(self, memory: Memory) -> Outcome:
        keys = self._keys_of(memory.user_id)
        if memory.sync_key in keys and not isinstance(found := self.look(memory), Absent):
            return found
        answer = self._mem0.add(
            memory.text,
            user_id=memory.user_id,
            agent_id=memory.agent_id,
            metadata=dict(memory.metadata),
            infer=False,
        )
        results = answer.get("results", [])
        if len(results) != 1:
            return Unknown(f"Mem0 answered {len(results)} results for one memory")
        keys.add(memory.sync_key)
        return Stored((str(results[0]["id"]),))

    def _update(self, memory: Memory, memory_id: str) -> PushOutcome:
        known = self._mem0.get(memory_id)
        if known is None:
            return Gone("the memory is no longer there")
        # Mem0 merges: what the former revision said, and this one doesn't, must be taken back.
        former = dict.fromkeys(known.get("metadata") or {})
        self._mem0.update(memory_id, text=memory.text, metadata={**former, **memory.metadata})
        self._keys_of(memory.user_id).add(memory.sync_key)
        return Stored((memory_id,))

    def _keys_of(self, user_id: str) -> set[str]:
        """The keys that may be there: one of a memory that is gone by now costs a look, and no more."""
        if user_id not in self._keys:
            self._keys[user_id] = {str(it.metadata.get("sync_key", "")) for it in self.listing(user_id)}
        return self._keys[user_id]

    def _look_again(self, memory: Memory, memory_id: str | None, error: Exception) -> PushOutcome:
        # Qdrant changes its memory before the disk, and Mem0 writes its history after both: only
        # what a fresh store reads from the disk tells whether the memory is there.
        failed = Later(f"the store in {self._folder} failed: {error}")
        self._keys.clear()
        try:
            self.close()
            self._mem0 = open_store(self._folder)
        except Exception as again:  # noqa: BLE001 - the store stays closed: nothing is known
            return Unknown(f"the store in {self._folder} failed: {error}; {again}")
        match self.look(memory):
            case Found(found, content_hash) if content_hash == memory.content_hash:
                return Stored((found,))
            case Absent() if memory_id is None:
                return failed
            case Found():
                return failed
            case _:
                return Unknown(failed.reason)

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:  # noqa: ARG002 - never deduplicates
        """Find the memory by key: of several, the one with this content, then the oldest."""
        try:
            matches = self._list({"user_id": memory.user_id, "sync_key": memory.sync_key})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this look-up's outcome
            return self.outcome_of(error)
        return choose(matches, memory)

    def poll(self, event_id: str) -> PushOutcome:
        """The local store has no events."""
        return Unknown(f"the local store has no event {event_id}")

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """The nearest memories by the local embedder."""
        hits = []
        for user_id in user_ids:
            found = self._mem0.search(query, filters={"user_id": user_id}, top_k=limit, threshold=0.0)
            hits += [
                Hit(str(it["id"]), it["memory"], user_id, float(it["score"]), it.get("metadata") or {})
                for it in found["results"]
            ]
        return sorted(hits, key=lambda hit: hit.score, reverse=True)[:limit]

    def listing(self, user_id: str, since: str = "") -> list[Remote]:  # noqa: ARG002 - reads are free here
        """Every memory of a user id."""
        return self._list({"user_id": user_id})

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory of a user id with this key."""
        return self._list({"user_id": user_id, "sync_key": sync_key})

    def get(self, memory_id: str) -> Remote | None:
        """One memory as it is now."""
        it = self._mem0.get(memory_id)
        return _remote(it) if it is not None else None

    def delete(self, memory_id: str) -> None:
        """Delete a memory."""
        if self._mem0.get(memory_id) is not None:
            self._mem0.delete(memory_id)

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from a read means."""
        return Unknown(f"the store in {self._folder} failed: {error}")

    def _list(self, filters: dict[str, str]) -> list[Remote]:
        answer = self._mem0.get_all(filters=filters, top_k=_MANY, show_expired=True)
        return [_remote(it) for it in answer["results"]]

    def close(self) -> None:
        """Close Mem0 and its Qdrant client, or the folder stays locked."""
        self._mem0.vector_store.client.close()
        self._mem0.close()


def _remote(it: Mapping[str, Any]) -> Remote:
    created_at, user_id = str(it["created_at"]), str(it.get("user_id") or "")
    return Remote(str(it["id"]), it["memory"], it.get("metadata") or {}, created_at, user_id)


def open_store(folder: Path) -> Mem0:
    """Mem0 in a folder, made if need be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    EmbedderFactory.provider_to_class[_PROVIDER] = f"{embedder.__name__}.{embedder.LocalEmbedder.__name__}"
    return Mem0(
        MemoryConfig(
            vector_store=VectorStoreConfig(
                provider="qdrant",
                config={
                    "path": str(folder / "qdrant"),
                    # Vectors belong to the embedder that made them.
                    "collection_name": f"mem0-syncd-{embedder.NAME}",
                    "embedding_model_dims": embedder.DIMENSIONS,
                    "on_disk": True,
                },
            ),
            embedder=EmbedderConfig.model_construct(provider=_PROVIDER, config={}),
            # Mem0 builds a language model in any case; with `infer` off it is never called.
            llm={"provider": "openai", "config": {"api_key": "never used"}},
            history_db_path=str(folder / "history.sqlite3"),
        )
    )
