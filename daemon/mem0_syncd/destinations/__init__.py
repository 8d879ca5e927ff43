"""Where memories go: one module for each kind of destination.

Only what the courier runs is in here, so that the daemon never imports mem0ai.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mem0_syncd.core.destination_kinds import called
from mem0_syncd.destinations.base import (
    CannotOpen,
    Destination,
    Hit,
    Remote,
    kept,
    ours,
)
from mem0_syncd.destinations.redacted_there import redacted_there
from mem0_syncd.destinations.rehashed_memory import renewed

__all__ = [
    "CannotOpen",
    "Destination",
    "Hit",
    "Remote",
    "kept",
    "open_destination",
    "ours",
    "redacted_there",
    "renewed",
]


def open_destination(name: str, config: Mapping[str, Any]) -> Destination:
    """The destination of the kind with that name, ready to push.

    Raises `CannotOpen` with the outcome that it means, and `LookupError` for an unknown name.
    """
    module, its_class = called(name).opened_by
    opening: Any = getattr(import_module(f"{__name__}.{module}"), its_class)
    destination: Destination = opening.open(config)
    return destination
