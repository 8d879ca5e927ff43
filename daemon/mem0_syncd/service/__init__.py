"""The service managers: systemd's user manager on Linux, launchd on macOS."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from mem0_syncd.service.base import Manager, NoManager, ServiceState
from mem0_syncd.service.launchd import Launchd
from mem0_syncd.service.systemd import Systemd
from mem0_syncd.system.clock import Clock

__all__ = ["Manager", "NoManager", "ServiceState", "manager"]

# Variables for folders go into the unit: the service must find what this shell finds.
_PLACES = (
    "MEM0_SYNCD_CONFIG_FILE",
    "MEM0_SYNCD_STATE_DIR",
    "MEM0_SYNCD_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
)


def manager(environ: Mapping[str, str]) -> Manager:
    """The manager of this platform; its methods raise if it doesn't answer."""
    places = {name: environ[name] for name in _PLACES if environ.get(name)}
    program = [sys.executable, "-m", "mem0_syncd", "run"]
    if sys.platform == "darwin":
        return Launchd(program, places, Clock())
    return Systemd(program, places, environ)
