"""Memories that hooks queued, `.claude/memory/mem0-queue.jsonl`, each with the scope it is meant for."""

from __future__ import annotations

from mem0_syncd.core.item import QUEUE, Item, Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.core.priority import is_weighty
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.sources.base import Raw, Reading, Source, fault, fields_of, first_text, not_an_object, text_of
from mem0_syncd.sources.cross_file_merge import echo_of, record_id
from mem0_syncd.sources.jsonl import split
from mem0_syncd.sources.shared_rules import (
    agent_id_of,
    importance_of,
    metadata_of,
    with_best_practice,
    with_reference,
)
from mem0_syncd.sources.withholding import reason_to_withhold

PATH = ".claude/memory/mem0-queue.jsonl"

_GLOBAL = "orchestkit-global-"
_IDENTIFIED = {Kind.DECISION, Kind.BEST_PRACTICE}
_REMEDY = "correct the user_id, or watch this folder under the id that it names (project add --id)"


def understand(raw: Raw, project: str) -> Reading:
    """The memory on one line; one for another project's scope is withheld."""
    if not isinstance(raw.value, dict):
        return not_an_object(PATH, raw, "a queued memory")
    entry = raw.value
    text = text_of(entry.get("text"))
    if not text:
        return fault(PATH, raw, "a queued memory without a text", 'give it a "text"')
    metadata = fields_of(entry.get("metadata"))
    scope = text_of(entry.get("user_id"))
    kind = _kind_of(scope, project)
    withheld = reason_to_withhold(entry, text)
    foreign = Reading()
    if kind is None:
        kind, what = Kind.DECISION, f"user_id {scope!r} is none of this project's"
        withheld = withheld or Withheld(Why.FOREIGN_SCOPE, f"user_id {scope!r}")
        foreign = fault(PATH, raw, what, _REMEDY)
    source_id = first_text(entry, "id") or first_text(metadata, "id") if kind in _IDENTIFIED else ""
    when = first_text(metadata, "timestamp") or first_text(entry, "timestamp") or None
    category = first_text(metadata, "category") or first_text(entry, "category")
    memory = Item(
        kind=kind,
        project=project,
        text=with_reference(text, source_id or None, when),
        metadata=metadata_of(kind, {**metadata, "category": category}),
        source_id=record_id(source_id) if source_id else None,
        when=when,
        agent_id=agent_id_of(metadata) if kind is Kind.AGENT_PATTERN else None,
        weighty=is_weighty(importance_of(entry)),
        withheld=withheld,
        source=SOURCE.name,
        path=PATH,
        place=raw.place,
        echo=echo_of(text, when, category),
    )
    return Reading(items=with_best_practice(memory, entry), problems=foreign.problems)


def _kind_of(scope: str, project: str) -> Kind | None:
    if scope.startswith(_GLOBAL):
        return Kind.BEST_PRACTICE
    return next((kind for kind in Kind if user_id(kind, project) == scope), None)


SOURCE = Source(QUEUE, PATH, split, understand, appended=True)
