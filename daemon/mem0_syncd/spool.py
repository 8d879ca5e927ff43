"""The spool: events of other processes, one file each, until the daemon or its next start takes them up.

    {"event": "session", "session_id", "cwd", "hook", "at", "root", "state", "blockers", "note"}
    {"event": "remember", "text", "kind", "project", "category", "agent", "outcome", "at"}

Every value is text or null. It imports next to nothing, because hooks write here.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mem0_syncd.errors import Problem

FOLDER = "spool"

_FORMS = {
    "session": {"session_id", "cwd", "hook", "at", "root", "state", "blockers", "note"},
    "remember": {"text", "kind", "project", "category", "agent", "outcome", "at"},
}
_EVENT, _HALF_WRITTEN, _SET_ASIDE = ".json", ".tmp", ".bad"
_ABANDONED_SECONDS = 60.0


def put(state: Path, event: Mapping[str, str | None]) -> Path:
    """Spool an event durably, open to this user alone; returns its file."""
    folder = _private(_private(state) / FOLDER)
    # Files sort by the time of their events; the rest of the name keeps two writers apart.
    path = folder / f"{time.time_ns():020}-{os.urandom(4).hex()}{_EVENT}"
    _write(path, event)
    return path


def complete(path: Path, event: Mapping[str, str | None]) -> None:
    """Put a fuller event in place of a spooled one, unless that was taken already."""
    if path.exists():
        _write(path, event)


def take(state: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The spooled events with their files, oldest first; `remove` each when it is dealt with.

    A file that holds no event is set aside, where `problems` finds it.
    """
    folder = state / FOLDER
    _sweep(folder)
    for path in sorted(folder.glob(f"*{_EVENT}")):
        try:
            event = _parse(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError):
            with contextlib.suppress(OSError):
                path.rename(path.with_suffix(_SET_ASIDE))
            continue
        yield path, event


def remove(path: Path) -> None:
    """Forget an event; it may be gone already."""
    path.unlink(missing_ok=True)


def problems(state: Path) -> list[Problem]:
    """What was set aside, as `status` shows it."""
    from mem0_syncd.errors import Problem

    return [
        Problem("a spooled event can't be read", str(path), "look into the file, then delete it")
        for path in sorted((state / FOLDER).glob(f"*{_SET_ASIDE}"))
    ]


def _parse(data: bytes) -> dict[str, Any]:
    event = json.loads(data)
    form = _FORMS.get(str(event.get("event"))) if isinstance(event, dict) else None
    if form is None or not form <= event.keys():
        raise ValueError("no event")
    if not all(value is None or isinstance(value, str) for value in event.values()):
        raise ValueError("a value is no text")
    return dict(event)


def _write(path: Path, event: Mapping[str, str | None]) -> None:
    half_written = path.with_suffix(_HALF_WRITTEN)
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
    # The name is durable when its folder is.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(folder: Path) -> None:
    """Delete what a writer that was killed left half written."""
    for path in folder.glob(f"*{_HALF_WRITTEN}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _private(folder: Path) -> Path:
    from mem0_syncd.paths import make_private

    return make_private(folder)
