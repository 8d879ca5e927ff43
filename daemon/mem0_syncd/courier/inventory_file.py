"""The inventory of a user id: a file with one line for each memory that Mem0 holds, without its text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

from mem0_syncd.core.duplicate_memories import Kept


def write_inventory(path: Path, memories: Iterable[Kept]) -> None:
    """Write memories to an existing file."""
    with path.open("r+", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(astuple(memory))}\n" for memory in memories)


def read_inventory(path: Path) -> Iterator[Kept]:
    """The memories that `write_inventory` wrote; the file is deleted afterwards."""
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield Kept(*json.loads(line))
    finally:
        path.unlink(missing_ok=True)
