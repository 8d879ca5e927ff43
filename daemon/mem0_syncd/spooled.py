"""From spooled events to items: a session that ends, and what a person wants remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mem0_syncd.item import SHORTEST_TEXT, Item, Kind
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.sources import Reading
from mem0_syncd.sources.base import text_of
from mem0_syncd.sources.rules import agent_id_of, metadata_of
from mem0_syncd.sources.session import BLOCKERS_PATH, STATE_PATH, summarise

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


def understand(event: Mapping[str, Any], project: ProjectRow, made: Made) -> Reading:
    """The item that an event says."""
    if event["event"] == "remember":
        return Reading(items=(_remembered(event, project.id),))
    return summarise(
        _session_file(event, "state", project, STATE_PATH),
        _session_file(event, "blockers", project, BLOCKERS_PATH),
        project=project.id,
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


def _session_file(event: Mapping[str, Any], name: str, project: ProjectRow, path: str) -> bytes | None:
    """A session file as the hook saw it; as it is now, where the hook had to leave it out."""
    root = Path(event.get("root") or project.path)
    if root != project.path and project.path not in root.parents:
        return None  # another folder's session
    text = event[name]
    if text is not None:
        return str(text).encode("utf-8", "replace")
    try:
        return (root / path).read_bytes() if event.get("note") else None
    except OSError:
        return None
