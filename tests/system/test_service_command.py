"""`mem0-syncd service` on a terminal, with a systemctl that is played by a script beside a real daemon."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

KEY = "m0-of-the-shell"
SYSTEMCTL = """#!/bin/sh
case "$*" in
    *show-environment*) cat "{folder}/environment" ;;
    *" show "*) printf 'ActiveState=%s\\nSubState=-\\nMainPID=%s\\n' $(cat "{folder}/stands")
        printf 'NRestarts=0\\nResult=success\\nUnitFileState=enabled\\nExecMainStatus=0\\n' ;;
    *) echo "$*" >> "{folder}/told" ;;
esac
"""


class Desk:
    """A shell of a user with a manager, and a daemon that waits for a key."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        self.folder, self.daemon = folder, daemon
        program = folder / "bin" / "systemctl"
        program.parent.mkdir()
        program.write_text(SYSTEMCTL.format(folder=folder))
        program.chmod(0o755)
        # What the services have as well is no find.
        ours = {name: value for name, value in daemon.environment.items() if name.startswith("MEM0_")}
        (folder / "environment").write_text("".join(f"{name}={value}\n" for name, value in ours.items()))
        self.shell = {**ours, "HOME": str(folder), "PATH": f"{program.parent}:/usr/bin:/bin"}

    def stands(self, state: str, pid: int) -> None:
        """Have the manager say so."""
        (self.folder / "stands").write_text(f"{state} {pid}")

    def told(self) -> str:
        """What the manager was told to do."""
        file = self.folder / "told"
        return file.read_text() if file.exists() else ""

    def type(self, *arguments: str, **environment: str) -> pexpect.spawn[str]:
        """Type a command."""
        return pexpect.spawn(
            sys.executable,
            ["-m", "mem0_syncd", *arguments],
            env={**self.shell, **environment},
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 200),
        )


@pytest.fixture
def desk(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Desk:
    """A desk whose daemon has not begun."""
    settings = {**platform_settings(mem0.url), "MEM0_SYNCD_DESTINATION": "platform"}
    daemon = Daemon(tmp_path, [project], **settings)
    del daemon.environment["MEM0_API_KEY"]
    return Desk(tmp_path, daemon)


def test_what_only_the_shell_has_is_offered_and_stored(desk: Desk, mem0: Mem0Platform, project: Path) -> None:
    """What is declined isn't; and the daemon takes up what is stored."""
    write_log(project, [decision(1)])
    with running(desk.daemon):
        wait_until(lambda: desk.daemon.status()["destination"]["state"] == "held", "the hold")
        desk.stands("active", desk.daemon.pid)
        typed = desk.type("service", "install", MEM0_API_KEY=KEY, HTTPS_PROXY="http://127.0.0.1:9")
        typed.expect("MEM0_API_KEY is set in this shell only.* Store it .*\\? \\[Y/n\\]")
        typed.sendline("y")
        typed.expect("MEM0_API_KEY is stored")
        typed.expect("HTTPS_PROXY is set in this shell only.* Store it \\(platform.proxy\\)\\? \\[Y/n\\]")
        typed.sendline("n")
        typed.expect("mem0-syncd.service: written")
        typed.expect("the daemon answers")
        typed.expect(pexpect.EOF)
        typed.close()
        assert typed.exitstatus == 0
        desk.daemon.wait_delivered(1)
        examined = desk.type("doctor", HTTPS_PROXY="http://127.0.0.1:9")
        examined.expect("it doesn't see HTTPS_PROXY, which only this shell has")
        examined.expect(pexpect.EOF)
    assert [line.split()[-1] for line in desk.told().splitlines()] == ["daemon-reload", "mem0-syncd.service"]
    assert (desk.folder / "config.toml").read_text() == ""
    unit = (desk.folder / ".config/systemd/user/mem0-syncd.service").read_text()
    assert f"MEM0_SYNCD_STATE_DIR={desk.daemon.state}" in unit
    assert KEY not in unit
    assert cases(mem0.texts().elements()) == [1]


def test_a_daemon_of_a_terminal_is_in_the_way(desk: Desk) -> None:
    """It is named, and nothing is changed."""
    desk.stands("inactive", 0)
    with running(desk.daemon):
        typed = desk.type("service", "install")
        typed.expect(f"a daemon that is not the service's already runs \\(process id {desk.daemon.pid}\\)")
        typed.expect(pexpect.EOF)
        typed.close()
        assert typed.exitstatus == 1
    assert desk.told() == ""


def test_a_purge_asks_and_spares_what_is_in_use(desk: Desk) -> None:
    """It shows what it would delete; a daemon that runs on keeps its files."""
    desk.stands("inactive", 0)
    with running(desk.daemon):
        for answer, code in (("n", 1), ("y", 1)):
            typed = desk.type("service", "uninstall", "--purge")
            typed.expect("outbox.sqlite3")
            typed.expect("Delete it\\? \\[y/N\\]")
            typed.sendline(answer)
            typed.expect("Aborted" if answer == "n" else "nothing was deleted")
            typed.expect(pexpect.EOF)
            typed.close()
            assert typed.exitstatus == code
        assert desk.daemon.run("verify").returncode == 0
        assert desk.daemon.stop() == 0
    assert desk.daemon.run("hook").returncode == 0
    assert (desk.daemon.state / "hook.log").exists()
    typed = desk.type("service", "uninstall", "--purge", "--yes")
    typed.expect(pexpect.EOF)
    typed.close()
    assert typed.exitstatus == 0
    assert not desk.daemon.state.exists()
