"""The walk to a file of a folder that isn't trusted: from handle to handle, so that check and use are one.

No path is checked first and opened then, because a writer in the folder may swap anything at any moment.
Links are read and followed by hand, as far as they stay in a folder that may be read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mem0_syncd.system.unreadable_file import Reason, RefusedFile

MOST_LINKS = 40
"""Links on the way to one file; Linux follows as many."""

NO_HANDLE = -1

_MOST_STEPS = 200
_LONGEST_SHOWN = 200

# Linux opens a folder that may be searched and not listed by O_PATH only.
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_NONBLOCK)
_NO_LINK_ANYWHERE = getattr(os, "O_NOFOLLOW_ANY", 0)
"""macOS refuses links in the whole of a path."""

_NOT_A_FOLDER = {errno.ENOTDIR, errno.ELOOP, errno.EMLINK}
_ROOT_REMEDY = "if that is right, have the folder that it leads to watched: mem0-syncd project add {}"


class Area(NamedTuple):
    """A folder in which files may be read, and whether they may have any owner.

    `path` is its path without links; `spelled` is how links may name it.
    """

    path: str
    spelled: str
    any_owner: bool


class End(NamedTuple):
    """Where a walk ended: a name in an open folder, and what is there, without following a link; else None.

    `path` is the name's full path, without links.
    """

    folder: int
    name: str
    path: str
    found: os.stat_result | None
    area: Area


@contextmanager
def walk(
    areas: Sequence[Area],
    name: str,
    *,
    root: int = NO_HANDLE,
    more: Callable[[], Iterable[Area]] | None = tuple,
    visited: list[str] | None = None,
) -> Iterator[End]:
    """The way to a name in the first area; links may lead to all areas, and to those of `more`.

    Without `more` there may be no link. `root` is a handle of the first area, if there is one. The folders in
    which the way could be changed are added to `visited`. Raises `RefusedFile`, and `OSError` if there is no
    such way.
    """
    walker = _Walker(areas, root, more, visited)
    try:
        yield walker.go(name)
    finally:
        walker.close()


def open_folder(area: Area) -> int:
    """A handle of an area's folder, which no link may lead to; raises `RefusedFile` and `OSError`."""
    try:
        handle = _open_folder(area.path)
    except OSError as error:
        raise _of_the_root(area.path, error) from None
    try:
        check_owner(os.fstat(handle), area, area.path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _open_folder(path: str) -> int:
    if _NO_LINK_ANYWHERE:
        return os.open(path, os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK | _NO_LINK_ANYWHERE)
    handle = os.open("/", _FOLDER)
    for part in filter(None, path.split("/")):
        outer = handle
        try:
            handle = os.open(part, _FOLDER, dir_fd=outer)
        finally:
            os.close(outer)
    return handle


def stat_in(folder: int, name: str) -> os.stat_result | None:
    """The file system's data on a name in an open folder, or on a link itself; None without one."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def check_owner(found: os.stat_result, area: Area, shown: str) -> None:
    """Refuse what belongs neither to this user nor to root, where that matters."""
    if not (area.any_owner or found.st_uid in {os.geteuid(), 0}):
        raise RefusedFile(
            Reason.OWNER,
            f"{shown} belongs to another user (uid {found.st_uid})",
            "name its folder in MEM0_SYNCD_TRUSTED_FOLDERS, if that is right; else remove it",
        )


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder's, or in it, by their spelling."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


class _Walker:
    """One walk: its present open folder, and the names from its area to there."""

    def __init__(
        self,
        areas: Sequence[Area],
        root: int,
        more: Callable[[], Iterable[Area]] | None,
        visited: list[str] | None,
    ) -> None:
        self._areas, self._root, self._more, self._visited = areas, root, more, visited
        self._area = areas[0]
        self._inner: list[str] = []
        self._handle = NO_HANDLE
        self._link = ""
        self._met = self._steps = 0

    def close(self) -> None:
        """Close the folder."""
        if self._handle not in {NO_HANDLE, self._root}:
            os.close(self._handle)
        self._handle = NO_HANDLE

    def go(self, name: str) -> End:
        """Walk to a name."""
        self._enter(self._area)
        left = name.split("/")[::-1]
        while left:
            part = left.pop()
            if part == "..":
                self._leave(left)
            elif part in {"", "."}:
                pass
            elif left:
                self._open(part, left)
            elif (found := stat_in(self._handle, part)) and stat.S_ISLNK(found.st_mode):
                self._follow(part, left)
            else:
                self._visit()
                return End(self._handle, part, self._path(part), found, self._area)
        return End(self._handle, ".", self._path(), os.fstat(self._handle), self._area)

    def _open(self, part: str, left: list[str]) -> None:
        """Go into a folder, or along a link that is in its place."""
        try:
            inner = os.open(part, _FOLDER, dir_fd=self._handle)
        except OSError as error:
            self._visit()
            if error.errno not in _NOT_A_FOLDER:
                raise
            self._follow(part, left)
            return
        self._take(inner)
        self._inner.append(part)
        self._check()
        self._visit()

    def _follow(self, part: str, left: list[str]) -> None:
        self._visit()
        try:
            target = os.readlink(part, dir_fd=self._handle)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._path(part)) from None
        self._link = f"{self._shown(part)} is a link to {target[:_LONGEST_SHOWN]}"
        if self._more is None:
            raise RefusedFile(
                Reason.THROUGH_A_LINK,
                f"{self._link}: nothing is written through a link",
                "put the file, or the folder, itself in the link's place",
            )
        self._met += 1
        if self._met > MOST_LINKS:
            raise _circle()
        left.extend(reversed(target.split("/")))
        if target.startswith("/"):
            self._enter_by_path("", left)

    def _leave(self, left: list[str]) -> None:
        """Go to the folder above: never by its name, which would follow a folder that was moved."""
        if not self._inner:
            self._enter_by_path(f"{self._area.path}/..", left)
            return
        inner = self._inner[:-1]
        self._enter(self._area)
        for part in inner:
            self._take(os.open(part, _FOLDER, dir_fd=self._handle))
            self._inner.append(part)
            self._check()

    def _enter_by_path(self, above: str, left: list[str]) -> None:
        """Go on from the area that the rest of the way leads to by an absolute path."""
        path = os.path.normpath("/".join([above, *reversed(left)]))
        path = f"/{path.lstrip('/')}"
        for area in (*self._areas, *(self._more() if self._more else ())):
            for spelled in (area.path, area.spelled):
                if is_below(path, spelled):
                    left[:] = reversed(path[len(spelled.rstrip("/")) :].split("/"))
                    self._enter(area)
                    return
        raise RefusedFile(
            Reason.LINK_LEAVES,
            f"{self._link or self._path()}, which leaves the project",
            "put the file itself in the link's place, or name its folder in MEM0_SYNCD_TRUSTED_FOLDERS",
        )

    def _enter(self, area: Area) -> None:
        held = self._root if area is self._areas[0] else NO_HANDLE
        self._take(open_folder(area) if held == NO_HANDLE else held)
        self._area, self._inner = area, []

    def _take(self, handle: int) -> None:
        self.close()
        self._handle = handle
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _circle()

    def _check(self) -> None:
        check_owner(os.fstat(self._handle), self._area, self._shown())

    def _visit(self) -> None:
        if self._visited is not None:
            self._visited.append(self._path())

    def _path(self, *more: str) -> str:
        return "/".join([self._area.path.rstrip("/"), *self._inner, *more]) or "/"

    def _shown(self, *more: str) -> str:
        """A path as a person knows it: from the project's folder, if it is in there."""
        inner = [*self._inner, *more]
        return "/".join(inner) if inner and self._area is self._areas[0] else self._path(*more)


def _circle() -> RefusedFile:
    what = f"can't be read: {os.strerror(errno.ELOOP)}"
    return RefusedFile(Reason.LINK_CIRCLE, what, "put the file itself in the link's place")


def _of_the_root(path: str, error: OSError) -> Exception:
    """The error for a folder that can't be opened without a link: it is a link now, or missing."""
    if error.errno in _NOT_A_FOLDER and Path(path).is_dir():
        return RefusedFile(
            Reason.THROUGH_A_LINK,
            f"{path} is reached through a link by now",
            _ROOT_REMEDY.format(os.path.realpath(path)),
        )
    return OSError(error.errno, error.strerror, path)
