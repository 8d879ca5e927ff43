"""The spool: events of other processes, one file each, until the daemon or its next start takes them up.

    {"event": "session", "session_id", "cwd", "hook", "at", "root", "state", "blockers", "note"}
    {"event": "remember", "text", "kind", "project", "category", "agent", "outcome", "at", "id", "supersedes"}

Every value is text or null. `id` is the event's own, so that it makes nothing twice, and `supersedes` names
what it is to replace; what an earlier version has spooled has neither. `root` is the folder that `state` and
`blockers`, a session's files, are of; `note` says why they are missing, if they are. This imports next to
nothing, because hooks write here.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mem0_syncd.system.paths import make_private, sync_folder
from mem0_syncd.system.state_folder import StateFolder

if TYPE_CHECKING:
    from mem0_syncd.errors import Problem

_FORMS = {
    "session": {"session_id", "cwd", "hook", "at", "root", "state", "blockers", "note"},
    "remember": {"text", "kind", "project", "category", "agent", "outcome", "at"},
}
_EVENT, _BEGUN, _HALF_WRITTEN, _SET_ASIDE = ".json", ".begun", ".tmp", ".bad"
_ABANDONED_SECONDS = 60.0


def put(state: Path, event: Mapping[str, str | None]) -> None:
    """Spool an event durably, open to this user alone."""
    _write(_new(state, _EVENT), event)


def begin(state: Path, event: Mapping[str, str | None]) -> Path:
    """Spool an event that is still to be completed; otherwise it counts as it is after a while."""
    path = _new(state, _BEGUN)
    _write(path, event)
    return path


def complete(begun: Path, event: Mapping[str, str | None]) -> None:
    """Put a complete event in the place of one that was begun."""
    _write(begun.with_suffix(_EVENT), event)
    remove(begun)


def take(state: Path, now: float) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The spooled events with their files, oldest first; `remove` each when it is dealt with.

    A file that holds no event is set aside, where `problems` finds it.
    """
    folder = StateFolder(state).spool
    _settle_abandoned(folder, now)
    for path in sorted(folder.glob(f"*{_EVENT}")):
        try:
            event = _parse(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            from mem0_syncd.errors import is_want_of_handles

            if is_want_of_handles(error):
                raise
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(_SET_ASIDE))
            continue
        yield path, event


def waiting(state: Path) -> Iterator[dict[str, Any]]:
    """The spooled events, oldest first, to look at only."""
    for path in sorted(StateFolder(state).spool.glob(f"*{_EVENT}")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            yield _parse(path.read_bytes())


def remove(path: Path) -> None:
    """Delete an event; it may be gone already."""
    path.unlink(missing_ok=True)


def problems(state: Path) -> list[Problem]:
    """The events that were set aside, as `status` shows them."""
    from mem0_syncd.errors import Problem

    return [
        Problem("a spooled event can't be read", str(path), "look into the file, then delete it")
        for path in sorted(StateFolder(state).spool.glob(f"*{_SET_ASIDE}"))
    ]


def _parse(data: bytes) -> dict[str, Any]:
    event = json.loads(data)
    form = _FORMS.get(str(event.get("event"))) if isinstance(event, dict) else None
    if form is None or not form <= event.keys():
        raise ValueError("no event")
    if not all(value is None or isinstance(value, str) for value in event.values()):
        raise ValueError("a value isn't text")
    return dict(event)


def _write(path: Path, event: Mapping[str, str | None]) -> None:
    half_written = path.with_name(f"{path.name}{_HALF_WRITTEN}")
    handle = os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle has no path
            file.write(json.dumps(dict(event)).encode())
            file.flush()
            os.fsync(handle)
        half_written.replace(path)
    except BaseException:
        half_written.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _settle_abandoned(folder: Path, now: float) -> None:
    """Count what was begun, and delete what was half written, if the writer must have been killed."""
    for path in (*folder.glob(f"*{_BEGUN}"), *folder.glob(f"*{_HALF_WRITTEN}")):
        with contextlib.suppress(OSError):
            if abs(now - path.stat().st_mtime) < _ABANDONED_SECONDS:
                continue
            if path.suffix == _BEGUN:
                path.rename(path.with_suffix(_EVENT))
            else:
                path.unlink()


def _new(state: Path, suffix: str) -> Path:
    folder = make_private(StateFolder(make_private(state)).spool)
    # Files sort by the time of their events; the rest of the name keeps two writers apart.
    return folder / f"{time.time_ns():020}-{os.urandom(4).hex()}{suffix}"
