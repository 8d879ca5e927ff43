"""Reading the settings again while the daemon runs."""

from __future__ import annotations

from mem0_syncd.config.settings import Settings, load
from mem0_syncd.errors import BadConfiguration, Problem

FIXED = ("state_dir", "runtime_dir", "config_file", "log_file")
"""The settings that can't change while the daemon runs."""


def renewed(old: Settings) -> tuple[Settings, list[Problem]]:
    """The settings as they are now, and the problems with them; the old settings if they are wrong."""
    try:
        fresh = load()
    except BadConfiguration as error:
        return old, [error.problem]
    kept = {name: getattr(old, name) for name in FIXED}
    problems = [
        Problem(f"{name} has changed, which takes a restart", str(old.config_file), "restart the daemon")
        for name, value in kept.items()
        if getattr(fresh, name) != value
    ]
    return fresh.model_copy(update=kept), problems
