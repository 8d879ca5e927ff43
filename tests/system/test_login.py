"""`mem0-syncd login`, typed on a terminal and piped; and a daemon that takes the key up."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.faults import answer
from support.mem0_platform import Mem0Platform

KEY = "m0-typed-and-never-shown"


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Daemon:
    """A daemon of one project, not yet started, for the Platform and without a key."""
    settings = {**platform_settings(mem0.url), "MEM0_SYNCD_DESTINATION": "platform"}
    daemon = Daemon(tmp_path, [project], **settings)
    del daemon.environment["MEM0_API_KEY"]
    return daemon


def stored(daemon: Daemon) -> str | None:
    """The stored key, which is for its owner alone."""
    file = daemon.state.parent / "api-key"
    if not file.exists():
        return None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return file.read_text().strip()


def pipe(daemon: Daemon, key: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Hand a key to `login` through a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "mem0_syncd", "login", *options],
        env=daemon.environment,
        input=f"{key}\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_typed_key_is_hidden_checked_and_stored(daemon: Daemon) -> None:
    """The account is shown, the key never."""
    terminal = pexpect.spawn(
        sys.executable, ["-m", "mem0_syncd", "login"], env=daemon.environment, encoding="utf-8", timeout=60
    )
    terminal.expect("The Mem0 Platform's API key: ")
    terminal.sendline(KEY)
    terminal.expect("Mem0 accepts the key, which is of the account (\\S+)")
    assert terminal.match[1] == "org-1/proj-1"
    terminal.expect("stored, for you alone")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert KEY not in terminal.before
    assert stored(daemon) == KEY


def test_a_key_that_mem0_refuses_is_not_stored(daemon: Daemon, mem0: Mem0Platform) -> None:
    """The answer says why, and not what the key is."""
    mem0.fail("ping", answer(401), times=5)
    said = pipe(daemon, KEY)
    assert said.returncode == 1
    assert "the key was not stored: Mem0 doesn't accept the API key" in said.stderr
    assert KEY not in said.stderr + said.stdout
    assert stored(daemon) is None


def test_a_key_can_be_stored_while_mem0_is_away(daemon: Daemon) -> None:
    """If a person says so; otherwise the answer tells how."""
    daemon.environment["MEM0_SYNCD_PLATFORM__HOST"] = "http://127.0.0.1:9"
    said = pipe(daemon, KEY)
    assert (said.returncode, stored(daemon)) == (1, None)
    assert "login --no-check" in said.stderr
    assert pipe(daemon, KEY, "--no-check").returncode == 0
    assert stored(daemon) == KEY


def test_a_key_that_comes_later_says_where_memories_go(daemon: Daemon, project: Path) -> None:
    """Where a Mem0 of this machine was chosen for want of a key, it stays; how to move is said."""
    daemon.environment["MEM0_SYNCD_DESTINATION"] = "auto"
    assert daemon.run("project", "add", str(project)).returncode == 0
    said = pipe(daemon, KEY)
    assert said.returncode == 0
    assert "but memories go to embedded" in said.stderr
    assert "MEM0_SYNCD_DESTINATION=platform" in said.stderr


def test_no_key_is_a_mistake(daemon: Daemon) -> None:
    """An empty line stores nothing."""
    assert pipe(daemon, "").returncode == 2
    assert stored(daemon) is None


def test_a_daemon_that_waits_for_a_key_goes_on_at_once(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """Without a restart, and with nothing lost or counted as an attempt."""
    write_log(project, [decision(1)])
    with running(daemon):
        wait_until(lambda: daemon.status()["destination"]["state"] == "held", "the hold")
        said = pipe(daemon, KEY)
        assert "the daemon works with it from now on" in said.stderr
        daemon.wait_delivered(1)
        assert daemon.status()["problems"] == []
    assert cases(mem0.texts().elements()) == [1]
    assert KEY not in daemon.said()


def test_settings_are_read_again_on_sighup(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """What can change does; what is wrong changes nothing, and is reported until it is mended."""
    config = daemon.state.parent / "config.toml"
    daemon.environment["MEM0_API_KEY"] = KEY
    del daemon.environment["MEM0_SYNCD_PROJECTS"]
    write_log(project, [decision(1)])
    with running(daemon):
        config.write_text(f'projects = ["{project}"]\nlog_level = "debug"\n')
        daemon.send(signal.SIGHUP)
        daemon.wait_delivered(1)
        config.write_text("scan_seconds = -1\n")
        daemon.send(signal.SIGHUP)
        wait_until(lambda: "scan_seconds" in str(daemon.status()["problems"]), "the report")
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
        config.write_text(f'projects = ["{project}"]\nlog_level = "warning"\n')
        daemon.send(signal.SIGHUP)
        wait_until(lambda: daemon.status()["problems"] == [], "the report's end")
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2]
    assert re.search(r'"level": ?"debug"', daemon.said())


def test_another_key_gets_another_courier(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """Once what is under way has ended."""
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "30"
    write_log(project, [decision(1)])
    assert pipe(daemon, "m0-former").returncode == 0
    with running(daemon):
        daemon.wait_delivered(1)
        former = daemon.courier
        with mem0.hold("add") as held:
            write_log(project, [decision(1), decision(2)])
            assert held.arrived.wait(30)
            assert pipe(daemon, KEY, "--no-check").returncode == 0
            assert daemon.courier == former
        daemon.wait_delivered(2)
        write_log(project, [decision(1), decision(2), decision(3)])
        daemon.wait_delivered(3)
        assert daemon.courier != former
        assert KEY.encode() in mem0.received
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


def test_bad_configuration_ends_a_start_and_is_kept_for_status(daemon: Daemon) -> None:
    """With 78; for launchd, which can't except a code, with 0."""
    wrong = {"MEM0_SYNCD_SCAN_SECONDS": "-1"}
    assert daemon.run("run", **wrong).returncode == 78
    for_launchd = daemon.run("run", "--launchd", **wrong)
    assert for_launchd.returncode == 0
    assert "scan_seconds" in for_launchd.stderr
    shown = daemon.status()
    assert shown["state"] == "stopped"
    assert "scan_seconds" in shown["problems"][0]["what"]
    daemon.environment["MEM0_API_KEY"] = KEY
    with running(daemon):
        wait_until(lambda: daemon.status()["problems"] == [], "the report's end")
        assert daemon.stop() == 0
    assert daemon.status()["problems"] == []
