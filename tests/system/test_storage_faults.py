"""Disks that are full or read-only, and want of file handles: it is told, and all goes on once cured."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.daemon import (
    Daemon,
    complaints,
    couriers,
    platform_settings,
    running,
    wait_until,
    wait_until_well,
)
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform
from support.small_disk import SmallDisk, small_disk

FULL = "the disk is full"
READ_ONLY = "this can't be written"
NO_MORE_FILES = 3
"""Handles below this number are in use for good: every further one is one too many."""

SOON = 0.5
"""How soon what failed is tried again, instead of five or ten seconds later."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk, which takes the state folder."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def daemon(tmp_path: Path, disk: SmallDisk, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon whose state folder is on the small disk."""
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    daemon.state = disk.folder / "state"
    daemon.environment["MEM0_SYNCD_STATE_DIR"] = str(daemon.state)
    # What `status` runs in this process finds the socket as a shell of the user's would.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEM0_SYNCD_RUNTIME_DIR", daemon.environment["MEM0_SYNCD_RUNTIME_DIR"])
        yield daemon
        daemon.end()


def test_a_disk_that_fills_up_loses_and_doubles_nothing(
    daemon: Daemon, disk: SmallDisk, mem0: Mem0Platform, project: Path
) -> None:
    """What Mem0 stored meanwhile is remembered, what was written is read, and the status says why."""
    write_log(project, [decision(1)])
    with running(daemon, mend_seconds=SOON):
        daemon.wait_delivered(1)
        with mem0.hold("add", stage="stored") as held:
            write_log(project, [decision(1), decision(2)])
            assert held.arrived.wait(30)
            disk.fill()
        wait_until(lambda: FULL in complaints(daemon), "the full disk")
        write_log(project, [decision(number) for number in (1, 2, 3)])
        shown = daemon.run("status")
        assert shown.returncode == 1
        assert FULL in shown.stdout
        assert "free some space there" in shown.stdout
        assert daemon.exit_code is None
        disk.free()
        daemon.wait_delivered(3)
        wait_until_well(daemon)
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


def test_a_daemon_that_starts_on_a_full_disk_stands_by(
    daemon: Daemon, disk: SmallDisk, mem0: Mem0Platform, project: Path
) -> None:
    """It doesn't end, so that nobody starts it again and again; it begins when there is room."""
    write_log(project, [decision(1)])
    daemon.state.mkdir()
    disk.fill()
    daemon.start(wait=False, mend_seconds=SOON)
    wait_until(lambda: FULL in complaints(daemon), "the full disk")
    shown = daemon.status()
    assert (shown["state"], shown["daemon"]["pid"]) == ("degraded", daemon.pid)
    assert daemon.run("sync").returncode == 1
    assert daemon.exit_code is None
    assert daemon.said().count("standing_by") == 1
    disk.free()
    daemon.wait_delivered(1)
    wait_until_well(daemon)
    assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1]


def test_a_daemon_that_stands_by_ends_when_it_is_told_to(daemon: Daemon, disk: SmallDisk) -> None:
    """At once, and well."""
    daemon.state.mkdir()
    disk.remount("ro")
    daemon.start(wait=False, mend_seconds=SOON)
    wait_until(lambda: READ_ONLY in complaints(daemon), "the read-only folder")
    assert daemon.stop(signal.SIGINT) == 0


def test_a_state_folder_that_is_read_only_is_waited_for(
    daemon: Daemon, disk: SmallDisk, mem0: Mem0Platform, project: Path
) -> None:
    """The status is still read from it, and all goes on when it can be written again."""
    write_log(project, [decision(1)])
    with running(daemon, mend_seconds=SOON):
        daemon.wait_delivered(1)
        assert daemon.stop() == 0
    write_log(project, [decision(1), decision(2)])
    disk.remount("ro")
    daemon.start(wait=False, mend_seconds=SOON)
    wait_until(lambda: READ_ONLY in complaints(daemon), "the read-only folder")
    shown = daemon.status()
    assert (shown["state"], shown["totals"]["delivered"]) == ("degraded", 1)
    disk.remount("rw")
    daemon.wait_delivered(2)
    wait_until_well(daemon)
    assert cases(mem0.texts().elements()) == [1, 2]


def test_want_of_file_handles_is_told_and_passes(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """A log that can't be opened for it, or a courier not started, is nobody else's fault."""
    with running(daemon, mend_seconds=SOON):
        wait_until_well(daemon)
        assert daemon.process is not None
        before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (NO_MORE_FILES, before[1]))
        write_log(project, [decision(1)])
        # Where it strikes differs, and with that who says it.
        wait_until(lambda: "too many" in daemon.said().lower(), "the want of handles")
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        daemon.wait_delivered(1)
        wait_until_well(daemon)
    assert cases(mem0.texts().elements()) == [1]


def test_marks_that_cannot_be_written_are_written_later(
    daemon: Daemon, mem0: Mem0Platform, project: Path, tmp_path: Path
) -> None:
    """A project that can't be written is delivered all the same, and marked once it can be."""
    with small_disk(tmp_path / "other") as other:
        inside = other.folder / "shop"
        inside.mkdir()
        daemon.environment["MEM0_SYNCD_PROJECTS"] = f'["{inside}"]'
        write_log(inside, [decision(1)])
        other.remount("ro")
        with running(daemon, mend_seconds=SOON):
            daemon.wait_delivered(1)
            wait_until(lambda: any("sync-state" in it for it in complaints(daemon)), "the unwritten marks")
            other.remount("rw")
            wait_until((inside / SYNC_STATE).exists, "the marks")
            wait_until_well(daemon)
            assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1]


def test_the_status_says_what_the_daemon_waits_for(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """A daemon that waits for a command's end is there, and neither silent nor stopped."""
    write_log(project, [decision(1)])
    with mem0.hold("add") as held:
        sync = subprocess.Popen(
            [sys.executable, "-m", "mem0_syncd", "sync"],
            env={**daemon.environment, "MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "30"},
        )
        assert held.arrived.wait(30)
        daemon.start(wait=False, mend_seconds=SOON)
        said = f"`mem0-syncd sync` (pid {sync.pid}) delivers; the daemon waits for its end"
        wait_until(lambda: said in complaints(daemon), "the wait")
        assert said in daemon.said()
    assert sync.wait(30) == 0
    wait_until_well(daemon)
    assert daemon.stop() == 0
    assert not couriers(daemon)


def test_a_command_says_what_the_disk_lacks(daemon: Daemon, disk: SmallDisk, project: Path) -> None:
    """Without a daemon, too: what, where and the way out, and no traceback."""

    def fails(*words: str) -> str:
        said = daemon.run(*words)
        assert said.returncode == 1
        assert said.stderr.startswith("mem0-syncd: ")
        assert str(daemon.state) in said.stderr
        assert said.stderr.endswith(", and run this again\n")
        return said.stderr

    assert daemon.run("project", "add", str(project)).returncode == 0
    disk.fill()
    assert FULL in fails("pause")
    assert "whether its disk is full" in daemon.run("project", "list").stderr
    disk.free()
    disk.remount("ro")
    assert READ_ONLY in fails("pause")
    assert READ_ONLY in fails("sync")
