"""The files that items are read from: one module a format, and this table of them."""

from __future__ import annotations

from mem0_syncd.sources import agent_patterns, decision_log, decision_records, memory_queue
from mem0_syncd.sources.base import Broken, Raw, Reading, Source
from mem0_syncd.system.unreadable_file import Unreadable

SOURCES: tuple[Source, ...] = (
    decision_log.SOURCE,
    decision_records.RECORDS,
    decision_records.LOG,
    agent_patterns.SOURCE,
    memory_queue.SOURCE,
)
"""Every source, in the order of record: where ids meet, the earlier one revises the item."""

__all__ = ["SOURCES", "Broken", "Raw", "Reading", "Source", "Unreadable"]
