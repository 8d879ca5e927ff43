"""From spooled events to items: a session that ends, and what a person wants remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mem0_syncd.item import SHORTEST_TEXT, Item, Kind
from mem0_syncd.sources import Reading
from mem0_syncd.sources.base import text_of
from mem0_syncd.sources.rules import agent_id_of, metadata_of
from mem0_syncd.sources.session import summarise

REMEMBERED = "remember"
"""The source of what a person put in by hand."""

KINDS = {
    "decision": Kind.DECISION,
    "pattern": Kind.AGENT_PATTERN,
    "best-practice": Kind.BEST_PRACTICE,
    "summary": Kind.SESSION_SUMMARY,
}
"""The kinds as the command line calls them."""


@dataclass(frozen=True, slots=True)
class Made:
    """How many decisions and patterns a session made."""

    decisions: int = 0
    patterns: int = 0


def understand(event: Mapping[str, Any], project: str, made: Made) -> Reading:
    """The item that an event says."""
    if event["event"] == "remember":
        return Reading(items=(_remembered(event, project),))
    return summarise(
        _bytes(event["state"]),
        _bytes(event["blockers"]),
        project=project,
        session_id=event["session_id"],
        decisions=made.decisions,
        patterns=made.patterns,
    )


def _remembered(event: Mapping[str, Any], project: str) -> Item:
    kind = KINDS.get(str(event["kind"]), Kind.DECISION)
    text = text_of(event["text"])
    return Item(
        kind=kind,
        project=project,
        text=text,
        metadata=metadata_of(kind, event),
        agent_id=agent_id_of(event) if kind is Kind.AGENT_PATTERN else None,
        weighty=True,  # somebody waits for it
        withheld=f"shorter than {SHORTEST_TEXT} characters" if len(text) < SHORTEST_TEXT else None,
        source=REMEMBERED,
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")
