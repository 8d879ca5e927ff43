"""Why the last start was refused, for those who didn't see the output of `run`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from mem0_syncd.errors import Problem
from mem0_syncd.system.atomic_file import write_text
from mem0_syncd.system.state_folder import StateFolder


def record(state: Path, problem: Problem) -> None:
    """Store the problem; raises `SyncdError` if that can't be written."""
    write_text(StateFolder(state).refusal, json.dumps(problem.as_dict()), mode=0o600)


def clear(state: Path) -> None:
    """Delete it: the daemon has started."""
    StateFolder(state).refusal.unlink(missing_ok=True)


def read(state: Path) -> list[Problem]:
    """The problem of the last start, if there was one."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return [Problem.from_dict(json.loads(StateFolder(state).refusal.read_text(encoding="utf-8")))]
    return []
