"""A mem0 configuration of the user's own: read, checked as far as it concerns us, and identified.

Passwords and keys are in it, so nothing of its content is in any error.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mem0_syncd.core.embedding import DIMENSIONS
from mem0_syncd.core.embedding import NAME as EMBEDDER

_KNOWN = {
    "vector_store",
    "embedder",
    "llm",
    "reranker",
    "history_db_path",
    "custom_instructions",
    "version",
}

_COLLECTION = "mem0_syncd_" + EMBEDDER.replace("-", "_")
"""The collection of our own embedder's vectors; a name in PostgreSQL has 63 characters at most."""

_WITH_DIMENSIONS = {"pgvector", "qdrant"}

_IN_FOLDERS = {"qdrant", "chroma"}
"""Stores that Mem0 puts into a temporary or a relative folder unless one is named."""

_PLACES = (
    "url",
    "connection_string",
    "host",
    "port",
    "path",
    "dbname",
    "database",
    "db_name",
    "database_name",
    "tenant",
    "endpoint",
    "region",
    "index_name",
    "namespace",
    "collection_name",
)
"""Keys that say where a store is; no others are shown, for they may be secrets."""


class BadStoreConfig(ValueError):
    """The configuration can't be used."""


@dataclass(frozen=True)
class OwnStoreConfig:
    """A checked configuration, as mem0 takes it; without an embedder, ours is used."""

    config: dict[str, Any]

    @property
    def provider(self) -> str:
        """Mem0's name of the vector store."""
        return str(self.config["vector_store"]["provider"])

    @property
    def is_folder(self) -> bool:
        """Whether it is in a folder of this machine, which only one process can open at a time."""
        store = self.config["vector_store"]["config"]
        return "path" in store and not store.keys() & {"host", "url"}

    @cached_property
    def address(self) -> str:
        """The store's kind and place, and the embedder; never a credential."""
        store = self.config["vector_store"]["config"]
        places = [_shown(name, store[name]) for name in _PLACES if store.get(name) not in (None, "")]
        embedder = self.config.get("embedder")
        vectors = EMBEDDER
        if embedder:
            model = (embedder.get("config") or {}).get("model")
            vectors = "/".join(filter(None, (str(embedder.get("provider")), model)))
        return f"{self.provider} {' '.join(places)}#{vectors}"


def read(text: str) -> OwnStoreConfig:
    """The configuration that a setting names: a JSON or TOML file, or JSON; raises `BadStoreConfig`."""
    config = _parsed(text.strip())
    unknown = sorted(config.keys() - _KNOWN)
    if unknown:
        raise BadStoreConfig(f"mem0 has no {', '.join(unknown)}; it has {', '.join(sorted(_KNOWN))}")
    given = config.get("vector_store")
    if not isinstance(given, dict) or not isinstance(given.get("provider"), str):
        raise BadStoreConfig("it names no vector_store with its provider")
    if given["provider"] == "faiss":
        raise BadStoreConfig("FAISS acknowledges what it failed to save; take another vector store")
    store = given.get("config", {})
    if not isinstance(store, dict):
        raise BadStoreConfig("vector_store.config isn't a table")
    store = _completed(given["provider"], store, ours="embedder" not in config)
    if isinstance(history := config.get("history_db_path"), str):
        config["history_db_path"] = str(Path(history).expanduser().absolute())
    return OwnStoreConfig({**config, "vector_store": {"provider": given["provider"], "config": store}})


def _parsed(text: str) -> dict[str, Any]:
    try:
        if text.startswith("{"):
            config = json.loads(text)
        else:
            file = Path(text).expanduser()
            content = file.read_text(encoding="utf-8")
            config = tomllib.loads(content) if file.suffix == ".toml" else json.loads(content)
    except OSError as error:
        raise BadStoreConfig(f"the file can't be read: {error}") from None
    except ValueError as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadStoreConfig(f"neither JSON nor a file of JSON or TOML{place}") from None
    if not isinstance(config, dict):
        raise BadStoreConfig("it must be a table")
    return config


def _completed(provider: str, store: dict[str, Any], *, ours: bool) -> dict[str, Any]:
    """The store's own configuration with what the embedder decides, so that the identity names it."""
    if "path" in store:
        store = {**store, "path": str(Path(store["path"]).expanduser().absolute())}
    elif provider in _IN_FOLDERS and not store.keys() & {"url", "host", "tenant"}:
        raise BadStoreConfig("vector_store.config doesn't say where the store is")
    if not ours:
        return store
    if store.get("embedding_model_dims", DIMENSIONS) != DIMENSIONS:
        raise BadStoreConfig(
            f"vector_store.config.embedding_model_dims is not {DIMENSIONS}, as the bundled embedder needs"
        )
    if provider in _WITH_DIMENSIONS:
        return {"collection_name": _COLLECTION, "embedding_model_dims": DIMENSIONS, **store}
    return {"collection_name": _COLLECTION, **store} if provider == "chroma" else store


def _shown(name: str, value: Any) -> str:
    text = str(value)
    if "://" in text:
        parts = urlsplit(text)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    if name == "connection_string":  # PostgreSQL's other form: host=... dbname=... password=...
        pairs = dict(pair.partition("=")[::2] for pair in text.split())
        return " ".join(pairs[key] for key in ("host", "port", "dbname") if key in pairs)
    return text
