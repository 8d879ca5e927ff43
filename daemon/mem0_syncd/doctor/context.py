"""The context of all checks: the settings, the environment, the outbox, the daemon, and Mem0's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mem0_syncd.config.settings import Settings
from mem0_syncd.control.client import ask
from mem0_syncd.core.destination_kinds import Check, DestinationKind, by_default
from mem0_syncd.doctor.platform_ping import NoAnswer, PlatformAnswer, ask_platform
from mem0_syncd.engine.destination_choice import kind_of
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, Problem, SyncdError
from mem0_syncd.outbox import Outbox, ProjectRow

_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Context:
    """One state folder and what belongs to it; the checks change nothing of it."""

    settings: Settings
    environ: Mapping[str, str]
    outbox: Outbox | None
    damage: Problem | None
    """Why the outbox can't be opened, if it can't."""

    ping: Mapping[str, Any] | None
    """What the daemon answers; None if none runs, empty if it doesn't answer."""

    @property
    def projects(self) -> list[ProjectRow]:
        """The watched folders."""
        return self.outbox.projects.all() if self.outbox else []

    @property
    def kinds(self) -> list[DestinationKind]:
        """The kinds of the destinations in use, or of the one that a first start would choose."""
        rows = self.outbox.destinations.in_use() if self.outbox else []
        names = [row.name for row in rows] or [self._chosen]
        return [kind_of(self.settings, name) for name in dict.fromkeys(names)]

    def asks(self, check: Check) -> bool:
        """Whether a check is needed by a destination in use."""
        return any(check in kind.checks for kind in self.kinds)

    @property
    def _chosen(self) -> str:
        if self.settings.destination != "auto":
            return self.settings.destination
        return by_default(has_key=self.settings.api_key is not None)

    @cached_property
    def platform(self) -> PlatformAnswer | NoAnswer:
        """What the Platform answers to a ping with the key; asked once."""
        return ask_platform(self.settings.platform, self.settings.api_key)


def look_around(settings: Settings, environ: Mapping[str, str]) -> Context:
    """The context of the state folder that the settings name."""
    state = settings.state_dir
    outbox = damage = None
    try:
        outbox = Outbox.open_to_read(state) if state.is_dir() else None
    except SyncdError as error:
        damage = error.problem
    ping: Mapping[str, Any] | None
    try:
        ping = ask(state, "ping", timeout=_PATIENCE_SECONDS)
    except DaemonNotRunning:
        ping = None
    except DaemonUnresponsive:
        ping = {}
    return Context(settings, environ, outbox, damage, ping)
