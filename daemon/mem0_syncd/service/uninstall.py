"""Deletes what mem0-syncd keeps on this machine, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mem0_syncd.config import stored_api_key
from mem0_syncd.system import paths
from mem0_syncd.system.state_folder import StateFolder


def doomed(state: Path, environ: Mapping[str, str]) -> list[Path]:
    """What would be deleted: the known contents of the state folder, the stored key, and the settings."""
    others = (stored_api_key.key_file(environ), paths.config_file(environ))
    return [*StateFolder(state).contents(), *(path for path in others if path.exists())]


def delete(files: Iterable[Path]) -> Iterator[str]:
    """Delete them, and the folders that are empty then; yields what was done, a line each."""
    for path in files:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()
        yield f"{path}: deleted"
