"""The units that are shipped, and what an installation makes of them."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.service.base import template
from mem0_syncd.service.launchd import Launchd
from mem0_syncd.service.systemd import Systemd
from mem0_syncd.system.clock import Clock

HIGHEST_EXPOSURE = 25
"""In tenths, as `systemd-analyze security` counts; docs/service.md explains what is left."""

AGENT: dict[str, Any] = {
    "Label": str,
    "ProgramArguments": [str],
    "EnvironmentVariables": {str: str},
    "RunAtLoad": bool,
    "KeepAlive": {"SuccessfulExit": bool},
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "ProcessType": str,
    "LowPriorityIO": bool,
    "Umask": int,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
"""The keys of launchd.plist(5) that the agent uses, each with its type."""

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Have systemd look at a unit without any manager."""
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit of this installation."""
    file = tmp_path / "mem0-syncd.service"
    file.write_text(Systemd([sys.executable, "-m", "mem0_syncd", "run"], {}, {}).text())
    return file


@needs_systemd
def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    """And would start what it names; a word that is no key of systemd's is found out."""
    ended = analyze(unit.parent, "verify", "--user", "--recursive-errors=no", str(unit))
    assert (ended.returncode, ended.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSeconds="))
    assert "WatchdogSeconds" in analyze(unit.parent, "verify", "--user", str(unit)).stderr


@needs_systemd
def test_the_sandbox_is_as_tight_as_it_was(unit: Path) -> None:
    """The exposure may only shrink."""
    ended = analyze(
        unit.parent, "security", "--user", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", str(unit)
    )
    assert ended.returncode == 0, ended.stdout


def test_the_unit_says_what_the_daemon_promises() -> None:
    """When it is ready and alive, when it is started again, and when it isn't."""
    lines = template("systemd", "mem0-syncd.service").splitlines()
    promised = {
        "Type=notify",
        "Restart=on-failure",
        "RestartPreventExitStatus=78",
        "PrivateUsers=yes",
        "WatchdogSec=90",
    }
    assert promised <= set(lines)
    assert not [line for line in lines if "API_KEY" in line]


def test_the_units_program_is_this_installations() -> None:
    """Whatever characters its path has, and with the folders that this shell names."""
    odd = '/opt/a "b" 100% $HOME/python'
    text = Systemd([odd, "-m", "mem0_syncd", "$run"], {"MEM0_SYNCD_STATE_DIR": "/srv/100%"}, {}).text()
    assert r'ExecStart="/opt/a \"b\" 100%% $HOME/python" "-m" "mem0_syncd" "$$run"' in text.splitlines()
    assert 'Environment="MEM0_SYNCD_STATE_DIR=/srv/100%%"' in text.splitlines()
    shipped = template("systemd", "mem0-syncd.service").splitlines()
    ours = [line for line in text.splitlines() if 'ExecStart="' not in line and "STATE_DIR" not in line]
    assert ours == [line for line in shipped if not line.startswith("ExecStart=")]


def is_of(value: object, form: Any) -> bool:
    """Whether a value has a form of `AGENT`."""
    if isinstance(form, list):
        return isinstance(value, list) and all(type(it) is form[0] for it in value)
    if isinstance(form, dict) and str in form:
        return isinstance(value, dict) and all(type(it) is str for it in (*value, *value.values()))
    if isinstance(form, dict):
        return isinstance(value, dict) and {key: type(it) for key, it in value.items()} == form
    return type(value) is form


@pytest.mark.parametrize("source", ["shipped", "installed"])
def test_launchd_understands_every_key_of_the_agent(source: str, tmp_path: Path) -> None:
    """Each is a key of launchd's, and its value of the type that launchd wants."""
    text = template("launchd", "mem0-syncd.plist")
    if source == "installed":
        text = Launchd(
            [sys.executable, "-m", "mem0_syncd", "run"], {"XDG_STATE_HOME": "/s & t"}, Clock()
        ).text()
    agent = plistlib.loads(text.encode())
    assert agent.keys() == AGENT.keys()
    assert {key: value for key, value in agent.items() if not is_of(value, AGENT[key])} == {}


def test_the_agent_means_the_same_as_the_unit() -> None:
    """On failure only, not at once, in the background, with logs; and with this installation's program."""
    agent = plistlib.loads(Launchd(["/opt/python", "-m", "mem0_syncd", "run"], {}, Clock()).text().encode())
    assert agent["ProgramArguments"] == ["/opt/python", "-m", "mem0_syncd", "run", "--launchd"]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ThrottleInterval"] >= 10
    assert agent["ProcessType"] == "Background"
    assert agent["Umask"] == 0o077
    logs = Path("~/Library/Logs/mem0-syncd").expanduser()
    assert Path(agent["StandardErrorPath"]).parent == logs
    assert agent["EnvironmentVariables"]["MEM0_SYNCD_LOG_FILE"] == str(logs / "daemon.log")
    assert "MEM0_API_KEY" not in agent["EnvironmentVariables"]
