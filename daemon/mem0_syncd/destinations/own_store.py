"""A store of the user's own, by their mem0 configuration: pgvector, a Qdrant server, Ollama, ..."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from mem0 import Memory as Mem0
from mem0.configs.base import MemoryConfig
from mem0.embeddings.configs import EmbedderConfig
from pydantic import ValidationError

from mem0_syncd.core.destination_kinds import vector_store
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Held, Later, Outcome, Refused, Unknown
from mem0_syncd.destinations.base import CannotOpen
from mem0_syncd.destinations.embedder import EmbedderMissing
from mem0_syncd.destinations.http_errors import outcome_of_add
from mem0_syncd.destinations.mem0_oss import NO_MODEL, OpenSource, our_embedder
from mem0_syncd.destinations.own_store_errors import first_line, lacks_table, outcome_of_error

_CHECK = "check MEM0_SYNCD_EMBEDDED__CONFIG"
_CONNECT_SECONDS = 10
_FEW = 1000  # other stores refuse to list more at once, from some number on


class OwnStore(OpenSource):
    """A store that others may write to as well, so that each add is looked up first."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config`: mem0 (the configuration), history (the path of Mem0's own database), threads."""
        self._config = config
        self.threads = config["threads"]
        provider = config["mem0"]["vector_store"]["provider"]
        if not vector_store(provider).is_exact:
            self.listing_limit = _FEW
        self._infers = "llm" in config["mem0"]
        super().__init__(_build(config))
        if provider == "pgvector":
            _knock(self._mem0.vector_store.connection_pool.conninfo)
        # Mem0 makes the collection at its first use, and several threads must not do it at once.
        self.copies("mem0-syncd", "nothing")

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> OwnStore:
        """The store, as the configuration says; raises `CannotOpen`."""
        try:
            return cls(config)
        except CannotOpen:
            raise
        except EmbedderMissing as error:
            raise CannotOpen(Held(str(error), 'pip install "mem0-syncd[embedded]"')) from error
        except ValidationError as error:
            # Its own words repeat the values, which include passwords.
            wrong = "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors())
            raise CannotOpen(Held(f"mem0 can't use the configuration: {wrong}", _CHECK)) from None
        except Exception as error:
            outcome = outcome_of_error(error)
            # Nothing was sent yet, so a failure here makes no entry doubtful.
            if isinstance(outcome, Refused):
                raise CannotOpen(Held(outcome.reason, _CHECK)) from error
            raise CannotOpen(Later(outcome.reason) if isinstance(outcome, Unknown) else outcome) from error

    def push(self, memory: Memory, memory_id: str | None) -> Outcome:
        """Add or update; what is there already is not added."""
        try:
            if memory_id is not None:
                return self._update(memory, memory_id)
            found = self.look(memory)
            if isinstance(found, Unknown):
                return Later(found.reason)
            if not isinstance(found, Absent):
                return found
            answer = self._add_to_mem0(memory, infer=memory.infer and self._infers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this push's outcome
            return self._outcome_of(error)
        return outcome_of_add(answer)

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from a read means; a refusal says nothing about a memory."""
        outcome = self._outcome_of(error)
        return Unknown(outcome.reason) if isinstance(outcome, Refused) else outcome

    def _outcome_of(self, error: Exception) -> Later | Unknown | Held | Refused:
        if lacks_table(error):
            # Mem0 looks for its table, and makes it, only once in a process.
            self._mem0.vector_store._collection_ensured = False  # noqa: SLF001 - there is no other way
        return outcome_of_error(error)

    def close(self) -> None:
        """Close Mem0 and what its vector store holds."""
        for name in ("connection_pool", "client"):
            close = getattr(getattr(self._mem0.vector_store, name, None), "close", None)
            if close:
                close()
        self._mem0.close()


def _build(config: Mapping[str, Any]) -> Mem0:
    Path(config["history"]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {"llm": NO_MODEL, "history_db_path": config["history"], **config["mem0"]}
    own = given.pop("embedder", None)
    return Mem0(MemoryConfig(**given, embedder=EmbedderConfig(**own) if own else our_embedder()))


def _knock(conninfo: str) -> None:
    """Connect once: the pool reports only after half a minute that it has no connection."""
    psycopg: Any = import_module("psycopg")
    try:
        psycopg.connect(conninfo, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        said = f"PostgreSQL can't be reached: {first_line(error)}"
        is_refused = any(text in said for text in ("authentication failed", "does not exist", "no password"))
        raise CannotOpen(Held(said, _CHECK) if is_refused else Later(said)) from error
