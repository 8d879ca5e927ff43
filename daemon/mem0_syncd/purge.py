"""Deleting what mem0-syncd keeps on this machine, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mem0_syncd import credentials, paths

_IN_STATE = (
    "outbox*",
    "lock",
    "holder.json",
    "socket",
    "spool",
    "inventories",
    "mem0",
    "mem0-home",
    "refusal.json",
    "hook.log",
)


def doomed(state: Path, environ: Mapping[str, str]) -> list[Path]:
    """What would be deleted: known names only, for a person may have named any folder."""
    files = [path for pattern in _IN_STATE for path in sorted(state.glob(pattern))]
    files += [credentials.key_file(environ), paths.config_file(environ)]
    return [path for path in files if path.exists()]


def delete(files: Iterable[Path]) -> Iterator[str]:
    """Delete them, and the folders that are empty then; says what was done, a line each."""
    for path in files:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()
        yield f"{path}: deleted"
