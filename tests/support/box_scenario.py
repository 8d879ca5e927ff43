"""What becomes of the service under a real user manager; runs as root in a box (box_boot.sh).

Each scene prints a line of JSON: what was seen, which tests/system/test_systemd_box.py judges.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60.0
USER = "sam"
UNIT = "mem0-syncd.service"
LOG = "shop/.claude/coordination/decision-log.json"
# So that no scene need wait for what nobody is in a hurry about.
SWIFT = """[Service]
RestartSec=200ms
WatchdogSec=4
TimeoutAbortSec=500ms
[Unit]
StartLimitBurst=50
"""
DECISION = {
    "decision_id": "DEC-1",
    "timestamp": "2026-01-05T10:00:00Z",
    "title": "Store sessions in SQLite",
    "description": "One file, no server, and a backup is a copy of it.",
    "category": "architecture",
}

Seen = dict[str, Any]


def wait_until(condition: Callable[[], Any]) -> bool:
    """Whether a condition comes true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Sam:
    """A user without a session, whose Python is this one."""

    def __init__(self) -> None:
        for folder in Path(os.path.realpath(sys.executable)).parents:
            folder.chmod(folder.stat().st_mode | 0o111)  # root's home is closed, and this one is a copy
        subprocess.run(["useradd", "--create-home", USER], check=True)
        self.home = Path(pwd.getpwnam(USER).pw_dir)
        self.uid = pwd.getpwnam(USER).pw_uid

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the user."""
        return subprocess.run(
            ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups", *command],
            env={"HOME": str(self.home), "USER": USER, "PATH": "/usr/bin:/bin", **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def syncd(self, *arguments: str, **environment: str) -> Seen:
        """Run mem0-syncd as the user; what it said, and how it ended."""
        ended = self.run(sys.executable, "-m", "mem0_syncd", *arguments, **environment)
        return {"code": ended.returncode, "out": ended.stdout, "err": ended.stderr}

    def systemctl(self, *arguments: str) -> str:
        """Ask the user's manager."""
        return self.run("systemctl", "--user", *arguments, XDG_RUNTIME_DIR=f"/run/user/{self.uid}").stdout

    def unit(self) -> dict[str, str]:
        """What the manager shows of the unit."""
        wanted = "ActiveState,MainPID,NRestarts,Result,ExecMainStatus,UnitFileState,StatusText"
        shown = self.systemctl("show", f"--property={wanted}", UNIT)
        return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def is_up(self) -> bool:
        """Whether the daemon has said that it is ready."""
        return self.unit().get("ActiveState") == "active"

    def pid(self) -> int:
        """The daemon's process id."""
        return int(self.unit()["MainPID"])

    def processes(self) -> list[int]:
        """The daemon and its couriers."""
        return [int(pid) for pid in self.run("pgrep", "-f", "-u", USER, "mem0_syncd").stdout.split()]


def no_manager(sam: Sam) -> Seen:
    """Nobody is logged in."""
    return sam.syncd("service", "install")


def install(sam: Sam) -> Seen:
    """From a shell that has a key and a proxy of its own."""
    subprocess.run(["loginctl", "enable-linger", USER], check=True)
    wait_until(lambda: Path(f"/run/user/{sam.uid}/bus").exists())
    shell = {"MEM0_API_KEY": "m0-of-this-shell-only", "HTTPS_PROXY": "http://proxy.example:3128"}
    unsaid = sam.syncd("service", "install", **shell)
    said = sam.syncd("service", "install", "--no-store", **shell)
    unit = sam.home / f".config/systemd/user/{UNIT}"
    return {**said, "unsaid": unsaid, "unit": sam.unit(), "holds the key": "m0-of" in unit.read_text()}


def install_again(sam: Sam) -> Seen:
    """Twice, with nothing changed between."""
    drop_in = sam.home / f".config/systemd/user/{UNIT}.d/swift.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(SWIFT)
    sam.systemctl("daemon-reload")
    sam.systemctl("restart", UNIT)
    before = sam.pid()
    return {**sam.syncd("service", "install"), "same": sam.pid() == before}


