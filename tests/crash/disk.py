"""What a disk may hold after a power cut, by the calls that were made up to then."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from crash.board import Call, Fate

SYNCS = ("fsync", "fdatasync")
WRITES = ("write", "pwrite", "pwrite64", "ftruncate", "ftruncate64")
NAMES = ("rename", "renameat2", "unlink")

EXCHANGE = 2
"""The flag that makes a swap of `renameat2`."""


@dataclass
class _File:
    """A file's bytes that are safe, and the calls whose effect isn't yet."""

    safe: bytearray
    unsafe: list[Call] = field(default_factory=list)
    end: int = 0  # where a plain write goes on


class Disk:
    """Files by path. What was synced is safe; of everything else any part may have got to the disk.

    Names change in their order, as a journal keeps it, and are safe once their folder is synced.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {path: _File(bytearray(data)) for path, data in files.items()}
        self._names: list[Call] = []
        # Files that are found under no name any more until the change of names is safe.
        self._safe_names = dict(self._files)

    def apply(self, call: Call) -> None:
        """Make a call, if it succeeded and was made on a file."""
        if call.fate is not Fate.DONE or not call.target.startswith("/"):
            return
        if call.name in SYNCS:
            if call.target in self._files:
                file = self._files[call.target]
                for write in file.unsafe:
                    _write(file.safe, write)
                file.unsafe.clear()
            else:  # a folder
                self._safe_names = dict(self._files)
                self._names.clear()
        elif call.name in WRITES:
            if call.target not in self._files:
                self._files[call.target] = self._safe_names[call.target] = _File(bytearray())
            file = self._files[call.target]
            if call.offset < 0:
                call = Call(call.point, call.name, call.target, "", file.end, call.data, call.fate)
                file.end += len(call.data)
            file.unsafe.append(call)
        elif call.name in NAMES:
            _rename(self._files, call)
            self._names.append(call)

    def survivors(self, rng: random.Random | None = None) -> dict[str, bytes]:
        """The files after a cut: only what is safe, or with it what `rng` lets through."""
        names = dict(self._safe_names)
        for call in self._names[: rng.randint(0, len(self._names)) if rng else 0]:
            _rename(names, call)
        return {path: _survivor(file, rng) for path, file in names.items()}


def _survivor(file: _File, rng: random.Random | None) -> bytes:
    data = bytearray(file.safe)
    for call in file.unsafe if rng else ():
        assert rng is not None
        if rng.random() < 0.5:
            _write(data, call, torn=rng.random() < 0.2)
    return bytes(data)


def _rename(names: dict[str, _File], call: Call) -> None:
    file = names.pop(call.target, None)
    if call.name != "unlink" and file is not None:
        if call.name == "renameat2" and call.offset & EXCHANGE and call.other in names:
            names[call.target] = names[call.other]
        names[call.other] = file


def _write(data: bytearray, call: Call, *, torn: bool = False) -> None:
    """A write, or the sectors that make its first half."""
    if call.name.startswith("ftruncate"):
        del data[call.offset :]
        data.extend(bytes(call.offset - len(data)))
        return
    new = call.data[: len(call.data) // 1024 * 512] if torn else call.data
    if len(data) < call.offset + len(new):
        data.extend(bytes(call.offset + len(new) - len(data)))
    data[call.offset : call.offset + len(new)] = new
