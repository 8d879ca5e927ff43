"""The files that items are read from: one module a format, and the table of them in `all_sources`."""

from __future__ import annotations

from mem0_syncd.sources.base import Broken, Raw, Reading, Source
from mem0_syncd.system.unreadable_file import Unreadable

__all__ = ["Broken", "Raw", "Reading", "Source", "Unreadable"]
