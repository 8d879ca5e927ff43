"""The one way to touch a watched folder, whose contents are a stranger's.

Only regular files are read, of this user or root, within a size, and without waiting: a pipe or a device is
refused unopened. Links are followed as long as they stay in the folder, or lead into one that is trusted.
This imports next to nothing, because hooks use it, too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from mem0_syncd.system.regular_file import check_file, open_file, read_all, read_some
from mem0_syncd.system.unreadable_file import Reason, RefusedFile
from mem0_syncd.system.untrusted_walk import (
    NO_HANDLE,
    Area,
    End,
    check_owner,
    is_below,
    open_folder,
    stat_in,
    walk,
)

LONGEST_SETTINGS = 64 << 10
"""Bytes of a settings file, or of one of git's that names a path."""

LONGEST_SESSION = 256 << 10
"""Bytes of a session's file."""

LONGEST_LOG = 64 << 20
"""Bytes of a log; of one that is appended to, bytes of one read."""

MOST_NAMES = 10_000
"""Names of a folder that are listed."""

_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UntrustedFolder:
    """A folder, and what may be touched of it; names are relative to it, with forward slashes.

    `root` is its path without links. `trusted` are folders that the user's own settings allow: links may lead
    there, and their files may have any owner. `family` yields other work trees of the same project.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        trusted: Iterable[Path | str] = (),
        family: Callable[[], Iterable[Path]] = tuple,
    ) -> None:
        self.root, self.trusted = Path(root), tuple(map(Path, trusted))
        allowed = [(os.path.realpath(it), _absolute(it)) for it in self.trusted]
        self._spellings = [path for pair in allowed for path in pair]
        self._areas = [self._area(root), *(Area(path, spelled, any_owner=True) for path, spelled in allowed)]
        self._family = family
        self._handle, self._holders = NO_HANDLE, 0

    def __enter__(self) -> Self:
        """Keep the folder open, to read more in it at less cost; raises `RefusedFile` and `OSError`."""
        if self._handle == NO_HANDLE:
            self._handle = open_folder(self._areas[0])
        self._holders += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._holders -= 1
        if not self._holders:
            os.close(self._handle)
            self._handle = NO_HANDLE

    def _area(self, folder: Path | str) -> Area:
        path = _absolute(folder)
        return Area(path, path, any(is_below(path, spelled) for spelled in self._spellings))

    def _walk(self, name: str, visited: list[str] | None = None) -> AbstractContextManager[End]:
        return walk(self._areas, name, root=self._handle, more=self._more, visited=visited)

    def _more(self) -> Iterator[Area]:
        return map(self._area, self._family())

    @property
    def is_trusted(self) -> bool:
        """Whether the user's own settings allow this folder, so that its files may have any owner."""
        return self._areas[0].any_owner

    def is_there(self, name: str) -> bool:
        """Whether anything with this name exists; raises `RefusedFile` and `OSError`."""
        try:
            with self._walk(name) as end:
                return end.found is not None
        except (FileNotFoundError, NotADirectoryError):
            return False

    def stat(self, name: str) -> os.stat_result | None:
        """The file system's data on a file; None without a file.

        Raises `RefusedFile` for what may not be read, and `OSError`.
        """
        try:
            with self._walk(name) as end:
                if end.found is not None:
                    check_file(end.found, end)
                return end.found
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stats(self, names: Iterable[str]) -> list[os.stat_result | None]:
        """The file system's data on some files, as by `stat`, but cheaper; raises the same."""
        wanted, by_folder = list(names), dict[str, list[str]]()
        for name in wanted:
            by_folder.setdefault(name.rpartition("/")[0], []).append(name)
        found = {name: it for folder, inner in by_folder.items() for name, it in self._stats(folder, inner)}
        return [found.get(name) for name in wanted]

    def _stats(self, folder: str, names: Iterable[str]) -> Iterator[tuple[str, os.stat_result | None]]:
        try:
            with self._walk(f"{folder}/.") as end:
                for name in names:
                    it = stat_in(end.folder, name.rpartition("/")[2])
                    if it is not None and stat.S_ISLNK(it.st_mode):
                        it = self.stat(name)
                    elif it is not None:
                        check_file(it, end)
                    yield name, it
        except (FileNotFoundError, NotADirectoryError):
            return

    def top(self, name: str) -> tuple[os.stat_result | None, os.stat_result | None]:
        """The file system's data on the folder itself, and on a name in it, or on a link of that name.

        Raises like `stat`.
        """
        try:
            with self._walk(".") as end:
                return end.found, stat_in(end.folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return None, None

    def stamp(self, name: str) -> tuple[int, int] | None:
        """What shows whether something has changed, or was replaced; None if it may not be read.

        Its number in the file system, and its last change, in nanoseconds.
        """
        try:
            with self._walk(name) as end:
                return None if end.found is None else (end.found.st_ino, end.found.st_mtime_ns)
        except (RefusedFile, OSError):
            return None

    def is_folder(self, name: str = ".") -> bool:
        """Whether there is such a folder; raises `RefusedFile` if it may not be read, and `OSError`."""
        try:
            with self._walk(name) as end:
                if end.found is None or not stat.S_ISDIR(end.found.st_mode):
                    return False
                check_owner(end.found, end.area, end.name)
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False

    def open(self, name: str) -> BinaryIO:
        """An open file, readable from any offset; raises `RefusedFile`, and `OSError` without a file."""
        with self._walk(name) as end:
            return open_file(end)

    def read(self, name: str, most: int) -> bytes:
        """A file's bytes, at most `most`; raises `RefusedFile`, and `OSError` without a file."""
        with self.open(name) as file:
            return read_all(file, most)

    def read_end(self, name: str, most: int) -> bytes:
        """A file's last bytes, from the beginning of a line if it is longer; raises like `read`."""
        with self.open(name) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - most))
            data = read_some(file, most)
            return data.partition(b"\n")[2] if size > most else data

    def names(self, name: str = ".", most: int = MOST_NAMES) -> list[str]:
        """The names in a folder, in order; raises `RefusedFile`, also if there are more, and `OSError`."""
        with self._walk(name) as end:
            if end.found is not None and not stat.S_ISDIR(end.found.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), end.path)
            handle = os.open(end.name, _LIST, dir_fd=end.folder)
            try:
                check_owner(os.fstat(handle), end.area, end.name)
                found: list[str] = []
                with os.scandir(handle) as entries:
                    for entry in entries:
                        found.append(entry.name)
                        if len(found) > most:
                            what = f"the folder holds more than {most:,} names"
                            raise RefusedFile(Reason.TOO_MANY, what, "move some of them away")
            finally:
                os.close(handle)
        return sorted(found)

    def way(self, name: str) -> tuple[list[Path], str | None]:
        """The folders in which the way to a file can be changed, all without links, and the file's last name.

        The name is None if the way leads nowhere.
        """
        visited: list[str] = []
        last = None
        try:
            with self._walk(name, visited) as end:
                last = end.name
        except (RefusedFile, OSError):
            pass
        return [Path(path) for path in dict.fromkeys(visited)], last

    @contextmanager
    def in_place(self, name: str) -> Iterator[End]:
        """A file's folder, open to write there, reached without a link; raises as `read` does."""
        with walk(self._areas[:1], name, root=self._handle, more=None) as end:
            if end.found is not None:
                check_file(end.found, end)
            yield end


def above(folder: Path, *, trusted: Iterable[Path] = ()) -> Iterator[Path]:
    """A folder and those above it, as far as no other user could have put something there.

    They end before the first that belongs neither to this user nor to root, or to which everybody may write,
    such as /tmp. A folder of this user's own, or below a trusted one, may be open to all.
    """
    me = os.geteuid()
    allowed = [spelled for it in trusted for spelled in (os.path.realpath(it), _absolute(it))]
    for path in (folder, *folder.parents):
        if any(is_below(str(path), spelled) for spelled in allowed):
            yield path
            continue
        try:
            found = path.lstat()
        except OSError:
            return
        is_open = found.st_mode & stat.S_IWOTH and (found.st_uid != me or found.st_mode & stat.S_ISVTX)
        if found.st_uid not in {me, 0} or is_open or not stat.S_ISDIR(found.st_mode):
            return
        yield path


def _absolute(path: Path | str) -> str:
    """A path from the root, as it is spelled; links aren't resolved."""
    return os.path.normpath(Path(path).absolute())
