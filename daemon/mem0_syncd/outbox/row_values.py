"""Values for the outbox's rows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.core import destination_kinds
from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.destination_kinds import DestinationKind, Guarantee
from mem0_syncd.core.entry import Entry, State
from mem0_syncd.errors import Problem

_MENDED, _NOTED = " ", "  "
"""How the remedy ends of a problem that needs nobody, and of a note: their table has no column for that."""

_FORMERLY_MENDED = {
    "nothing: it is read again",
    "nothing: it is read again; what was agreed holds until then",
}
"""The remedies of such problems that earlier versions have stored, which only the wording tells."""

_BY_TEXT = "Mem0 answered success with empty results"
"""The stored reason, in every version's outbox, of an entry that is looked up by its text as well."""


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """One destination, its identity and its standing."""

    id: int
    name: str
    address: str
    account: str
    standing: Health

    @property
    def identity(self) -> str:
        """What receipts and marks belong to."""
        return " ".join(filter(None, (self.name, self.address, self.account)))

    @property
    def kind(self) -> DestinationKind:
        """Its row in the table of kinds."""
        return destination_kinds.stored(self.name, self.address)

    @property
    def guarantee(self) -> Guarantee:
        """How certain it is that an item is one memory there."""
        return self.kind.guarantee_at(self.address)


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A watched folder: its project's fixed id, and who asked for it: `command` or `settings`.

    A project has one folder of its own, and those of its linked git worktrees.
    """

    id: str
    path: Path
    origin: str = "command"
    is_worktree: bool = False

    @property
    def tree(self) -> str:
        """The worktree's path; '' for the project's own folder."""
        return str(self.path) if self.is_worktree else ""


def as_destination(row: sqlite3.Row) -> DestinationRow:
    """A destination."""
    standing = Health(
        Reach(row["reach"]),
        row["reason"],
        row["remedy"],
        row["retry_at"],
        row["step"],
        row["doubts"],
        row["asked_until"],
    )
    return DestinationRow(row["id"], row["name"], row["address"], row["account"], standing)


def as_problem(row: sqlite3.Row) -> Problem:
    """A reported problem."""
    remedy = row["remedy"]
    if remedy.endswith(_NOTED):
        return Problem(row["what"], row["place"], remedy.rstrip(), needs_you=False, is_note=True)
    text = remedy.removesuffix(_MENDED)
    return Problem(row["what"], row["place"], text, text == remedy and text not in _FORMERLY_MENDED)


def stored_remedy(problem: Problem) -> str:
    """A problem's remedy as its row holds it, with whether the problem needs a person."""
    remedy = problem.remedy.rstrip()
    if problem.is_note:
        return remedy + _NOTED
    return remedy if problem.needs_you else remedy + _MENDED


def as_project(row: sqlite3.Row) -> ProjectRow:
    """A watched folder."""
    return ProjectRow(row["id"], Path(row["path"]), row["origin"], bool(row["is_worktree"]))


def as_entry(row: sqlite3.Row, *, project: str = "", kind: str = "") -> Entry:
    """An entry; `project` and `kind` are its item's, if the row doesn't have them."""
    return Entry(
        id=row["id"],
        sync_key=row["sync_key"],
        project=project or row["project"],
        kind=kind or row["kind"],
        state=State(row["state"]),
        frozen=row["frozen"],
        content_hash=row["content_hash"],
        major=bool(row["major"]),
        attempts=row["attempts"],
        sends=row["sends"],
        created_at=row["created_at"],
        memory_id=row["memory_id"],
        target_gone=bool(row["target_gone"]),
        event_id=row["event_id"],
        accepted_at=row["accepted_at"],
        certain_at=row["certain_at"],
        reason=row["reason"],
        by_text=row["reason"] == _BY_TEXT,
    )


def stored_reason(reason: str, *, by_text: bool) -> str:
    """The stored reason why an entry's outcome is unknown, with whether it is looked up by its text."""
    return _BY_TEXT if by_text else reason
