"""Another version that is installed over the one that runs: it takes over once it can start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import structlog

import mem0_syncd
from mem0_syncd import __version__
from mem0_syncd.errors import Problem

_PACKAGE = Path(mem0_syncd.__file__).parent
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_LONGEST_START_SECONDS = 60.0

log = structlog.get_logger("upgrade")


class Upgrade:
    """Checks now and then which version is installed."""

    def __init__(self) -> None:
        self._seen: str | None = None
        self.is_ready = False
        """Whether the other version has been there for two looks, and can be started."""
        self.problem: Problem | None = None
        """What a person may want to know about a version that waits."""

    def look(self) -> None:
        """Check once."""
        found = installed()
        if found in {None, __version__}:
            if self.problem is not None:
                log.info("upgrade_reverted")
            self._seen, self.is_ready, self.problem = None, False, None
            return
        # An installation takes its time, and can't be started before its end.
        self.is_ready = found == self._seen and _can_start()
        self._seen = found
        self.problem = Problem(
            f"version {found} is installed while {__version__} still runs",
            str(_PACKAGE),
            "nothing: the daemon restarts by itself; if this stays, install it again",
            needs_you=False,
        )


def installed() -> str | None:
    """The version that a new process would be of; None if that can't be read."""
    try:
        found = _VERSION.search((_PACKAGE / "__about__.py").read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[1] if found else None


def _can_start() -> bool:
    command = [sys.executable, "-P", "-c", "import mem0_syncd.standby"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST_START_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
