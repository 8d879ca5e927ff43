"""File events: hints at which project may have changed."""

from mem0_syncd.watcher.watcher import PROBE_SECONDS, Watcher

__all__ = ["PROBE_SECONDS", "Watcher"]
