"""The sync-state file, shared with other programs: their marks are read, ours are added.

It is the only file of a project that is ever written.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from mem0_syncd import atomic_file
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.item import instant
from mem0_syncd.outbox import faults
from mem0_syncd.outbox.marks import Markable
from mem0_syncd.sources.base import parse_json
from mem0_syncd.swap import swap
from mem0_syncd.unreadable import Unreadable

PATH = ".claude/coordination/.decision-sync-state.json"
OURS = "mem0_syncd"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class SyncState:
    """A sync-state file as read: every id marked in it, and which of them are ours."""

    document: dict[str, Any]
    marked: frozenset[str]
    ours: frozenset[str]

    @property
    def foreign(self) -> frozenset[str]:
        """The ids that others marked; one that no UTF-8 can hold is no item's."""
        return frozenset(i for i in self.marked - self.ours if _is_utf_8(i))


def parse(data: bytes) -> SyncState:
    """The sync state that the file's bytes say; raises `Unreadable`."""
    document = parse_json(data)
    marked = document.get("synced_decisions", []) if isinstance(document, dict) else None
    ours = document.get(OURS, {}) if isinstance(document, dict) else None
    if not (_is_ids(marked) and isinstance(ours, dict) and all(_is_ids(ids) for ids in ours.values())):
        raise Unreadable(
            "not a sync-state document",
            remedy='it is {"synced_decisions": [ids], ...}; mend it or move it away',
        )
    return SyncState(document, frozenset(marked), frozenset(i for ids in ours.values() for i in ids))


def merge(state: SyncState, identity: str, marks: Markable) -> dict[str, Any]:
    """The document with our marks in it; whatever else it says is kept."""
    mine = state.document.get(OURS, {})
    last = _rfc3339(marks.last_delivery) if marks.last_delivery else None
    before = state.document.get("last_sync")
    return {
        "version": "1.0",
        **state.document,
        "last_sync": max((it for it in (last, before) if isinstance(it, str)), key=instant, default=None),
        "synced_decisions": sorted(state.marked | marks.delivered),
        "pending_count": marks.open,
        OURS: {**mine, identity: sorted({*mine.get(identity, ()), *marks.delivered})},
    }


def read(project: Path) -> SyncState | None:
    """A project's sync state, None where there is no file.

    Raises `Unreadable`, and `OSError` for want of file handles.
    """
    path = project / PATH
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        if is_want_of_handles(error):
            raise
        raise Unreadable(f"can't be read: {error.strerror}", remedy="check what is at that path") from None


def write(project: Path, identity: str, marks: Markable) -> bool:
    """Bring the file in line with our receipts, atomically; returns whether it wasn't.

    Raises `Unreadable` and `OSError`.
    """
    # A link stays a link: the file that it names is replaced.
    path = Path(os.path.realpath(project / PATH))
    for _ in range(_TRIES):
        before = signature(path)
        state = read(project)
        if state is None and not marks.delivered:
            return False
        state = state or SyncState({}, frozenset(), frozenset())
        document = merge(state, identity, marks)
        if document == state.document or (not marks.delivered and not state.ours):
            return False
        if _replace(path, document, unless_changed_from=before):
            return True
    return False


def problem_of(error: Unreadable | OSError) -> Problem:
    """A sync-state problem as `status` shows it."""
    if isinstance(error, Unreadable):
        where = f"{PATH}: {error.place}" if error.place else PATH
        return Problem(f"the sync-state file is left alone: {error.what}", where, error.remedy)
    fault = faults.problem_of(error, Path(PATH))
    remedy = fault.remedy if fault else "check what is at that path"
    return Problem(f"the sync-state file can't be written: {error.strerror}", PATH, remedy)


def _replace(path: Path, document: dict[str, Any], *, unless_changed_from: tuple[int, ...] | None) -> bool:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    text = text if _is_utf_8(text) else json.dumps(document, indent=2)
    mode = 0o600
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode & 0o777
    put = partial(_put, unless_changed_from=unless_changed_from)
    return atomic_file.replace(path, f"{text}\n".encode(), mode=mode, put=put)


def _put(new: Path, path: Path, *, unless_changed_from: tuple[int, ...] | None) -> bool:
    """Give a new file its place; returns whether the former one was as it was read."""
    if signature(path) != unless_changed_from:
        return False
    if unless_changed_from is None:
        return _create(new, path)
    if not swap(new, path):
        # The other writers take no lock: the narrower this gap, the less of theirs can be lost.
        new.replace(path)
        return True
    if signature(new) == unless_changed_from:
        return True
    swap(new, path)  # another one wrote in between: back with what it wrote
    return False


def _create(new: Path, path: Path) -> bool:
    try:
        path.hardlink_to(new)
    except FileExistsError:
        return False
    except OSError:  # a file system that has no such thing
        new.replace(path)
    return True


def signature(path: Path) -> tuple[int, ...] | None:
    """What tells a sync-state file from its earlier self; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _is_utf_8(text: str) -> bool:
    # JSON allows lone surrogates, UTF-8 doesn't.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_ids(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(member, str) for member in value)


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
