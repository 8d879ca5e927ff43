"""Reading the settings again while the daemon runs."""

from __future__ import annotations

from mem0_syncd.config.settings import Settings, load
from mem0_syncd.errors import BadConfiguration, Problem

FIXED = ("state_dir", "runtime_dir", "config_file", "log_file")
"""What the daemon was started on, and can't leave."""


def renewed(old: Settings) -> tuple[Settings, list[Problem]]:
    """The settings as they are now, and what of them isn't heeded; the old ones where they are wrong."""
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
