"""A running daemon's outbox is looked after: whether its files are in their places, and whole."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.errors import OutboxDamaged
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.integrity import SHARE, Integrity
from mem0_syncd.system.state_folder import OUTBOX

PAGE = 4096


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox that a daemon has open."""
    with closing(Outbox.open(tmp_path)) as outbox:
        outbox.facts.set("since", "long ago")
        yield outbox


def break_page(outbox: Outbox, number: int) -> None:
    """Overwrite a page as it is in the log, or else in the file."""
    outbox.database.row("PRAGMA wal_checkpoint(TRUNCATE)")
    with outbox.database.path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def error_of(code: int) -> sqlite3.DatabaseError:
    """An error as SQLite raises it."""
    error = sqlite3.DatabaseError("it failed")
    error.sqlite_errorcode = code
    return error


def test_one_that_is_whole_raises_nothing(outbox: Outbox) -> None:
    """Whether it has been written to or not."""
    outbox.integrity.check()
    outbox.facts.set("since", "now")
    outbox.integrity.check()


@pytest.mark.parametrize("name", [OUTBOX, f"{OUTBOX}-wal"])
def test_a_file_that_is_gone_or_another_is_a_damage(outbox: Outbox, name: str) -> None:
    """Even if nothing else shows it: what SQLite has open isn't what is there."""
    path = outbox.database.path.with_name(name)
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(OutboxDamaged, match="gone"):
        outbox.integrity.check()
    path.with_name("copy").write_bytes(content)
    path.with_name("copy").rename(path)
    with pytest.raises(OutboxDamaged, match="another file"):
        outbox.integrity.check()


def test_what_is_broken_on_the_disk_is_found_though_it_is_remembered(outbox: Outbox) -> None:
    """The daemon's own connection needn't read it again for long."""
    break_page(outbox, 3)
    with pytest.raises(OutboxDamaged):
        outbox.integrity.check()


def test_reading_takes_a_small_share_of_the_time(outbox: Outbox) -> None:
    """What was read a while ago is read again only when it has changed, and not at once."""
    moments = iter([0.0, 1.0, 1.0 / SHARE - 1.0, 1.0 / SHARE, 1.0 / SHARE])
    soundness = Integrity(outbox.database, lambda: next(moments))
    outbox.facts.set("since", "now")
    soundness.check()
    break_page(outbox, 3)
    soundness.check()
    with pytest.raises(OutboxDamaged):
        soundness.check()


def test_a_suspicion_is_confirmed_by_looking(outbox: Outbox) -> None:
    """A disk that fails makes SQLite say as well that it is malformed."""
    outbox.integrity.confirm(error_of(sqlite3.SQLITE_CORRUPT))
    break_page(outbox, 3)
    outbox.integrity.confirm(OSError(errno.EIO, "it failed"))
    outbox.integrity.confirm(error_of(sqlite3.SQLITE_IOERR))
    with pytest.raises(OutboxDamaged):
        outbox.integrity.confirm(error_of(sqlite3.SQLITE_CORRUPT))
    with pytest.raises(OutboxDamaged):
        outbox.integrity.confirm(error_of(sqlite3.SQLITE_IOERR_SHORT_READ))
