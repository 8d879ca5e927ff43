"""Which entries of a file must not be sent: those marked as local, and texts that are too short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mem0_syncd.core.item import SHORTEST_TEXT
from mem0_syncd.core.withheld import KEPT_HOME, Why, Withheld
from mem0_syncd.sources.shared_rules import ratings


def reason_to_withhold(entry: Mapping[str, Any], body: str) -> Withheld | None:
    """Why an entry with the text `body` must not be sent; None if it may."""
    if "local" in ratings(entry, "sharing_scope"):
        return KEPT_HOME
    return too_short(body)


def too_short(text: str) -> Withheld | None:
    """The reason to withhold a text that is too short for a memory; None for any other."""
    return Withheld(Why.TOO_SHORT) if len(text) < SHORTEST_TEXT else None
