"""A repository's origin, which tells it from every other one, whatever its folder's name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mem0_syncd.core.foreign_memories import UNKNOWN
from mem0_syncd.core.item import digest

SECONDS = 12.0
"""Seconds that reading a history may take; the reader has less time of the processor."""

_COMMIT = re.compile(rb"[0-9a-f]{40}\n")

_NEEDED = ("HOME", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that Python itself may need to find what is installed."""


def origin_of(
    folder: Path,
    trusted: Iterable[Path] = (),
    *,
    environ: Mapping[str, str],
    started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> str:
    """A hash of the first commit of the repository whose main work tree is in a folder, else `UNKNOWN`.

    It is the same in every clone. Of several first commits it is the one at the end of all first parents: the
    main line has one, whatever was merged into it. Nothing of the repository is run, and its configuration
    isn't read. The reader gets some variables of `environ`. `trusted` are folders that the user's settings
    allow. `started` is called with the process that reads, which may be killed.
    """
    try:
        reader = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "mem0_syncd.repository_origin.reader",
                *map(os.fsencode, (folder, *trusted)),
            ],
            cwd="/",
            env={name: environ[name] for name in _NEEDED if name in environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in a terminal is for the daemon, and says nothing about a history.
            start_new_session=True,
        )
    except (OSError, ValueError):
        return UNKNOWN
    with reader:
        started(reader)
        try:
            said, _ = reader.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            reader.kill()
            return UNKNOWN
    if reader.returncode or not _COMMIT.fullmatch(said):
        return UNKNOWN
    return digest("origin", said.decode().strip())
