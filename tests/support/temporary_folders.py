"""The temporary folders of a test run: gone at its end, whatever its tests and their processes left there.

In one of them whoever asks for a temporary folder gets one; the other one is in memory. The environment names
both to all processes of the run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

USUAL = "TMPDIR"
IN_MEMORY = "TESTS_IN_MEMORY"
KEEP = "TESTS_KEEP"
"""Set by a person who wants to look at what is left."""

_MEMORY = Path("/dev/shm")


def make() -> Callable[[], None]:
    """Make both and name them to this process and its children; returns what removes them."""
    made = [_make(USUAL, None)]
    if _MEMORY.is_dir():
        made.append(_make(IN_MEMORY, _MEMORY))
    tempfile.tempdir = None  # it is read from the environment again

    def remove() -> None:
        for folder in made:
            if os.environ.get(KEEP):
                print(f"kept: {folder}")  # noqa: T201 - whoever keeps it looks for it
            else:
                shutil.rmtree(folder, onerror=_open_up)

    return remove


def in_memory() -> str | None:
    """The run's folder in memory; None where there is none."""
    return os.environ.get(IN_MEMORY)


def _make(variable: str, where: Path | None) -> str:
    folder = os.environ[variable] = tempfile.mkdtemp(prefix="tests-", dir=where)
    Path(folder).chmod(0o711)  # other users come to what a test lets them come to
    return folder


def _open_up(remove: Callable[[str], object], name: str, _error: Any) -> None:
    """Remove what is in a folder that a test has closed; what is gone by now is no matter."""
    path = Path(name)
    if path.exists():
        path.parent.chmod(0o700)
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
            shutil.rmtree(path)
        else:
            remove(name)
