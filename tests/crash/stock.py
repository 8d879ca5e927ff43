"""What a shop is to have in Mem0, what it has, and how the two differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mem0_syncd.core.memory_payload import Memory as OurMemory
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.core.position import NOWHERE
from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from mem0_syncd.sources import decision_log
from mem0_syncd.sources.base import Raw
from support.decision_log import write_log
from support.mem0_model import Memory

Content = tuple[str, str]
"""A sync key and a content hash."""

RECENT = 12
"""How many decisions a log holds: one that shrinks deletes nothing, and a short one is read quickly."""


def content_of(memory: Memory | OurMemory) -> Content:
    """What a memory's metadata says that it is."""
    return str(memory.metadata["sync_key"]), str(memory.metadata["content_hash"])


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

    def marked(self) -> set[str]:
        """The ids that the sync-state file marks."""
        path = self.folder / SYNC_STATE
        return set(json.loads(path.read_text())["synced_decisions"]) if path.exists() else set()


@dataclass(frozen=True)
class Differences:
    """What isn't as it is to be: texts that Mem0 lacks, texts that it has twice, and anything else."""

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.other)


class StillWrong(AssertionError):
    """Something is not as it is to be, and doesn't come right."""

    def __init__(self, differences: Differences) -> None:
        super().__init__(differences)
        self.differences = differences
