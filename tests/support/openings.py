"""Who opens what: the openings and reads of files in some folders, as the kernel tells them."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_ACCESS, _MODIFY, _OPEN = 0x1, 0x2, 0x20
_HEAD = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Openings:
    """Notes every file that is opened, read or written in some folders for the length of a `with` block."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = list(folders)
        self._watched: dict[int, Path] = {}
        self._seen: list[Path] = []

    def __enter__(self) -> Self:
        self._handle = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._handle >= 0, os.strerror(ctypes.get_errno())
        for folder in self._folders:
            watch = _LIBC.inotify_add_watch(self._handle, os.fsencode(folder), _ACCESS | _MODIFY | _OPEN)
            assert watch >= 0, f"{folder}: {os.strerror(ctypes.get_errno())}"
            self._watched[watch] = folder
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drain()
        os.close(self._handle)

    @property
    def files(self) -> list[Path]:
        """The files that were opened so far; a folder that is listed isn't one."""
        self._drain()
        return list(dict.fromkeys(self._seen))

    def _drain(self) -> None:
        while select.select([self._handle], [], [], 0)[0]:
            data, at = os.read(self._handle, 1 << 16), 0
            while at < len(data):
                watch, _, _, length = _HEAD.unpack_from(data, at)
                name = data[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
                at += _HEAD.size + length
                if name:
                    self._seen.append(self._watched[watch] / os.fsdecode(name))
