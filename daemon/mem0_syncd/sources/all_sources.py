"""The table of all sources: which files of a project are read, in the order of record."""

from __future__ import annotations

from mem0_syncd.sources import agent_patterns, decision_log, decision_records, memory_queue
from mem0_syncd.sources.base import Source

SOURCES: tuple[Source, ...] = (
    decision_log.SOURCE,
    decision_records.RECORDS,
    decision_records.LOG,
    agent_patterns.SOURCE,
    memory_queue.SOURCE,
)
"""Every source, in the order of record: where ids meet, the earlier one revises the item."""
