"""The process that reads one history: it sets its limits first, then reads what may be anyone's bytes.

It prints the id of the first commit, or ends with an exit code other than 0.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from pathlib import Path

from mem0_syncd.system.parent_death import end_with_maker

PROCESSOR_SECONDS = 10
WALL_SECONDS = 12
MOST_MEMORY = 192 * 1024 * 1024
"""Bytes of its own memory; mapped files don't count."""

_LIMITS = {
    "RLIMIT_CPU": PROCESSOR_SECONDS,
    "RLIMIT_DATA": MOST_MEMORY,
    # It writes no file and starts no process, whatever it reads.
    "RLIMIT_FSIZE": 0,
    "RLIMIT_NPROC": 0,
    "RLIMIT_CORE": 0,
}


def main() -> None:
    """Print the first commit of the repository in a folder."""
    end_with_maker()
    signal.alarm(WALL_SECONDS)
    for name, most in _LIMITS.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):  # not every system has each
            resource.setrlimit(getattr(resource, name), (most, most))
    from mem0_syncd.repository_origin.first_commit import first_commit

    try:
        folder, *trusted = map(Path, sys.argv[1:])
        print(first_commit(folder, trusted))  # noqa: T201 - that is its answer
    except Exception as error:  # noqa: BLE001 - what is there need not be a repository at all
        sys.exit(f"unknown: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
