"""What a nursery of the crash tests has in it: a process that it forks says which it is, and at which step.

mem0ai is among it, which takes long: no variable that it reads differs between two starts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from crash import steps
from crash.board import COURIER, VARIABLE, Role
from mem0_syncd.destinations import embedded, platform  # noqa: F401 - what takes long to import

_BOARD = os.environ[VARIABLE]
_SHIM = ctypes.CDLL(None)

steps.install()


def begin(command: Sequence[str]) -> None:
    """Meet the test at its board, if a command is one that may be killed there."""
    role = Role.COURIER if COURIER in command else Role.DAEMON if "run" in command else Role.TEST
    if role is not Role.TEST:
        # It isn't among the few variables that a courier gets.
        os.environ[VARIABLE] = _BOARD
        _SHIM.crash_begin(role)
