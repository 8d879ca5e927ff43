"""An outbox that is damaged: set aside, made anew from the sources and from Mem0, and nothing doubled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.outbox.database import FILE_NAME
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

DAMAGED_AT_RUN_TIME = """
import sqlite3
from mem0_syncd import standby
from mem0_syncd.outbox.queue import Queue

standby.RETRY_SECONDS = 0.5
claim = Queue.claim
claims = []

def claim_once(self, *arguments, **how):
    claims.append(arguments)
    if len(claims) == 3:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    return claim(self, *arguments, **how)

Queue.claim = claim_once
"""


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    """A Mem0 that keeps what it is sent."""
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon of one project, not yet started; it leaves no process behind."""
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    yield daemon
    if daemon.process is not None and daemon.exit_code is None:
        daemon.kill()


def aside(daemon: Daemon) -> list[Path]:
    """The damaged outboxes that were kept."""
    found = daemon.state.glob(f"{FILE_NAME}.damaged-*")
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


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
    with closing(sqlite3.connect(daemon.state / FILE_NAME)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'receipt'").fetchone()
    with (daemon.state / FILE_NAME).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
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
    (daemon.state / FILE_NAME).write_bytes(b"\0" * 100)
    shown = daemon.run("status")
    assert shown.returncode == 3
    assert "damaged" in shown.stdout
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (0, "decisions 1/1\n")
    assert len(aside(daemon)) == 1
    assert len(mem0.adds) == 1


def test_damage_that_shows_at_run_time_is_mended_without_a_restart(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """The process stays, the outbox is made anew, and what was sent before isn't sent again."""
    write_log(project, [decision(1), decision(2)])
    daemon.start(prelude=DAMAGED_AT_RUN_TIME)
    wait_until(lambda: aside(daemon), "the damage")
    wait_until(daemon.answers, "the daemon's return")
    daemon.wait_delivered(2)
    write_log(project, [decision(1), decision(2), decision(3)])
    daemon.wait_delivered(3)
    assert daemon.exit_code is None
    assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3
