"""Replaces a file as a whole: a reader gets the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mem0_syncd.errors import SyncdError


def replace(path: Path, data: bytes, *, mode: int, put: Callable[[Path, Path], bool] | None = None) -> bool:
    """Put synced `data` in the place of a file, which needn't exist; returns whether it was done.

    `put` moves the temporary file to its place, and returns whether it did; without it the file is renamed.
    Raises `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.tmp.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        if put is not None:
            return put(temporary, path)
        temporary.replace(path)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, mode: int) -> None:
    """Put a text in the place of a file, or of the one that a link names; raises `SyncdError`."""
    try:
        replace(Path(os.path.realpath(path)), text.encode(), mode=mode)
    except OSError as error:
        raise SyncdError(
            f"can't be written: {error.strerror}", where=str(path), remedy="make its folder writable"
        ) from None
