"""The decision log, `.claude/coordination/decision-log.json`, in every form found in the wild."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.core.priority import is_weighty
from mem0_syncd.sources.base import (
    Raw,
    Reading,
    Source,
    check_not_empty,
    fault,
    fields_of,
    first_text,
    not_an_object,
    text_of,
    texts_of,
)
from mem0_syncd.sources.document import Document
from mem0_syncd.sources.limits import MOST_ENTRIES
from mem0_syncd.sources.shared_rules import importance_of, metadata_of, with_best_practice, with_reference
from mem0_syncd.sources.withholding import reason_to_withhold
from mem0_syncd.system.unreadable_file import Unreadable

PATH = ".claude/coordination/decision-log.json"


def split(data: bytes) -> Iterator[Raw]:
    """The log's entries: those under `decisions`, or of a bare array."""
    check_not_empty(data)
    document = Document(data)
    found, lists = 0, 0
    match document.peek():
        case "[":
            found = lists = 1
            yield from _entries(document)
        case "{":
            for name in document.members():
                found += name == "decisions"
                if name == "decisions" and document.peek() == "[" and found == 1:
                    lists = 1
                    yield from _entries(document)
                else:
                    document.value()
        case _:
            document.value()
    document.end()
    if found > 1 or not lists:
        raise Unreadable(
            "more than one list of decisions" if found > 1 else "no list of decisions",
            place=Position(part="decisions"),
            remedy='the log is {"decisions": [...]}, or a bare array of decisions',
        )


def _entries(document: Document) -> Iterator[Raw]:
    for index, entry in enumerate(document.elements()):
        if index == MOST_ENTRIES:
            raise Unreadable(
                f"more than {MOST_ENTRIES:,} decisions",
                place=Position(part=f"decisions[{index}]"),
                remedy="move old ones to another file: what was read of them stays",
            )
        yield Raw(index, entry)


def understand(raw: Raw, project: str) -> Reading:
    """The item in one entry, of schema 1.0.0, 2.0.0 or older."""
    if not isinstance(raw.value, dict):
        return not_an_object(PATH, raw, "a decision")
    entry = raw.value
    body = _body(entry)
    if not body:
        return fault(PATH, raw, "a decision without a title, summary or description", "give it one of these")
    source_id = first_text(entry, "decision_id", "id") or None
    when = first_text(entry, "timestamp", "date") or None
    decision = Item(
        kind=Kind.DECISION,
        project=project,
        text=with_reference(body, source_id, when),
        metadata=metadata_of(Kind.DECISION, entry),
        source_id=source_id,
        when=when,
        weighty=_is_weighty(entry),
        withheld=reason_to_withhold(entry, body),
        source=SOURCE.name,
        path=PATH,
        place=raw.place,
    )
    return Reading(items=with_best_practice(decision, entry))


def _body(entry: Mapping[str, Any]) -> str:
    context = entry.get("context")
    details = fields_of(context)
    title = first_text(entry, "title", "summary", "decision")
    description = text_of(entry.get("description"))
    what = (
        f"{title}: {description}" if title and description and description != title else title or description
    )
    lines = [what]
    if problem := text_of(details.get("problem")):
        lines.append(f"Problem: {problem}")
    why = first_text(entry, "rationale") or first_text(details, "rationale") or text_of(context)
    if what and why:
        lines.append(f"Rationale: {why}")
    alternatives = texts_of(entry.get("alternatives") or details.get("alternatives_considered") or [])
    if what and alternatives:
        lines.append(f"Alternatives considered: {'; '.join(alternatives)}")
    return "\n".join(lines) if what else ""


def _is_weighty(entry: Mapping[str, Any]) -> bool:
    impact = entry.get("impact")
    return is_weighty(importance_of(entry), text_of(impact), text_of(fields_of(impact).get("scope")))


SOURCE = Source("decision-log", PATH, split, understand)
