"""Points at which the crash tests kill a process; without their variable they do nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "MEM0_SYNCD_FAILPOINT"
"""Set to `NAME` or `NAME:N`: the process is killed when it passes that point for the Nth time."""

_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Kill this process with SIGKILL if the crash tests asked for it here."""
    if name != _name:
        return
    _passed[name] += 1
    if _passed[name] == int(_count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
