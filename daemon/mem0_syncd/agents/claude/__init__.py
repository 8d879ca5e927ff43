"""Claude Code's side: installs and removes the hooks in its settings and the `/mem0-sync` command."""

from mem0_syncd.agents.claude.hook_settings import EVENTS, with_hooks, without_hooks
from mem0_syncd.agents.claude.install import (
    BACKUP,
    COMMAND,
    SETTINGS,
    hook_command,
    install,
    missing_events,
    uninstall,
    user_folder,
)

__all__ = [
    "BACKUP",
    "COMMAND",
    "EVENTS",
    "SETTINGS",
    "hook_command",
    "install",
    "missing_events",
    "uninstall",
    "user_folder",
    "with_hooks",
    "without_hooks",
]
