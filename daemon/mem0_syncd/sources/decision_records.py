"""Decision records, `.claude/memory/decisions.jsonl`, and the loose `.claude/logs/decisions.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.priority import is_weighty
from mem0_syncd.sources.base import (
    Raw,
    Reading,
    Source,
    fault,
    fields_of,
    first_text,
    not_an_object,
    text_of,
    texts_of,
)
from mem0_syncd.sources.cross_file_merge import echo_of, record_id
from mem0_syncd.sources.jsonl import split
from mem0_syncd.sources.shared_rules import importance_of, metadata_of, with_best_practice, with_reference
from mem0_syncd.sources.withholding import reason_to_withhold

RECORDS_PATH = ".claude/memory/decisions.jsonl"
LOG_PATH = ".claude/logs/decisions.jsonl"


def understand_record(raw: Raw, project: str) -> Reading:
    """The decision in one record, of any type, and the best practice if it is one."""
    if not isinstance(raw.value, dict):
        return not_an_object(RECORDS_PATH, raw, "a decision record")
    content = raw.value.get("content")
    details = fields_of(content) or {"what": content}
    what = text_of(details.get("what"))
    if not what:
        return fault(RECORDS_PATH, raw, "a decision record that doesn't say what", 'give it a "content.what"')
    decision = _decision(RECORDS, raw, project, what=what, details=details)
    # This is the text of the line that the record's writer queues for Mem0 as well.
    why = text_of(details.get("why"))
    line = f"{text_of(raw.value.get('type'))}: {what}" + (f" because {why}" if why else "")
    category = text_of(fields_of(raw.value.get("metadata")).get("category"))
    decision = replace(decision, echo=echo_of(line, decision.when, category))
    return Reading(items=with_best_practice(decision, raw.value))


def understand_line(raw: Raw, project: str) -> Reading:
    """The decision on one line of the loose log, and the best practice if it is one."""
    if not isinstance(raw.value, dict):
        return not_an_object(LOG_PATH, raw, "a decision")
    what = first_text(raw.value, "summary", "decision")
    if not what:
        return fault(LOG_PATH, raw, "a decision without a summary", 'give it a "summary" or a "decision"')
    decision = _decision(LOG, raw, project, what=what, details=raw.value)
    return Reading(items=with_best_practice(decision, raw.value))


def _decision(source: Source, raw: Raw, project: str, *, what: str, details: Mapping[str, Any]) -> Item:
    entry = raw.value
    metadata = fields_of(entry.get("metadata"))
    body = _body(what, details)
    source_id = first_text(entry, "id", "decision_id") or None
    when = first_text(metadata, "timestamp") or first_text(entry, "timestamp", "date") or None
    category = first_text(metadata, "category") or first_text(entry, "category", "kind")
    return Item(
        kind=Kind.DECISION,
        project=project,
        text=with_reference(body, source_id, when),
        metadata=metadata_of(Kind.DECISION, {**metadata, **entry, "category": category}),
        source_id=record_id(source_id) if source_id else None,
        when=when,
        weighty=is_weighty(importance_of(entry)),
        withheld=reason_to_withhold(entry, body),
        source=source.name,
        path=source.path,
        place=raw.place,
    )


def _body(what: str, details: Mapping[str, Any]) -> str:
    lines = [what]
    if why := first_text(details, "why", "rationale"):
        lines.append(f"Rationale: {why}")
    for label, name in (
        ("Alternatives considered", "alternatives"),
        ("Constraints", "constraints"),
        ("Tradeoffs", "tradeoffs"),
    ):
        if texts := texts_of(details.get(name)):
            lines.append(f"{label}: {'; '.join(texts)}")
    return "\n".join(lines)


RECORDS = Source("decision-records", RECORDS_PATH, split, understand_record, appended=True)
LOG = Source("decision-lines", LOG_PATH, split, understand_line, appended=True)
