"""A disk that fails, or turns read-only, under a running daemon: it is told, and all goes on once cured."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, complaints, platform_settings, running, wait_until, wait_until_well
from support.decision_log import cases, decision, write_log
from support.failing_disk import BROKEN, Calls, FailingDisk, failing_disk
from support.mem0_platform import Mem0Platform

FAILING = "the disk reads or writes with errors"
FULL = "the disk is full"
READ_ONLY = "this can't be written"
SOON = 0.5
"""How soon what failed is tried again, instead of five or ten seconds later."""


@pytest.fixture
def disk(tmp_path: Path) -> FailingDisk:
    """The disk of the state folder."""
    return failing_disk(tmp_path / "state", tmp_path / "beside")


@pytest.fixture
def daemon(tmp_path: Path, disk: FailingDisk, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon whose disk can fail."""
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url), **disk.environment)
    # What `status` runs in this process finds the socket as a shell of the user's would.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEM0_SYNCD_RUNTIME_DIR", daemon.environment["MEM0_SYNCD_RUNTIME_DIR"])
        yield daemon
        daemon.end()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param((BROKEN, errno.EIO), FAILING, id="broken"),
        pytest.param((Calls.WRITES, errno.EROFS), READ_ONLY, id="read-only"),
        pytest.param((Calls.WRITES, errno.EIO), FAILING, id="writes", marks=pytest.mark.slow),
        pytest.param((Calls.SYNCS, errno.EIO), FAILING, id="syncs", marks=pytest.mark.slow),
        pytest.param((Calls.WRITES, errno.EDQUOT), FULL, id="quota", marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_fails_under_a_daemon_loses_and_doubles_nothing(
    daemon: Daemon, disk: FailingDisk, mem0: Mem0Platform, project: Path, fault: tuple[Calls, int], said: str
) -> None:
    """What Mem0 stored meanwhile is remembered, what was written is read, and the status says why."""
    write_log(project, [decision(1)])
    with running(daemon, mend_seconds=SOON):
        daemon.wait_delivered(1)
        with mem0.hold("add", stage="stored") as held:
            write_log(project, [decision(1), decision(2)])
            assert held.arrived.wait(30)
            disk.fail(*fault)
        wait_until(lambda: said in complaints(daemon), said)
        write_log(project, [decision(number) for number in (1, 2, 3)])
        before = disk.failures
        wait_until(lambda: disk.failures > before, "that it is tried again")
        # While it leaves its work to stand by, for a moment nothing answers.
        wait_until(lambda: (it := daemon.run("status")).returncode == 1 and said in it.stdout, "the status")
        assert daemon.exit_code is None
        disk.mend()
        daemon.wait_delivered(3)
        wait_until_well(daemon)
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


def test_a_daemon_that_starts_on_a_broken_disk_stands_by(
    daemon: Daemon, disk: FailingDisk, mem0: Mem0Platform, project: Path
) -> None:
    """It doesn't end, so that nobody starts it again and again, and it takes no outbox for a damaged one."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        assert daemon.stop() == 0
    write_log(project, [decision(1), decision(2)])
    disk.fail(BROKEN, errno.EIO)
    daemon.start(wait=False, mend_seconds=SOON)
    wait_until(lambda: FAILING in complaints(daemon), FAILING)
    assert daemon.status()["state"] == "degraded"
    disk.mend()
    daemon.wait_delivered(2)
    wait_until_well(daemon)
    assert daemon.said().count("standing_by") == 1
    assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2]
    assert not list(daemon.state.glob("*.damaged-*"))
