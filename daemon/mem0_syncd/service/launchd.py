"""macOS's launchd: an agent of the user's graphical session."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mem0_syncd.errors import SyncdError
from mem0_syncd.service.base import NoManager, ServiceState, call, template
from mem0_syncd.system.atomic_file import write_text
from mem0_syncd.system.clock import Clock

LABEL = "mem0-syncd"
LOGS = Path("~/Library/Logs/mem0-syncd")
_NOT_FOUND = 113
_END_SECONDS = 60.0


class Launchd:
    """The domain of the session that the user is logged in to."""

    name = "launchd"

    def __init__(self, program: Sequence[str], places: Mapping[str, str], clock: Clock) -> None:
        """`program` is what the agent starts; `places` are variables that it gets."""
        self._program, self._places, self._clock = program, places, clock
        self.unit = Path("~/Library/LaunchAgents").expanduser() / f"{LABEL}.plist"
        self._logs = LOGS.expanduser()
        self._domain = f"gui/{os.getuid()}"

    def text(self) -> str:
        """The property list as this installation writes it."""
        agent = plistlib.loads(template("launchd", f"{LABEL}.plist").encode())
        agent["ProgramArguments"] = [*self._program, "--launchd"]
        agent["EnvironmentVariables"] |= {
            **self._places,
            "MEM0_SYNCD_LOG_FILE": str(self._logs / "daemon.log"),
        }
        # The output of a crash, and of the courier; the daemon itself writes to its own file.
        agent["StandardErrorPath"] = str(self._logs / "stderr.log")
        return plistlib.dumps(agent).decode()

    def install(self, *, restart: bool = False) -> list[str]:
        """Write the agent, enable it and start it."""
        before = self.standing()
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        if before.is_ours and before.is_running and not restart:
            return [f"{self.unit}: it is there", f"it runs already, with process id {before.pid}"]
        if before.is_enabled:
            self._boot_out()
        write_text(self.unit, self.text(), mode=0o644)
        self._must("enable", self._target)
        self._must("bootstrap", self._domain, str(self.unit))
        return [f"{self.unit}: written", "enabled: it starts with your login", "started"]

    def uninstall(self) -> list[str]:
        """Stop it, and remove the agent."""
        before = self.standing()
        if not before.is_installed:
            return [f"{self.unit}: not there"]
        if before.is_enabled:
            self._boot_out()
        self.unit.unlink(missing_ok=True)
        stopped = ["stopped"] if before.is_running else []
        return [*stopped, f"{self.unit}: taken out"]

    def standing(self) -> ServiceState:
        """The state of the agent."""
        self._refuse_without_launchd()
        said = call(["launchctl", "print", self._target])
        if said.returncode not in {0, _NOT_FOUND}:
            raise NoManager(
                "launchd has no session of yours here",
                where=said.stderr.strip() or self._domain,
                remedy="log in on the Mac itself, and run this again there",
            )
        shown = dict(re.findall(r"^\s*(state|pid|last exit code|runs) = (.*)$", said.stdout, re.MULTILINE))
        ended = shown.get("last exit code", "0")
        return ServiceState(
            is_installed=self.unit.is_file(),
            is_ours=self.unit.is_file() and self.unit.read_text(encoding="utf-8") == self.text(),
            is_enabled=said.returncode == 0,
            is_running=shown.get("state") == "running",
            state=shown.get("state", "not loaded"),
            pid=int(shown["pid"]) if "pid" in shown else None,
            restarts=max(0, int(shown.get("runs", 1)) - 1),
            failure="" if ended.startswith(("0", "(never")) else f"exit status {ended}",
        )

    def environment(self) -> dict[str, str]:
        """Nothing: launchd gives an agent almost none of the shell's variables."""
        return {}

    def show_logs(self, lines: int, *, follow: bool) -> list[str]:
        """`tail` of the daemon's own file, and of the output beside it."""
        files = [str(self._logs / name) for name in ("stderr.log", "daemon.log")]
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), *files]

    @property
    def _target(self) -> str:
        return f"{self._domain}/{LABEL}"

    def _boot_out(self) -> None:
        """Unload the agent, and wait until it has ended: requests under way may take a while."""
        call(["launchctl", "bootout", self._target])
        deadline = self._clock.monotonic() + _END_SECONDS
        while self.standing().is_enabled:
            if self._clock.monotonic() > deadline:
                raise SyncdError(
                    "the daemon doesn't end", where=self._target, remedy="mem0-syncd service logs"
                )
            self._clock.sleep(0.1)

    def _must(self, *arguments: str) -> None:
        said = call(["launchctl", *arguments])
        if said.returncode != 0:
            raise SyncdError(
                f"launchctl {arguments[0]} failed",
                where=said.stderr.strip(),
                remedy="mem0-syncd service logs",
            )

    def _refuse_without_launchd(self) -> None:
        if not shutil.which("launchctl"):
            raise NoManager("there is no launchd here", where="PATH", remedy="mem0-syncd run")
