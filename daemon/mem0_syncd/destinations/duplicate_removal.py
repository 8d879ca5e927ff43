"""The removal of duplicate memories: each only if it is a double at that moment."""

from __future__ import annotations

from collections.abc import Sequence

from mem0_syncd.core.duplicate_memories import is_double_of
from mem0_syncd.destinations.base import Destination, kept


def remove_doubles(destination: Destination, survivor: str, extras: Sequence[str]) -> list[str]:
    """Delete memories in favour of another one, each only if it is its double now; returns their ids.

    Raises what the library raises.
    """
    removed = []
    for number in extras:
        stays, goes = destination.get(survivor), destination.get(number)
        if stays and goes and is_double_of(kept(goes), kept(stays)):
            destination.delete(number)
            removed.append(number)
    return removed
