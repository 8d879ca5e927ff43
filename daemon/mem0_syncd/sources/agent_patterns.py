"""What agents learned, `.claude/logs/agent-patterns.jsonl`: an agent and a text identify a pattern."""

from __future__ import annotations

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.sources.base import Raw, Reading, Source, fault, first_text, not_an_object
from mem0_syncd.sources.jsonl import split
from mem0_syncd.sources.shared_rules import agent_id_of, metadata_of, with_best_practice
from mem0_syncd.sources.withholding import reason_to_withhold

PATH = ".claude/logs/agent-patterns.jsonl"


def understand(raw: Raw, project: str) -> Reading:
    """The pattern on one line, and the best practice if it is one."""
    if not isinstance(raw.value, dict):
        return not_an_object(PATH, raw, "a pattern")
    entry = raw.value
    text = first_text(entry, "pattern", "text", "description")
    if not text:
        return fault(PATH, raw, "a pattern without a text", 'give it a "pattern"')
    withheld = reason_to_withhold(entry, text)
    if withheld is None and entry.get("pending_sync") is False:
        withheld = Withheld(Why.NOT_DUE)
    pattern = Item(
        kind=Kind.AGENT_PATTERN,
        project=project,
        text=text,
        metadata=metadata_of(Kind.AGENT_PATTERN, entry),
        when=first_text(entry, "timestamp") or None,
        agent_id=agent_id_of(entry),
        withheld=withheld,
        source=SOURCE.name,
        path=PATH,
        place=raw.place,
    )
    return Reading(items=with_best_practice(pattern, entry))


SOURCE = Source("agent-patterns", PATH, split, understand, appended=True)
