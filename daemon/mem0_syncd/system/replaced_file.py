"""A file in an open folder that is replaced as a whole; a link in its place isn't followed."""

from __future__ import annotations

import os
import stat

from mem0_syncd.system.atomic_exchange import swap
from mem0_syncd.system.regular_file import open_file, read_all
from mem0_syncd.system.untrusted_walk import End

Signature = tuple[int, ...]

_TEMPORARY = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class PlacedFile:
    """A file with this name in an open folder, or the place for one."""

    def __init__(self, end: End) -> None:
        self._end = end

    @property
    def signature(self) -> Signature | None:
        """What tells the file from its earlier self; None without a file."""
        return signature_at(self._end.folder, self._end.name)

    def read(self, most: int) -> bytes:
        """The file's contents, at most so many bytes; raises `Refused` and `OSError`."""
        found = os.stat(self._end.name, dir_fd=self._end.folder, follow_symlinks=False)
        with open_file(self._end._replace(found=found)) as file:
            return read_all(file, most)

    def replace(self, data: bytes, *, unless_changed_from: Signature | None) -> Signature | None:
        """Put synced data in the file's place, with its mode; returns the signature that it has there.

        None if the file wasn't as it was read: another writer's file stays. Raises `OSError`.
        """
        folder, name = self._end.folder, self._end.name
        temporary = f"{name}.tmp.{os.urandom(6).hex()}"
        handle = os.open(temporary, _TEMPORARY, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(handle, _mode(folder, name))
                os.fsync(handle)
                # As long as the handle is ours: by its name another writer's file may be found then.
                written = signature_of(os.fstat(handle))
            return written if _put(folder, temporary, name, unless_changed_from) else None
        finally:
            _remove(folder, temporary)


def signature_at(folder: int, name: str) -> Signature | None:
    """What tells a file of an open folder from its earlier self; None without a file."""
    try:
        return signature_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None


def signature_of(found: os.stat_result) -> Signature:
    """What tells a file from its earlier self."""
    return found.st_ino, found.st_mtime_ns, found.st_size


def _mode(folder: int, name: str) -> int:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0o600
    return stat.S_IMODE(found.st_mode) & 0o777 if stat.S_ISREG(found.st_mode) else 0o600


def _put(folder: int, new: str, name: str, unless_changed_from: Signature | None) -> bool:
    """Give a new file its place; returns whether the former one was as it was read."""
    if signature_at(folder, name) != unless_changed_from:
        return False
    if unless_changed_from is None:
        return _create(folder, new, name)
    if not swap(folder, new, name):
        # The other writers take no lock: the narrower this gap, the less of theirs can be lost.
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True
    if signature_at(folder, new) == unless_changed_from:
        return True
    swap(folder, new, name)  # another program wrote in between: put its file back
    return False


def _create(folder: int, new: str, name: str) -> bool:
    try:
        os.link(new, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:  # a file system without that call
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    return True


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
