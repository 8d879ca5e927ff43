"""What a project holds, before anything is done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mem0_syncd.memory import user_id
from mem0_syncd.render import counted
from mem0_syncd.sources import SOURCES, Reading, Source
from mem0_syncd.unreadable import Unreadable
from mem0_syncd.watched_folder import LONGEST_LOG, WatchedFolder


def preview(folder: WatchedFolder, project_id: str) -> Iterator[str]:
    """Lines that say how many items would go to which user id, and what is wrong with the files."""
    going: Counter[str] = Counter()
    for source in SOURCES:
        readings, problems = _read(folder, source, project_id)
        yield from (f"  {problem}" for problem in problems)
        for item in (item for reading in readings for item in reading.items):
            target = "withheld: they stay here" if item.withheld else f"for {user_id(item.kind, project_id)}"
            going[target] += 1
    for target, count in sorted(going.items()):
        yield f"  {counted(count, 'item')} {target}"
    if not going:
        yield f"  nothing to deliver yet; what is read is, for example, {SOURCES[0].path}"


def _read(folder: WatchedFolder, source: Source, project_id: str) -> tuple[list[Reading], list[str]]:
    try:
        entries = source.split(folder.read(source.path, LONGEST_LOG))
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except (Unreadable, OSError) as error:
        return [], [f"{source.path}: {error}"]
    readings = [source.understand(raw, project_id) for raw in entries]
    return readings, [f"{it.where}: {it.what}" for reading in readings for it in reading.problems]
