"""A file replaced as a whole: whoever reads it meets the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, data: bytes, *, mode: int, unless: Callable[[], bool] | None = None) -> bool:
    """Put synced `data` in the place of a file, which needn't exist; returns whether it was done.

    `unless` is asked just before: what it objects to isn't done. Raises `OSError`.
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
        if unless is not None and unless():
            return False
        temporary.replace(path)
        return True
    finally:
        temporary.unlink(missing_ok=True)
