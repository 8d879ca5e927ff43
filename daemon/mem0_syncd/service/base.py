"""The interface of every service manager."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

from mem0_syncd.errors import SyncdError


class NoManager(SyncdError):
    """No service manager would start anything for this user."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of the service: `state` in the manager's own word.

    `is_ours` is whether the unit is as this installation writes it. `failure` is why it failed, if it did.
    """

    is_installed: bool
    is_ours: bool
    is_enabled: bool
    is_running: bool
    state: str
    pid: int | None
    restarts: int
    failure: str


class Manager(Protocol):
    """A service manager, and the unit that it has for the daemon."""

    name: str
    unit: Path

    def install(self, *, restart: bool) -> list[str]:
        """Write the unit, enable it and start it; returns what was done, a line each.

        A second call changes nothing, and restarts nothing unless the unit has changed or `restart` is set.
        Raises `NoManager` with nothing changed, and `SyncdError` if it doesn't start.
        """

    def uninstall(self) -> list[str]:
        """Stop it, and remove what `install` has written; returns what was done, a line each."""

    def standing(self) -> ServiceState:
        """The state of the service; raises `NoManager`."""

    def environment(self) -> dict[str, str]:
        """The variables that the manager gives to every service."""

    def show_logs(self, lines: int, *, follow: bool) -> list[str]:
        """The command that prints the last lines of the log, and follows it if asked to."""


def template(folder: str, name: str) -> str:
    """A unit as it is shipped: in the package, or in the checkout."""
    shipped = resources.files("mem0_syncd") / folder / name
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (Path(__file__).parents[3] / folder / name).read_text(encoding="utf-8")


def call(command: Sequence[str], environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a manager's command and return its output."""
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
