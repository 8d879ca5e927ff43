"""Faults of the disk or the process, by the exception."""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from mem0_syncd.errors import OutboxDamaged, OutboxUnusable, Problem, is_want_of_handles

OF_THE_MACHINE = (OSError, sqlite3.Error, MemoryError)
"""Errors by the disk or the memory, which aren't an item's fault."""


@dataclass(frozen=True)
class Fault:
    """A fault of disk or process, and its remedy; `is_passing` if all goes on once it is solved."""

    what: str
    cure: str
    is_passing: bool = True

    def of_the_daemon(self, where: str) -> Problem:
        """The problem for a daemon, which goes on by itself, and replaces a damaged outbox."""
        remedy = f"{self.cure}; all goes on by itself" if self.is_passing else self.cure
        return Problem(self.what, where, remedy, needs_you=self is not _DAMAGED)

    def of_a_command(self, where: str) -> Problem:
        """The problem for a command, which has to be run again."""
        remedy = f"{self.cure}, and run this again" if self.is_passing else self.cure
        return Problem(self.what, where, remedy)


_FULL = Fault("the disk is full", "free some space there")
_READ_ONLY = Fault("this can't be written", "make it writable")
_FAILING = Fault(
    "the disk reads or writes with errors",
    "look into the system's log; save what is on that disk",
    is_passing=False,
)
_OUT_OF_HANDLES = Fault("too many files are open", "raise the limit (ulimit -n)")
_BUSY = Fault("another program holds the outbox", "end that program")
_CANNOT_OPEN = Fault(
    "the outbox can't be opened",
    "check the folder's permissions, and the limit of open files",
    is_passing=False,
)
REMEDY_OF_DAMAGE = "nothing while the daemon runs: it sets it aside and makes a new one; else: mem0-syncd run"
_DAMAGED = Fault("the outbox is damaged", REMEDY_OF_DAMAGE, is_passing=False)

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_BY_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EIO: _FAILING,
    errno.EMFILE: _OUT_OF_HANDLES,
    errno.ENFILE: _OUT_OF_HANDLES,
}
# https://www.sqlite.org/rescode.html: the low byte is the primary code.
_BY_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _FAILING,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    # The one fault of reading that isn't the disk's: a file has become shorter.
    sqlite3.SQLITE_IOERR_SHORT_READ: _DAMAGED,
}


# SQLite reports no more about a read-only disk, or a used-up quota, while its files are open.
_VAGUE = (_FAILING, _CANNOT_OPEN)


def problem_of(error: BaseException, folder: Path) -> Problem | None:
    """The daemon's problem for a fault of disk or process; None for any other error.

    It is in `folder`, unless the error names a place. If SQLite doesn't tell the fault, a write in the folder
    does.
    """
    cause = _cause(error)
    if isinstance(cause, OutboxDamaged):
        return replace(cause.problem, needs_you=False)
    found = _found(cause, folder)
    return found[0].of_the_daemon(found[1]) if found else None


def problem_of_a_command(error: BaseException, folder: Path) -> Problem | None:
    """The same for a command that ended by it."""
    found = _found(_cause(error), folder)
    return found[0].of_a_command(found[1]) if found else None


def is_damage(error: BaseException) -> bool:
    """Whether an error means that the outbox itself is broken."""
    return isinstance(error, OutboxDamaged) or _of_sqlite(error) is _DAMAGED


def is_of_a_folder(error: Exception) -> bool:
    """Whether an error while a watched folder was read is that folder's fault, not the machine's.

    The outbox's own errors aren't, nor a lack of file handles, nor a disk that can't be written.
    """
    if isinstance(error, OSError):
        return not is_want_of_handles(error) and error.errno not in _CANNOT_WRITE
    return not isinstance(error, sqlite3.Error | OutboxUnusable)


def _cause(error: BaseException) -> BaseException:
    return error.__cause__ if isinstance(error.__cause__, OSError) else error


def _found(cause: BaseException, folder: Path) -> tuple[Fault, str] | None:
    """The fault that an error means, and where it is."""
    if isinstance(cause, OSError):
        known = _BY_ERRNO.get(cause.errno or 0)
        return (known, str(cause.filename or folder)) if known else None
    known = _of_sqlite(cause)
    if known in _VAGUE:
        known = _tried_out(folder) or known
    return (known, str(folder)) if known else None


def _tried_out(folder: Path) -> Fault | None:
    """The fault that keeps a file from being made in a folder; leaves none behind."""
    from tempfile import TemporaryFile  # late: `status` imports this module, and mustn't take as long

    try:
        with TemporaryFile(dir=folder, buffering=0) as file:
            file.write(b"\0")
            os.fsync(file.fileno())
    except OSError as error:
        return _BY_ERRNO.get(error.errno or 0)
    return None


def _of_sqlite(error: BaseException) -> Fault | None:
    code = getattr(error, "sqlite_errorcode", 0) if isinstance(error, sqlite3.Error) else 0
    return _BY_CODE.get(code) or _BY_CODE.get(code & 0xFF)
