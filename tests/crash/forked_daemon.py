"""A daemon that a nursery forks, whatever variables of the interpreter it is to have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Any

from support.daemon import Daemon
from support.nursery import VARIABLE, Child, fork


class ForkedDaemon(Daemon):
    """A daemon of the nursery that its environment names; so are its couriers."""

    def spawn(self, command: list[str], environment: Mapping[str, str], log: IO[bytes]) -> Any:
        """The running process."""
        return self._fork(command, environment, log)

    def command(self, *arguments: str) -> None:
        """Run another command to its end, whatever that is."""
        command = [sys.executable, "-P", "-m", "mem0_syncd", *arguments]
        self._fork(command, self.environment, subprocess.DEVNULL).wait()

    def _fork(self, command: list[str], environment: Mapping[str, str], log: IO[bytes] | int) -> Child:
        nothing = subprocess.DEVNULL
        how: dict[str, Any] = {"stdin": nothing, "stdout": nothing, "stderr": log, "start_new_session": True}
        return fork(environment[VARIABLE], command, environment, **how)
