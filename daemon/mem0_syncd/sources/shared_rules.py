"""The rules that all sources share: what is passed on, what is important, what is a best practice too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mem0_syncd.core.item import Item, Kind, Scalar
from mem0_syncd.sources.base import fields_of, text_of


def metadata_of(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of a source that Mem0 gets for a kind; nothing else is ever passed on."""
    category, status = text_of(fields.get("category")), text_of(fields.get("status"))
    failed = "failed" in (status.lower(), text_of(fields.get("outcome")).lower())
    outcome = "failed" if failed else "success"
    passed_on: dict[str, Scalar]
    match kind:
        case Kind.SESSION_SUMMARY:
            flags = {name: fields.get(name) for name in ("has_blockers", "has_next_steps")}
            passed_on = {"type": "session_summary", "status": status}
            passed_on |= {name: flag for name, flag in flags.items() if isinstance(flag, bool)}
        case Kind.DECISION:
            passed_on = {"category": category, "status": status, "outcome": outcome}
        case Kind.AGENT_PATTERN:
            passed_on = {"category": category, "outcome": outcome}
        case Kind.BEST_PRACTICE:
            passed_on = {"category": category, "outcome": "success"}
    return {name: value for name, value in passed_on.items() if value != ""}


def ratings(entry: Mapping[str, Any], name: str) -> set[str]:
    """The values of a field, at the top of an entry and in its metadata, in small letters."""
    return {text_of(fields.get(name)).lower() for fields in _both(entry)}


def importance_of(entry: Mapping[str, Any]) -> set[str]:
    """How important an entry is by its own account, in small letters."""
    return ratings(entry, "importance")


def with_best_practice(item: Item, entry: Mapping[str, Any]) -> tuple[Item, ...]:
    """The item, and also a best practice if its entry is marked generalizable.

    A reason that withholds the item withholds the best practice too.
    """
    if item.kind is Kind.BEST_PRACTICE or not _is_generalizable(entry):
        return (item,)
    metadata = metadata_of(Kind.BEST_PRACTICE, item.metadata)
    return (item, replace(item, kind=Kind.BEST_PRACTICE, metadata=metadata, agent_id=None))


def with_reference(body: str, source_id: str | None, when: str | None) -> str:
    """The text of an item that has an id, with that id and its date."""
    # Mem0 is said to drop exact repeats of a text in one scope, so an item with an id has it in its text. An
    # item without one is identified by its text, which must not have a date added.
    if source_id is None:
        return body
    return f"{body}\n({source_id}, {when})" if when else f"{body}\n({source_id})"


def agent_id_of(fields: Mapping[str, Any]) -> str | None:
    """The agent of a pattern, as `ork:{type}`, from its `agent_id` or else its `agent`."""
    for name in ("agent_id", "agent"):
        agent_type = "-".join(text_of(fields.get(name)).removeprefix("ork:").split())
        if agent_type:
            return f"ork:{agent_type}"
    return None


def _is_generalizable(entry: Mapping[str, Any]) -> bool:
    marks = ("generalizable", "is_generalizable")
    return any(fields.get(mark) is True for fields in _both(entry) for mark in marks)


def _both(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    # Writers put the same field at the top or in the metadata, and some in both.
    return entry, fields_of(entry.get("metadata"))
