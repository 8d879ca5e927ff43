"""launchd, played by a program that keeps what it was told: no Mac is at hand."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from mem0_syncd.errors import SyncdError
from mem0_syncd.service.base import NoManager
from mem0_syncd.service.launchd import Launchd
from mem0_syncd.system.clock import Clock

LAUNCHCTL = """#!/bin/sh
echo "$*" >> "{folder}/told"
test -e "{folder}/elsewhere" && {{ echo "Could not find domain for" >&2; exit 112; }}
case $1 in
    bootstrap) test -e "{folder}/broken" && {{ echo "Bootstrap failed: 5" >&2; exit 5; }}
        cp "$3" "{folder}/loaded" ;;
    bootout) rm -f "{folder}/loaded" ;;
    print) test -e "{folder}/loaded" || {{ echo "Could not find service" >&2; exit 113; }}
        printf 'gui = {{\\n\\tstate = running\\n\\tpid = 4711\\n'
        printf '\\truns = 3\\n\\tlast exit code = 1\\n}}\\n' ;;
esac
"""


class Mac:
    """A home folder, and a launchctl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        program = folder / "launchctl"
        program.write_text(LAUNCHCTL.format(folder=folder))
        program.chmod(0o755)

    def agent(self, *program: str) -> Launchd:
        """The agent of an installation."""
        return Launchd(program or ["/opt/python", "-m", "mem0_syncd", "run"], {}, Clock())

    def told(self) -> list[str]:
        """What launchctl was told since the last call, but for questions."""
        file = self.folder / "told"
        told = [line.split()[0] for line in file.read_text().splitlines()]
        file.unlink()
        return [verb for verb in told if verb != "print"]


@pytest.fixture
def mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mac:
    """A Mac that is logged in to."""
    mac = Mac(tmp_path)
    monkeypatch.setenv("HOME", str(mac.home))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return mac


def test_the_agent_is_written_loaded_and_described(mac: Mac) -> None:
    """What launchd got is what was written."""
    agent = mac.agent()
    assert not agent.standing().is_installed
    assert agent.install()[0] == f"{agent.unit}: written"
    assert mac.told() == ["enable", "bootstrap"]
    assert plistlib.loads((mac.folder / "loaded").read_bytes())["ProgramArguments"][0] == "/opt/python"
    standing = agent.standing()
    assert (standing.is_installed, standing.is_ours, standing.is_enabled) == (True, True, True)
    assert (standing.is_running, standing.pid, standing.restarts) == (True, 4711, 2)
    assert standing.failure == "exit status 1"
    assert (mac.home / "Library/Logs/mem0-syncd").is_dir()


def test_installing_it_again_changes_nothing(mac: Mac) -> None:
    """Unless another installation does it: then the former one makes way."""
    mac.agent().install()
    mac.told()
    assert "it runs already" in mac.agent().install()[1]
    assert mac.told() == []
    mac.agent().install(restart=True)
    assert mac.told() == ["bootout", "enable", "bootstrap"]
    other = mac.agent("/other/python")
    assert not other.standing().is_ours
    other.install()
    assert mac.told() == ["bootout", "enable", "bootstrap"]


def test_uninstalled_it_is_gone(mac: Mac) -> None:
    """Once more does no harm."""
    agent = mac.agent()
    agent.install()
    mac.told()
    assert agent.uninstall() == ["stopped", f"{agent.unit}: taken out"]
    assert mac.told() == ["bootout"]
    assert not agent.unit.exists()
    assert agent.uninstall() == [f"{agent.unit}: not there"]


def test_what_launchd_says_of_a_failure_is_passed_on(mac: Mac) -> None:
    """With what it was about."""
    (mac.folder / "broken").touch()
    with pytest.raises(SyncdError, match="launchctl bootstrap failed") as caught:
        mac.agent().install()
    assert caught.value.problem.where == "Bootstrap failed: 5"


def test_without_a_session_on_the_mac_the_answer_is_clear(mac: Mac) -> None:
    """As over ssh."""
    (mac.folder / "elsewhere").touch()
    with pytest.raises(NoManager, match="no session of yours"):
        mac.agent().install()
    assert not mac.agent().unit.exists()


def test_the_logs_are_files(mac: Mac) -> None:
    """Those that the agent writes to."""
    command = mac.agent().show_logs(7, follow=True)
    assert command[:4] == ["tail", "-n", "7", "-F"]
    assert [Path(name).name for name in command[4:]] == ["stderr.log", "daemon.log"]
