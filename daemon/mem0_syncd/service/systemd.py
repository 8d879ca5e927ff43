"""systemd's user manager."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from mem0_syncd.errors import SyncdError
from mem0_syncd.service.base import NoManager, ServiceState, call, template
from mem0_syncd.system.atomic_file import write_text

UNIT = "mem0-syncd.service"
_WANTED = "ActiveState,SubState,MainPID,NRestarts,Result,UnitFileState,ExecMainStatus"
_ALIVE = {"active", "reloading"}


class Systemd:
    """The user manager that `systemctl --user` talks to."""

    name = "systemd"

    def __init__(self, program: Sequence[str], places: Mapping[str, str], environ: Mapping[str, str]) -> None:
        """`program` is what the unit starts; `places` are variables of `environ` that it gets."""
        self._program, self._places, self._environ = program, places, environ
        home = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        self.unit = home / "systemd" / "user" / UNIT

    def text(self) -> str:
        """The unit as this installation writes it."""
        first, *rest = self._program
        command = " ".join([_quoted(first), *(_quoted(word).replace("$", "$$") for word in rest)])
        variables = "".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in self._places.items()
        )
        lines = template("systemd", UNIT).splitlines(keepends=True)
        return "".join(
            f"ExecStart={command}\n{variables}" if line.startswith("ExecStart=") else line for line in lines
        )

    def install(self, *, restart: bool = False) -> list[str]:
        """Write the unit, enable it and start it."""
        before = self.standing()
        done = []
        if not before.is_ours:
            write_text(self.unit, self.text(), mode=0o644)
            self._must("daemon-reload")
            done.append(f"{self.unit}: written")
        else:
            done.append(f"{self.unit}: it is there")
        if not before.is_enabled:
            self._must("enable", UNIT)
            done.append("enabled: it starts with your first login")
        if before.is_running and before.is_ours and not restart:
            done.append(f"it runs already, with process id {before.pid}")
        else:
            if before.failure:  # which may have failed so often that it isn't tried any more
                self._must("reset-failed", UNIT)
            self._must("restart", UNIT)  # waits until the daemon reports that it is ready
            done.append(f"started, and ready: process id {self.standing().pid}")
        if not self._lingers():
            done.append("it ends with your last session; to have it run always: loginctl enable-linger")
        return done

    def uninstall(self) -> list[str]:
        """Stop it, and remove the unit."""
        standing = self.standing()
        if not standing.is_installed:
            return [f"{self.unit}: not there"]
        self._must("disable", "--now", UNIT)
        self.unit.unlink(missing_ok=True)
        self._must("daemon-reload")
        self._systemctl("reset-failed", UNIT)  # which fails if nothing had failed
        stopped = ["stopped"] if standing.is_running else []
        return [*stopped, f"{self.unit}: taken out"]

    def standing(self) -> ServiceState:
        """The state of the service."""
        shown = self._must("show", f"--property={_WANTED}", UNIT)
        said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        failure = ""
        if said["Result"] != "success":
            failure = f"{said['Result']} (exit status {said['ExecMainStatus']})"
        return ServiceState(
            is_installed=self.unit.is_file(),
            is_ours=self.unit.is_file() and self.unit.read_text(encoding="utf-8") == self.text(),
            is_enabled=said["UnitFileState"] == "enabled",
            is_running=said["ActiveState"] in _ALIVE,
            state=f"{said['ActiveState']} ({said['SubState']})",
            pid=int(said["MainPID"]) or None,
            restarts=int(said["NRestarts"]),
            failure=failure,
        )

    def environment(self) -> dict[str, str]:
        """The variables that the manager gives to every service."""
        lines = self._must("show-environment").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def show_logs(self, lines: int, *, follow: bool) -> list[str]:
        """`journalctl`, without its pager."""
        more = ["--follow"] if follow else []
        return ["journalctl", "--user", f"--unit={UNIT}", f"--lines={lines}", "--no-pager", *more]

    def _lingers(self) -> bool:
        said = call(["loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"])
        return said.stdout.strip() == "yes"

    def _must(self, *arguments: str) -> str:
        said = self._systemctl(*arguments)
        if said.returncode == 0:
            return said.stdout
        if "onnect to" in said.stderr and "bus" in said.stderr:
            raise NoManager(
                "there is no user manager of systemd here",
                where=said.stderr.strip(),
                remedy="log in as yourself (not by su or sudo), or: sudo loginctl enable-linger $USER;"
                " where there is none, have whatever starts your other daemons run: mem0-syncd run",
            )
        raise SyncdError(
            f"systemctl --user {arguments[0]} failed",
            where=said.stderr.strip(),
            remedy="mem0-syncd service logs",
        )

    def _systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        if not shutil.which("systemctl"):
            raise NoManager(
                "there is no systemd here",
                where="PATH",
                remedy="have whatever starts your other daemons run: mem0-syncd run",
            )
        # A shell of su or cron doesn't have the manager's address.
        runtime = {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}"}
        return call(["systemctl", "--user", "--no-pager", *arguments], {**runtime, **self._environ})


def _quoted(word: str) -> str:
    """A word in the form of a unit's value."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
