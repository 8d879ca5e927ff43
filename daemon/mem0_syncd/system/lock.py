"""The state folder's lock: its holder is the process that delivers."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mem0_syncd.errors import StateFolderBusy
from mem0_syncd.system.state_folder import StateFolder


@contextmanager
def deliverer(state: Path, command: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock for the block; raises `StateFolderBusy`, which names the holder.

    A command is waited for, `wait` seconds at most. A daemon isn't, because it ends only on a signal.
    """
    lock = FileLock(StateFolder(state).lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if wait <= 0 or holder(state).get("command") == "run":
            raise _busy(state) from None
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise _busy(state) from None
    try:
        with contextlib.suppress(OSError):  # on a full disk the lock alone must be enough
            said = json.dumps({"pid": os.getpid(), "command": command})
            StateFolder(state).holder.write_text(said, encoding="utf-8")
        yield
    finally:
        with contextlib.suppress(OSError):
            StateFolder(state).holder.unlink()
        lock.release()


def holder(state: Path) -> dict[str, Any]:
    """What the lock's holder wrote about itself, if anything; it may have ended."""
    try:
        said = json.loads(StateFolder(state).holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _busy(state: Path) -> StateFolderBusy:
    who = holder(state)
    said = f"`mem0-syncd {who.get('command')}` (pid {who.get('pid')})" if who else "another process"
    return StateFolderBusy(
        f"{said} already delivers from this state folder",
        where=str(state),
        remedy="use that one, or name another folder with MEM0_SYNCD_STATE_DIR",
    )
