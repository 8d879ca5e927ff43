"""The sync-state file, shared with other programs: their marks are read, ours are added.

It is the only file of a project that is ever written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from mem0_syncd.core.item import instant
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.outbox.marks import Markable
from mem0_syncd.sources.base import parse_json
from mem0_syncd.system import storage_faults
from mem0_syncd.system.clock import rfc3339
from mem0_syncd.system.replaced_file import PlacedFile, Signature, signature_of
from mem0_syncd.system.unreadable_file import Unreadable
from mem0_syncd.system.untrusted_folder import UntrustedFolder

PATH = ".claude/coordination/.decision-sync-state.json"
OURS = "mem0_syncd"
LONGEST = 8 << 20
"""Bytes of the file: some 200,000 decisions, marked for one destination."""

_TRIES = 5


@dataclass(frozen=True, slots=True)
class SyncState:
    """A sync-state file as read: every id marked in it, and which of them are ours."""

    document: dict[str, Any]
    marked: frozenset[str]
    ours: frozenset[str]

    @property
    def foreign(self) -> frozenset[str]:
        """The ids that others marked; one that UTF-8 can't hold isn't an item's."""
        return frozenset(i for i in self.marked - self.ours if _is_utf_8(i))


@dataclass(frozen=True, slots=True)
class Written:
    """A sync-state file as it was just written, and the ids in it that others marked."""

    signature: Signature
    foreign: frozenset[str]


def parse(data: bytes) -> SyncState:
    """The sync state in the file's bytes; raises `Unreadable`."""
    document = parse_json(data)
    marked = document.get("synced_decisions", []) if isinstance(document, dict) else None
    ours = document.get(OURS, {}) if isinstance(document, dict) else None
    if not (_is_ids(marked) and isinstance(ours, dict) and all(_is_ids(ids) for ids in ours.values())):
        raise Unreadable(
            "not a sync-state document",
            remedy='it is {"synced_decisions": [ids], ...}; correct it or move it away',
        )
    return SyncState(document, frozenset(marked), frozenset(i for ids in ours.values() for i in ids))


def merge(state: SyncState, identity: str, marks: Markable) -> dict[str, Any]:
    """The document with our marks in it; everything else in it is kept."""
    mine = state.document.get(OURS, {})
    last = rfc3339(marks.last_delivery or None)
    before = state.document.get("last_sync")
    return {
        "version": "1.0",
        **state.document,
        "last_sync": max((it for it in (last, before) if isinstance(it, str)), key=instant, default=None),
        "synced_decisions": sorted(state.marked | marks.delivered),
        "pending_count": marks.open,
        OURS: {**mine, identity: sorted({*mine.get(identity, ()), *marks.delivered})},
    }


def read(folder: UntrustedFolder) -> SyncState | None:
    """A project's sync state, None without a file.

    Raises `Unreadable`, and `OSError` if file handles run out.
    """
    return _read(lambda: folder.read(PATH, LONGEST))


def write(folder: UntrustedFolder, identity: str, marks: Markable) -> Written | None:
    """Bring the file in line with our receipts, atomically; returns what was written.

    None if nothing had to be written. Its folder is not made, and no link is followed: what is reached
    through one isn't written. Raises `Unreadable` and `OSError`.
    """
    try:
        with folder.in_place(PATH) as end:
            return _bring_in_line(PlacedFile(end), identity, marks)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _bring_in_line(file: PlacedFile, identity: str, marks: Markable) -> Written | None:
    for _ in range(_TRIES):
        before = file.signature
        state = _read(lambda: file.read(LONGEST))
        if state is None and not marks.delivered:
            return None
        state = state or SyncState({}, frozenset(), frozenset())
        document = merge(state, identity, marks)
        if document == state.document or (not marks.delivered and not state.ours):
            return None
        text = json.dumps(document, indent=2, ensure_ascii=False)
        text = text if _is_utf_8(text) else json.dumps(document, indent=2)
        written = file.replace(f"{text}\n".encode(), unless_changed_from=before)
        if written is not None:
            return Written(written, state.foreign)
    return None


def _read(read: Callable[[], bytes]) -> SyncState | None:
    try:
        return parse(read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if is_want_of_handles(error):
            raise
        raise Unreadable(f"can't be read: {error.strerror}", remedy="check what is at that path") from None


def problem_of(error: Unreadable | OSError) -> Problem:
    """A sync-state problem as `status` shows it."""
    if isinstance(error, Unreadable):
        problem = error.problem(PATH)
        return replace(problem, what=f"the sync-state file is left alone: {problem.what}")
    fault = storage_faults.problem_of(error, Path(PATH))
    remedy = fault.remedy if fault else "check what is at that path"
    return Problem(f"the sync-state file can't be written: {error.strerror}", PATH, remedy)


def signature(folder: UntrustedFolder) -> Signature | None:
    """What tells a sync-state file from its earlier self; None without a file."""
    try:
        found = folder.stat(PATH)
    except (Unreadable, OSError):
        return None
    return signature_of(found) if found else None


def _is_utf_8(text: str) -> bool:
    # JSON allows lone surrogates, UTF-8 doesn't.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_ids(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(member, str) for member in value)
