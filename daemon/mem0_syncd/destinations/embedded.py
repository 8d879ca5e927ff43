"""Mem0 in a local folder: the open-source `Memory` on Qdrant, with our own embedder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mem0 import Memory as Mem0
from mem0.configs.base import MemoryConfig
from mem0.vector_stores.configs import VectorStoreConfig

from mem0_syncd.core import embedding
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Found, Held, Later, Outcome, PushOutcome, Refused, Stored, Unknown
from mem0_syncd.destinations import embedder
from mem0_syncd.destinations.base import CannotOpen
from mem0_syncd.destinations.mem0_oss import NO_MODEL, OpenSource, our_embedder
from mem0_syncd.system.storage_faults import OF_THE_MACHINE


class Embedded(OpenSource):
    """One local store. Only one process may open it and, in it, only one thread.

    With more threads acknowledged adds were seen to be gone after reopening.
    """

    threads = 1

    def __init__(self, folder: Path) -> None:
        super().__init__(open_store(folder))
        self._folder = folder
        # No other process writes while the store is open, so that a set of keys tells when to look.
        self._keys: dict[str, set[str]] = {}

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> Embedded:
        """The store in the folder `config["path"]`, which is made if it isn't there; raises `CannotOpen`."""
        folder = Path(config["path"])
        try:
            return cls(folder)
        except embedder.EmbedderMissing as error:
            raise CannotOpen(Held(str(error), 'pip install "mem0-syncd[embedded]"')) from error
        except OF_THE_MACHINE as error:
            raise CannotOpen(Later(f"the store in {folder} can't be opened: {error}")) from error
        except RuntimeError as error:  # qdrant_client: "... already accessed by another instance ..."
            raise CannotOpen(Later(f"the store in {folder} is in use: {error}")) from error

    def push(self, memory: Memory, memory_id: str | None) -> Outcome:
        """Add or update; `Stored` means that it is on disk. What is there already is not added."""
        try:
            return self._revise(memory, memory_id) if memory_id else self._add(memory)
        except OF_THE_MACHINE as error:
            return self._look_again(memory, memory_id, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this push's outcome
            return Refused(f"Mem0 refused it: {type(error).__name__}: {str(error)[:300]}")

    def _add(self, memory: Memory) -> Outcome:
        keys = self._keys_of(memory.user_id)
        if memory.sync_key in keys and not isinstance(found := self.look(memory), Absent):
            return found
        answer = self._add_to_mem0(memory, infer=False)
        results = answer.get("results", [])
        if len(results) != 1:
            return Unknown(f"Mem0 answered {len(results)} results for one memory")
        keys.add(memory.sync_key)
        return Stored((str(results[0]["id"]),))

    def _revise(self, memory: Memory, memory_id: str) -> PushOutcome:
        outcome = self._update(memory, memory_id)
        self._keys_of(memory.user_id).add(memory.sync_key)
        return outcome

    def _keys_of(self, user_id: str) -> set[str]:
        """The keys that may be there: that of a deleted memory costs one look, and no more."""
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

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from a read means."""
        return Unknown(f"the store in {self._folder} failed: {error}")

    def close(self) -> None:
        """Close Mem0 and its Qdrant client, or the folder stays locked."""
        self._mem0.vector_store.client.close()
        self._mem0.close()


def open_store(folder: Path) -> Mem0:
    """Mem0 in a folder, which is made if it isn't there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Mem0(
        MemoryConfig(
            vector_store=VectorStoreConfig(
                provider="qdrant",
                config={
                    "path": str(folder / "qdrant"),
                    # Vectors belong to the embedder that made them.
                    "collection_name": f"mem0-syncd-{embedding.NAME}",
                    "embedding_model_dims": embedding.DIMENSIONS,
                    "on_disk": True,
                },
            ),
            embedder=our_embedder(),
            llm=NO_MODEL,
            history_db_path=str(folder / "history.sqlite3"),
        )
    )
