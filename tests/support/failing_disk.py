"""A disk that fails under a running daemon, which takes no root: calls on a folder's files come to nothing.

`failing_disk.c` is the other end of it: it is compiled here, and preloaded into whatever is started with the
disk's environment.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import sys
from enum import IntFlag
from pathlib import Path

import pytest

_CONTROL = struct.Struct("<3I")


class Calls(IntFlag):
    """What fails: what only syncs, what changes something (an opening to write, too), and what reads."""

    SYNCS = 1
    WRITES = 2
    READS = 4


BROKEN = Calls.SYNCS | Calls.WRITES | Calls.READS


class FailingDisk:
    """A folder whose files can be had to fail, for processes that are started with `environment`."""

    def __init__(self, folder: Path, beside: Path) -> None:
        """`beside` is a new folder that is no part of the disk."""
        beside.mkdir()
        library, control = beside / "failing_disk.so", beside / "control"
        source = Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        control.write_bytes(bytes(_CONTROL.size))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAILING_FOLDER": str(folder),
            "FAILING_CONTROL": str(control),
        }

    def fail(self, calls: Calls, number: int) -> None:
        """Have calls fail with an error from now on."""
        self._control[:] = _CONTROL.pack(calls, number, 0)

    def mend(self) -> None:
        """Have all calls do again what they should."""
        self._control[:4] = bytes(4)

    @property
    def failures(self) -> int:
        """How many calls have failed since the disk began to."""
        return int(_CONTROL.unpack(self._control[:])[2])


def failing_disk(folder: Path, beside: Path) -> FailingDisk:
    """A disk that can fail; skips the test where that isn't to be had."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("a failing disk is a preloaded library: it takes Linux and a C compiler")
    return FailingDisk(folder, beside)
