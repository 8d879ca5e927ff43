"""Where memories go: one module a destination, and this table of them.

Only what the courier runs is in here, so that the daemon never imports mem0ai.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mem0_syncd.destinations.base import (
    CannotOpen,
    Destination,
    Hit,
    Remote,
    kept,
    ours,
    remove_doubles,
)
from mem0_syncd.destinations.redactions import redacted_there
from mem0_syncd.destinations.renewal import renewed

__all__ = [
    "CannotOpen",
    "Destination",
    "Hit",
    "Remote",
    "kept",
    "open_destination",
    "ours",
    "redacted_there",
    "remove_doubles",
    "renewed",
]


def open_destination(name: str, config: Mapping[str, Any]) -> Destination:
    """The destination of that name, ready to push; raises `CannotOpen` with the outcome it means."""
    if name == "platform":
        from mem0_syncd.destinations.platform import Platform

        return Platform.open(config)
    if name == "server":
        from mem0_syncd.destinations.server import Server

        return Server.open(config)
    if name == "embedded" and "mem0" in config:
        from mem0_syncd.destinations.own_store import OwnStore

        return OwnStore.open(config)
    if name == "embedded":
        from mem0_syncd.destinations.embedded import Embedded

        return Embedded.open(config)
    raise ValueError(f"no destination is called {name!r}")
