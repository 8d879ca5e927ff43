"""What an inspection found, as `verify --json` shows it (docs/json.md) and as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mem0_syncd.core.delivered import Delivered
from mem0_syncd.core.duplicate_memories import Kept
from mem0_syncd.outbox import Outbox
from mem0_syncd.status.render import KIND_NAMES, counted
from mem0_syncd.verify.inspection import Inspected

SCHEMA = 1
DIFFERENCES = ("missing", "altered", "doubled", "foreign")
MOST_LINES = 20
"""Lines of one list that a person is shown."""

_MEANINGS = {
    "missing": "delivered, and not in Mem0 any more",
    "altered": "in Mem0, but not as it was sent",
    "doubled": "in Mem0 more than once",
    "foreign": "in Mem0, and not from here",
}
_REMEDIES = {
    "missing": "send them again: mem0-syncd verify --repair; leave one deleted: mem0-syncd forget ID",
    "altered": "put them right again: mem0-syncd verify --repair --overwrite",
    "doubled": "remove the younger ones: mem0-syncd verify --repair (what isn't identical stays)",
    "foreign": "nothing: what others have written is never touched",
}


def verdict(outbox: Outbox, inspections: Iterable[Inspected], project: str | None) -> dict[str, Any]:
    """What differs, list by list."""
    shown: dict[str, Any] = {"schema": SCHEMA, "checked": 0, "open": 0, "unlisted": 0}
    shown |= {name: [] for name in (*DIFFERENCES, "moved")}
    for destination in outbox.destinations.in_use():
        shown["open"] += outbox.receipts.open(destination.id, project)
    for it in inspections:
        where, found = {"destination": it.destination.identity, "user_id": it.user_id}, it.comparison
        shown["checked"] += found.checked
        shown["unlisted"] += found.unlisted
        shown["missing"] += [where | _item(item) for item in found.missing]
        for name, there in (("altered", found.altered), ("moved", found.moved)):
            shown[name] += [
                where | _item(one.item) | {"memory_id": one.memory.id, "what": _what(one.item, one.memory)}
                for one in there
            ]
        copies = [(one.survivor.sync_key, one.survivor, one.extras, True) for one in found.doubled]
        copies += [(one.sync_key, one.survivor, one.others, False) for one in found.unlike]
        former = outbox.item_keys.present(it.destination.id, {key for key, *_ in copies})
        names = outbox.receipts.names(it.destination.id, {former.get(key, key) for key, *_ in copies})
        shown["doubled"] += [
            where
            | names[former.get(key, key)]
            | {
                "sync_key": former.get(key, key),
                "survivor": survivor.id,
                "extras": [extra.id for extra in extras],
                "identical": identical,
            }
            for key, survivor, extras, identical in copies
        ]
        shown["foreign"] += [
            where | {"memory_id": memory.id, "source": memory.source, "sync_key": memory.sync_key}
            for memory in found.foreign
        ]
    return shown


def repaired(
    outbox: Outbox, found: Mapping[str, Any], left: Mapping[str, Any], done: Mapping[str, Any]
) -> dict[str, Any]:
    """What a repair has done, by what was found before it and what is left after it."""
    shown: dict[str, Any] = {"removed": done["removed"], "unsaid": done["unsaid"], "waiting": done["waiting"]}
    left_over = {it["sync_key"] for name in ("missing", "altered", "moved") for it in left[name]}
    delivered: dict[str, set[str]] = {}
    for destination in outbox.destinations.in_use():
        keys = [it["sync_key"] for name in ("missing", "altered", "moved") for it in found[name]]
        delivered[destination.identity] = outbox.receipts.among_delivered(destination.id, keys) - left_over
    for name, before in (("restored", "missing"), ("overwritten", "altered"), ("adopted", "moved")):
        shown[name] = [it for it in found[before] if it["sync_key"] in delivered[it["destination"]]]
    return shown


def differs(shown: dict[str, Any]) -> bool:
    """Whether anything differs."""
    return any(shown[name] for name in DIFFERENCES)


def lines(shown: dict[str, Any]) -> Iterator[str]:
    """The verdict for a person: a headline, the lists, and what to do about each."""
    counts = ", ".join(f"{len(shown[name])} {name}" for name in DIFFERENCES if shown[name])
    on_the_way = f" ({shown['open']:,} more on the way)" if shown["open"] else ""
    compared = counted(shown["checked"], "delivered item")
    yield f"{compared} compared with Mem0{on_the_way}: {counts or 'all is well'}"
    if shown["unlisted"]:
        yield f"{shown['unlisted']:,} can't be compared: this Mem0 doesn't list that many memories"
    if "repaired" in shown:
        yield from _repairs(shown["repaired"])
    for name in DIFFERENCES:
        if not shown[name]:
            continue
        yield ""
        yield f"{name.upper()}: {_MEANINGS[name]}"
        yield from (f"  {_line(it)}" for it in shown[name][:MOST_LINES])
        if (more := len(shown[name]) - MOST_LINES) > 0:
            yield f"  ... and {more:,} more; --json shows all"
        yield f"  remedy: {_REMEDIES[name]}"


def _repairs(done: dict[str, Any]) -> Iterator[str]:
    names = ("restored", "overwritten", "adopted", "removed")
    counts = ", ".join(f"{len(done[name])} {name}" for name in names if done[name])
    yield f"repaired: {counts or 'nothing'}"
    if done["unsaid"]:
        yield f"  {len(done['unsaid'])} can't be sent again: no source says them any more"
    if done["waiting"]:
        yield f"  not everything is delivered yet: {done['waiting']}"


def _item(item: Delivered) -> dict[str, Any]:
    return {
        "project": item.project,
        "kind": item.kind,
        "id": item.source_id,
        "sync_key": item.sync_key,
        "memory_ids": list(item.memory_ids),
    }


def _what(item: Delivered, memory: Kept) -> str:
    if item.is_said_by(memory):
        return "moved"
    return "edited" if memory.content_hash == item.content_hash else "another revision"


def _line(it: dict[str, Any]) -> str:
    """One difference, in a line."""
    if "kind" not in it:
        return f"{it['user_id']}  memory {it['memory_id']}  from {it['source'] or 'another program'}"
    name = f"{it['project']}  {KIND_NAMES[it['kind']]}  {it['id'] or it['sync_key']}"
    if "extras" in it:
        but = "" if it["identical"] else ", not identical"
        return f"{name}  memory {it['survivor']}, and again {', '.join(it['extras'])}{but}"
    if "memory_id" in it:
        return f"{name}  memory {it['memory_id']}  {it['what']}"
    return f"{name}  was memory {', '.join(it['memory_ids'])}"
