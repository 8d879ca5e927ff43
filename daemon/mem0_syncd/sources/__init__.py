"""The files that items are read from: one module a format, and this table of them."""

from __future__ import annotations

from mem0_syncd.sources import decision_log
from mem0_syncd.sources.base import Raw, Reading, Source, Unreadable

SOURCES: tuple[Source, ...] = (decision_log.SOURCE,)
"""Every source, in the order of record: where ids meet, the earlier one revises the item."""

__all__ = ["SOURCES", "Raw", "Reading", "Source", "Unreadable"]
