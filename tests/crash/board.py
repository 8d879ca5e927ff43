"""The board on which a test and the processes that it kills meet: which call to die at, and what was done.

`shim.c` is the other end of it: it is compiled here, and preloaded into whatever is started with
`Board.environment`.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLE = "CRASH_BOARD"
"""Names the board's folder to `shim.c`."""

COURIER = "mem0_syncd.courier.worker"
"""What a courier's command names."""

ROLES, STEPS = 3, 64
_CONTROL = struct.Struct(f"<5I{ROLES * STEPS}I")
_RECORD = struct.Struct("<4Iq4I")


class Role(IntEnum):
    """The process that a call is of."""

    TEST = 0
    DAEMON = 1
    COURIER = 2


class Step(IntEnum):
    """Where on its way a path is; the first ones `shim.c` tells by what a call is made on."""

    ELSEWHERE = 0
    DETECT = 1
    HAND_OVER = 2
    HEAR = 3
    CONNECT = 4
    SEND = 5
    ANSWER = 6
    CONTROL = 7
    STORE = 8
    SCAN = 16
    ENQUEUE = 17
    SPOOL = 18
    CLAIM = 19
    CONTACT = 20
    SECOND_LOOK = 21
    SETTLE = 22
    MARK = 23
    REPAIR = 24


@dataclass(frozen=True, slots=True)
class Point:
    """Just before the Nth call that a process makes at a step."""

    role: Role
    step: Step
    number: int


class Fate(IntEnum):
    """What became of a call; one that its process was killed before was never made."""

    DONE = 0
    KILLED = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the log has it; a `note` is what a process had to say."""

    point: Point
    name: str
    target: str
    other: str
    offset: int
    data: bytes
    fate: Fate


@cache
def _folder() -> TemporaryDirectory[str]:
    """Where the shim is; it is gone when this process ends."""
    return TemporaryDirectory(prefix="crash-")


@cache
def shim() -> Path | None:
    """The compiled shim; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = Path(_folder().name) / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Board:
    """A folder that daemon and courier are shown by their environment."""

    def __init__(self, folder: Path) -> None:
        library = shim()
        assert library is not None
        folder.mkdir()
        self._log = folder / "log"
        self._log.touch()
        (folder / "control").write_bytes(bytes(_CONTROL.size))
        with (folder / "control").open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)
        self.environment = {VARIABLE: str(folder), "LD_PRELOAD": str(library)}

    def arm(self, point: Point | None = None, *, with_data: bool = False) -> None:
        """Count and log from now on, and kill whoever comes to the point."""
        self.disarm()
        os.truncate(self._log, 0)
        where = (point.role, point.step, point.number) if point else (0, 0, 0)
        self._control[:] = _CONTROL.pack(0, with_data, *where, *[0] * (ROLES * STEPS))
        self._control[:4] = struct.pack("<I", 1)

    def disarm(self) -> None:
        """Do nothing more."""
        self._control[:4] = bytes(4)

    def note(self, text: str) -> None:
        """Say in the log what the test did, or saw."""
        name, target = b"note", text.encode()
        record = _RECORD.pack(0, 0, 0, 0, 0, len(name), len(target), 0, 0) + name + target
        with self._log.open("ab", buffering=0) as log:
            log.write(record)

    def size(self) -> int:
        """How much the log holds: it grows with every call."""
        return self._log.stat().st_size

    def calls(self) -> Iterator[Call]:
        """The log so far."""
        data = self._log.read_bytes()
        at = 0
        while at + _RECORD.size <= len(data):
            role, step, number, fate, offset, *sizes = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            parts = []
            for size in sizes:
                parts.append(data[at : at + size])
                at += size
            name, target, other = (part.decode(errors="replace") for part in parts[:3])
            point = Point(Role(role), Step(step), number)
            yield Call(point, name, target, other, offset, parts[3], Fate(fate))

    def killed_at(self) -> Call | None:
        """The call before which a process was killed, if one was."""
        return next((call for call in self.calls() if call.fate is Fate.KILLED), None)
