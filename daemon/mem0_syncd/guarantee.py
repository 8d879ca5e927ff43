"""How certain it is that an item is one memory: by what a destination's look-ups can prove."""

from __future__ import annotations

EXACTLY_ONCE = "exactly-once"
AT_LEAST_ONCE = "at-least-once"

_EXACT = {"qdrant", "chroma", "pgvector"}
"""The vector stores in which Mem0 finds what it has just acknowledged, by any key of its metadata."""


def is_exact(provider: str) -> bool:
    """Whether a vector store, by Mem0's name for it, proves an absence."""
    return provider in _EXACT


def guarantee(name: str, address: str) -> str:
    """The guarantee of a destination.

    A server lists a thousand memories of a user id at most, and what stores them isn't known; of a store
    of the user's own, the address begins with the vector store's name.
    """
    if name == "server":
        return AT_LEAST_ONCE
    is_folder = address.startswith("/")
    if name == "embedded" and not is_folder and not is_exact(address.partition(" ")[0]):
        return AT_LEAST_ONCE
    return EXACTLY_ONCE
