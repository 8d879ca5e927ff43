"""Files of git's own folder, opened without following links, without waiting, and no others' files."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Untrusted(Exception):
    """What is there isn't what git puts there, or is another user's."""


class Folder:
    """One folder; what is in it is opened by this handle, so that nothing can be exchanged on the way."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        _refuse_others(os.fstat(handle))

    @classmethod
    def at(cls, path: bytes) -> Folder:
        """The folder at a path; links on the way to it are its user's own, as in every path."""
        return cls(os.open(path, _FOLDER & ~os.O_NOFOLLOW))

    def folder(self, name: bytes) -> Folder:
        """A folder in this one; raises `OSError` where there is none, as for a link."""
        return Folder(os.open(name, _FOLDER, dir_fd=self._handle))

    def names(self) -> list[bytes]:
        """What is in it, in the order of the names."""
        with os.scandir(self._handle) as entries:
            return sorted(os.fsencode(entry.name) for entry in entries)

    def has(self, name: bytes) -> bool:
        """Whether anything is there by that name, a link that leads nowhere too."""
        try:
            os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def open(self, name: bytes, most: int) -> BinaryIO:
        """A regular file of at most so many bytes, to be read; `name` may have folders in it.

        Raises `OSError` where there is none, as for a link.
        """
        *folders, last = name.split(b"/")
        if folders:
            return self._walk(folders).open(last, most)
        file = os.fdopen(os.open(last, _FILE, dir_fd=self._handle), "rb")
        try:
            about = os.fstat(file.fileno())
            _refuse_others(about)
            _refuse_odd(about, most)
        except Untrusted:
            file.close()
            raise
        return file

    def read(self, name: bytes, most: int) -> bytes:
        """What a regular file of at most so many bytes says."""
        with self.open(name, most) as file:
            return file.read(most + 1)[:most]

    def __del__(self) -> None:
        os.close(self._handle)

    def _walk(self, names: list[bytes]) -> Folder:
        here = self
        for name in names:
            here = here.folder(name)
        return here


def _refuse_others(about: os.stat_result) -> None:
    if about.st_uid not in (os.getuid(), 0):
        raise Untrusted("it belongs to another user")


def _refuse_odd(about: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(about.st_mode) or about.st_size > most:
        raise Untrusted(f"no regular file of at most {most} bytes")
