"""A preview of what a project holds, which changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mem0_syncd.core.consent import Terms
from mem0_syncd.core.entry_problems import MOST_TOLD, and_more
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.errors import Problem
from mem0_syncd.ingest.source_texts import readings
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.status.render import counted
from mem0_syncd.system.untrusted_folder import UntrustedFolder


@dataclass(frozen=True, slots=True)
class Preview:
    """Lines that say how many items would go to which user id, and what is wrong with the files.

    `practices` is how many of them are best practices for the global scope.
    """

    lines: tuple[str, ...]
    practices: int


def preview(folder: UntrustedFolder, project_id: str, terms: Terms) -> Preview:
    """What of a project would be sent where, by the terms that its own file asks for."""
    going: Counter[str] = Counter()
    lines, practices = [], 0
    for source in SOURCES:
        problems: list[Problem] = []
        more = 0
        for reading in readings(folder, source, project_id):
            more += len(reading.problems)
            problems += reading.problems if len(problems) < MOST_TOLD else ()
            for item in reading.items:
                is_withheld = item.withheld or terms.reason_to_withhold(item)
                scope = user_id(item.kind, project_id)
                going["withheld: they stay here" if is_withheld else f"for {scope}"] += 1
                practices += item.kind is Kind.BEST_PRACTICE and not is_withheld
        problems += and_more(more - len(problems), source.path)
        lines += [f"  {problem.where}: {problem.what}" for problem in problems]
    lines += [f"  {counted(count, 'item')} {target}" for target, count in sorted(going.items())]
    if not going:
        lines.append(f"  nothing to deliver yet; what is read is, for example, {SOURCES[0].path}")
    return Preview(tuple(lines), practices)
