"""What a project holds, before anything is done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mem0_syncd.complaints import MOST_TOLD, and_more
from mem0_syncd.errors import Problem
from mem0_syncd.memory import user_id
from mem0_syncd.render import counted
from mem0_syncd.sources import SOURCES, Reading, Source
from mem0_syncd.unreadable import Unreadable
from mem0_syncd.watched_folder import LONGEST_LOG, WatchedFolder


def preview(folder: WatchedFolder, project_id: str) -> Iterator[str]:
    """Lines that say how many items would go to which user id, and what is wrong with the files."""
    going: Counter[str] = Counter()
    for source in SOURCES:
        problems: list[Problem] = []
        more = 0
        for reading in _readings(folder, source, project_id):
            more += len(reading.problems)
            problems += reading.problems if len(problems) < MOST_TOLD else ()
            for item in reading.items:
                scope = user_id(item.kind, project_id)
                going["withheld: they stay here" if item.withheld else f"for {scope}"] += 1
        problems += and_more(more - len(problems), source.path)
        yield from (f"  {problem.where}: {problem.what}" for problem in problems)
    for target, count in sorted(going.items()):
        yield f"  {counted(count, 'item')} {target}"
    if not going:
        yield f"  nothing to deliver yet; what is read is, for example, {SOURCES[0].path}"


def _readings(folder: WatchedFolder, source: Source, project_id: str) -> Iterator[Reading]:
    """What the entries say, one after the other: of a long file they are too many to be kept."""
    try:
        for raw in source.split(folder.read(source.path, LONGEST_LOG)):
            yield source.read(raw, project_id)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (Unreadable, OSError) as error:
        yield Reading(problems=(Problem(str(error), source.path, ""),))
