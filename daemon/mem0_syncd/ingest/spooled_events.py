"""From spooled events to items: a session that ends, and what a person remembers by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mem0_syncd.core.item import REMEMBERED, Item, Kind
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.sources import Reading
from mem0_syncd.sources.base import text_of
from mem0_syncd.sources.session_summary import BLOCKERS_PATH, STATE_PATH, summarise
from mem0_syncd.sources.shared_rules import agent_id_of, metadata_of
from mem0_syncd.sources.withholding import too_short
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import LONGEST_SESSION, UntrustedFolder

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


def understand(
    event: Mapping[str, Any], project: ProjectRow, made: Made, *, trusted: Iterable[Path] = ()
) -> Reading:
    """The item that an event says; `trusted` are the folders that the user's settings trust."""
    if event["event"] == "remember":
        return Reading(items=(_remembered(event, project.id),))
    root = Path(event.get("root") or project.path)
    is_ours = root == project.path or project.path in root.parents
    session = _Session(event, UntrustedFolder(root, trusted=trusted), is_ours=is_ours)
    reading = summarise(
        session.file("state", STATE_PATH),
        session.file("blockers", BLOCKERS_PATH),
        project=project.id,
        session_id=event["session_id"],
        decisions=made.decisions,
        patterns=made.patterns,
    )
    return replace(reading, problems=(*session.problems, *reading.problems))


def _remembered(event: Mapping[str, Any], project: str) -> Item:
    kind = KINDS.get(str(event["kind"]), Kind.DECISION)
    text = text_of(event["text"])
    return Item(
        kind=kind,
        project=project,
        text=text,
        metadata=metadata_of(kind, event),
        agent_id=agent_id_of(event) if kind is Kind.AGENT_PATTERN else None,
        weighty=True,  # a person waits for it
        withheld=too_short(text),
        source=REMEMBERED,
    )


class _Session:
    """A session's files: as the hook saw them, or as they are now, if the hook had to leave them out."""

    def __init__(self, event: Mapping[str, Any], folder: UntrustedFolder, *, is_ours: bool) -> None:
        self._event, self._folder, self._is_ours = event, folder, is_ours
        self.problems: list[Problem] = []

    def file(self, name: str, path: str) -> bytes | None:
        """The contents of one of the files; None if the session is another folder's."""
        text = self._event[name]
        if not self._is_ours or (text is None and not self._event.get("note")):
            return None
        if text is not None:
            return str(text).encode("utf-8", "replace")
        # Of blockers the last count.
        read = self._folder.read_end if path.endswith(".jsonl") else self._folder.read
        try:
            return read(path, LONGEST_SESSION)
        except RefusedFile as error:
            self.problems.append(error.problem(path))
        except OSError as error:
            if is_want_of_handles(error):
                raise
        return None