def sandbox(sam: Sam) -> Seen:
    """What the kernel says of the daemon."""
    process = Path(f"/proc/{sam.pid()}")
    status = (process / "status").read_text()
    mounts = (process / "mountinfo").read_text().splitlines()
    return {
        "no new privileges": "NoNewPrivs:\t1" in status,
        "system calls filtered": "Seccomp:\t2" in status,
        "no capabilities": "CapEff:\t0000000000000000" in status,
        "own users": (process / "ns/user").readlink() != Path("/proc/self/ns/user").readlink(),
        "system read-only": any(" /usr " in line and " ro," in line for line in mounts),
    }


def delivery(sam: Sam) -> Seen:
    """An item's way into the local Mem0 and back, from within the sandbox."""
    log = sam.home / LOG
    sam.run("mkdir", "-p", str(log.parent))
    sam.run("touch", str(log))
    log.write_text(json.dumps([DECISION]))
    sam.syncd("project", "add", str(sam.home / "shop"))
    said = sam.syncd("sync")
    marks = log.with_name(".decision-sync-state.json")
    is_marked = wait_until(lambda: marks.exists() and DECISION["decision_id"] in marks.read_text())
    return {**said, "marked": is_marked}


def kill(sam: Sam) -> Seen:
    """SIGKILL, while a courier is there."""
    return _end(sam, signal.SIGKILL)


def hang(sam: Sam) -> Seen:
    """A daemon that does nothing any more: the watchdog's case."""
    return _end(sam, signal.SIGSTOP)


def _end(sam: Sam, number: signal.Signals) -> Seen:
    before, restarts = set(sam.processes()), int(sam.unit()["NRestarts"])
    os.kill(sam.pid(), number)
    is_back = wait_until(lambda: sam.is_up() and int(sam.unit()["NRestarts"]) > restarts)
    return {"back": is_back, "left behind": sorted(before & set(sam.processes()))}


def logs(sam: Sam) -> Seen:
    """All that was logged until now."""
    return sam.syncd("service", "logs", "--lines", "1000")


def reload(sam: Sam) -> Seen:
    """A setting changes, and SIGHUP says so."""
    config, before = sam.home / ".config/mem0-syncd/config.toml", sam.pid()
    config.parent.mkdir(exist_ok=True)
    config.write_text('log_level = "debug"\n')
    sam.systemctl("reload", UNIT)
    return {"same": sam.pid() == before, "unit": sam.unit()}


def stop_and_start(sam: Sam) -> Seen:
    """As a person does."""
    sam.systemctl("stop", UNIT)
    seen = {"stopped": sam.unit(), "processes": sam.processes(), "told": sam.syncd("service", "status")}
    sam.systemctl("start", UNIT)
    return {**seen, "started": sam.unit()}


def bad_configuration(sam: Sam) -> Seen:
    """A setting that can't be, and its mending."""
    config = sam.home / ".config/mem0-syncd/config.toml"
    config.write_text("flush_seconds = -1\n")
    sam.systemctl("restart", UNIT)
    wait_until(lambda: sam.unit()["ActiveState"] == "failed")
    seen = {"unit": sam.unit(), "told": sam.syncd("service", "status"), "status": sam.syncd("status")}
    config.unlink()
    return {**seen, "mended": sam.syncd("service", "install"), "then": sam.unit()}


def restart_manager(sam: Sam) -> Seen:
    """As after a reboot, with lingering."""
    before = sam.pid()
    subprocess.run(["systemctl", "restart", f"user@{sam.uid}.service"], check=True)
    return {"back": wait_until(sam.is_up), "another": sam.pid() != before}


def uninstall(sam: Sam) -> Seen:
    """And then with everything."""
    state = sam.home / ".local/state/mem0-syncd"
    said = sam.syncd("service", "uninstall")
    kept = [it.name for it in state.iterdir()]
    seen = {**said, "processes": sam.processes(), "unit": sam.unit(), "kept": kept}
    return {**seen, "purged": sam.syncd("service", "uninstall", "--purge", "--yes"), "left": state.exists()}


SCENES = (
    no_manager,
    install,
    install_again,
    sandbox,
    delivery,
    kill,
    hang,
    logs,
    reload,
    stop_and_start,
    bad_configuration,
    restart_manager,
    uninstall,
)


if __name__ == "__main__":
    user, began = Sam(), time.monotonic()
    for scene in SCENES:
        seen = scene(user)
        line = {"scene": scene.__name__, "seconds": round(time.monotonic() - began, 1), **seen}
        print(json.dumps(line), flush=True)  # noqa: T201 - the box's only way to tell
