"""What is wrong with the disk or the process, told from what was raised."""

from __future__ import annotations

import errno
import sqlite3

from mem0_syncd.errors import Problem

_FULL = ("the disk is full", "free some space there; all goes on by itself")
_READ_ONLY = ("this can't be written", "make it writable; all goes on by itself")
_FAILING = ("the disk reads or writes with errors", "look into the system's log; save what is on that disk")
_OUT_OF_HANDLES = ("too many files are open", "raise the limit (ulimit -n); all goes on by itself")
_BUSY = ("another program holds the outbox", "end that program; all goes on by itself")
_CANNOT_OPEN = ("the outbox can't be opened", "check the folder's permissions, and the limit of open files")
_DAMAGED = ("the outbox is damaged", "restart the daemon, which sets it aside and makes a new one")

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
}


def problem_of(error: BaseException, where: object) -> Problem | None:
    """The fault of disk or process that an error tells of, `where` unless it says so; None for any other."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError):
        known = _BY_ERRNO.get(cause.errno or 0)
        where = cause.filename or where
    else:
        known = _BY_CODE.get(_code(cause))
    return Problem(known[0], str(where), known[1]) if known else None


def is_damage(error: BaseException) -> bool:
    """Whether an error tells that the outbox itself is broken."""
    return _BY_CODE.get(_code(error)) is _DAMAGED


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0
