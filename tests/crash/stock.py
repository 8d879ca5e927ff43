"""What a shop of the crash tests has: the decisions of a project, and memories as their store has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mem0_syncd.core.memory_payload import Memory as OurMemory
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.core.position import NOWHERE
from mem0_syncd.sources import decision_log
from mem0_syncd.sources.base import Raw
from support.decision_log import write_log
from support.reckoning import Content

RECENT = 12
"""How many decisions a log holds: one that shrinks deletes nothing, and a short one is read quickly."""


@dataclass(frozen=True)
class Kept:
    """A memory as its store has it."""

    id: str
    text: str
    content: Content


@dataclass
class Project:
    """A project's folder, and the decisions that were ever in its log."""

    folder: Path
    decisions: list[dict[str, Any]] = field(default_factory=list)

    def memories(self) -> list[OurMemory]:
        """What Mem0 is to hold of it."""
        understood = (decision_log.understand(Raw(NOWHERE, it), self.folder.name) for it in self.decisions)
        return [memory_of(item) for reading in understood for item in reading.items]

    def write(self) -> None:
        """Write the log."""
        write_log(self.folder, self.decisions[-RECENT:])
