"""An outbox that is damaged: set aside, made anew from the sources and from Mem0, and nothing doubled."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.system.state_folder import OUTBOX
from support.daemon import Daemon, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

SOON = 0.5
"""How soon the daemon looks after its files again, instead of ten seconds later."""


def overwrite(path: Path) -> None:
    """Have other bytes in the place of a file's own."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xa5" * size)


def empty(path: Path) -> None:
    """Cut a file to nothing."""
    os.truncate(path, 0)


def delete(path: Path) -> None:
    """Take a file away."""
    path.unlink()


def delete_folder(path: Path) -> None:
    """Take away the whole state folder."""
    shutil.rmtree(path.parent)


def replace(path: Path) -> None:
    """Put an earlier copy in a file's place, as a backup or a synchronised folder does."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


LOG = f"{OUTBOX}-wal"
DAMAGES = [
    (overwrite, OUTBOX),
    (delete, OUTBOX),
    (overwrite, LOG),
    *(
        pytest.param((how, name), marks=pytest.mark.slow)
        for how, name in (
            (empty, OUTBOX),
            (replace, OUTBOX),
            (delete_folder, OUTBOX),
            (empty, LOG),
            (delete, LOG),
        )
    ),
]


def aside(daemon: Daemon) -> list[Path]:
    """The damaged outboxes that were kept."""
    found = daemon.state.glob(f"{OUTBOX}.damaged-*")
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


def overwrite_receipts(daemon: Daemon) -> None:
    """Damage the outbox of a daemon that doesn't run, where nothing but its receipts is."""
    with closing(sqlite3.connect(daemon.state / OUTBOX)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'receipt'").fetchone()
    with (daemon.state / OUTBOX).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)


def test_a_damaged_outbox_is_made_anew_and_doubles_nothing(
    daemon: Daemon, mem0: Mem0Platform, project: Path, tmp_path: Path
) -> None:
    """What Mem0 has is adopted, a folder added by hand is still watched, and the status tells of it."""
    by_hand = tmp_path / "by-hand"
    write_log(project, [decision(1), decision(2)])
    write_log(by_hand, [decision(3)])
    with running(daemon):
        assert daemon.run("project", "add", str(by_hand)).returncode == 0
        daemon.wait_delivered(3)
        assert daemon.stop() == 0
    overwrite_receipts(daemon)
    write_log(project, [decision(1), decision(2), decision(4)])
    with running(daemon):
        daemon.wait_delivered(4)
        (problem,) = daemon.status()["problems"]
        assert "the outbox was damaged" in problem["what"]
        (kept,) = aside(daemon)
        assert problem["where"] == str(kept)
        kept.unlink()
        assert daemon.status()["state"] == "ok"
    assert cases(mem0.texts().elements()) == [1, 2, 3, 4]
    assert len(mem0.adds) == 4


def test_an_outbox_cut_to_nothing_is_made_anew(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """While no daemon runs, the status says that it can't be read, and a sync mends it."""
    write_log(project, [decision(1)])
    assert daemon.run("sync").returncode == 0
    (daemon.state / OUTBOX).write_bytes(b"\0" * 100)
    shown = daemon.run("status")
    assert shown.returncode == 3
    assert "damaged" in shown.stdout
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (0, "decisions 1/1\n")
    assert len(aside(daemon)) == 1
    assert len(mem0.adds) == 1


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda it: f"{it[0].__name__}-{it[1]}")
def test_damage_under_a_daemon_is_noticed_and_mended_without_a_restart(
    daemon: Daemon, mem0: Mem0Platform, project: Path, damage: tuple[Callable[[Path], None], str]
) -> None:
    """The process stays, the outbox is made anew, and what was sent before isn't sent again."""
    how, name = damage
    write_log(project, [decision(1), decision(2)])
    with running(daemon, mend_seconds=SOON):
        daemon.wait_delivered(2)
        how(daemon.state / name)
        wait_until(lambda: aside(daemon), "the damage")
        daemon.wait_delivered(2)
        write_log(project, [decision(1), decision(2), decision(3)])
        daemon.wait_delivered(3)
        (problem,) = daemon.status()["problems"]
        assert "the outbox was damaged" in problem["what"]
        assert len(aside(daemon)) == 1
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


def test_what_has_no_source_outlives_a_damage(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """What was remembered by hand is only in the outbox, and taken over from there while it waits."""
    with running(daemon):
        assert daemon.run("pause").returncode == 0
        remembered = daemon.run("remember", "Use Postgres", "--kind", "decision", "--project", str(project))
        assert remembered.returncode == 0
        wait_until(lambda: daemon.totals()["pending"] == 1, "the item")
        assert daemon.stop() == 0
    overwrite_receipts(daemon)
    with running(daemon):
        assert len(aside(daemon)) == 1
        assert daemon.run("resume").returncode == 0
        daemon.wait_delivered(1)
    assert list(mem0.texts().elements()) == ["Use Postgres"]
