"""The verbs of requests: what each makes the destination do, and what is reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Copies, Outcome, Removed, Stored, to_wire
from mem0_syncd.core.progress import Tell
from mem0_syncd.courier.inventory_file import write_inventory
from mem0_syncd.destinations import Destination, kept, ours, redacted_there, renewed
from mem0_syncd.destinations.duplicate_removal import remove_doubles
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.system.failpoint import failpoint

Fields = Mapping[str, Any]
Report = Mapping[str, Any]


def carry_out(destination: Destination, verb: str, fields: Fields, tell: Tell, redactor: Redactor) -> Report:
    """Carry a request out; returns its report, and calls `tell` with the progress of a long one.

    What Mem0 has is scanned by the `redactor`, as items are here.
    """
    if verb in _DELIVERY:
        return to_wire(_DELIVERY[verb](destination, fields))
    try:
        if verb in _LONG_QUESTIONS:
            return _LONG_QUESTIONS[verb](destination, fields, tell)
        if verb in _LOOKED_THROUGH:
            return _LOOKED_THROUGH[verb](destination, fields, redactor)
        return _QUESTIONS[verb](destination, fields)
    except Exception as error:  # noqa: BLE001 - the destination knows what it means
        return to_wire(destination.outcome_of(error))


def _push(destination: Destination, fields: Fields) -> Outcome:
    memory, memory_id = Memory.thaw(fields["frozen"]), fields["memory_id"]
    if memory_id is not None and fields["unproven"]:
        try:
            there = destination.get(memory_id)
        except Exception as error:  # noqa: BLE001 - the destination knows what it means
            return destination.outcome_of(error)
        if there is not None and (found := redacted_there(there, memory)):
            return found
    outcome = destination.push(memory, memory_id)
    failpoint("stored")
    return outcome


def _look(destination: Destination, fields: Fields) -> Outcome:
    return destination.look(Memory.thaw(fields["frozen"]), by_text=fields["by_text"])


def _poll(destination: Destination, fields: Fields) -> Outcome:
    return destination.poll(fields["event_id"])


_DELIVERY: Mapping[str, Callable[[Destination, Fields], Outcome]] = {
    "push": _push,
    "look": _look,
    "poll": _poll,
}
"""The verbs of deliveries, each of which ends in an outcome."""


def _open(destination: Destination, _fields: Fields) -> Report:
    return {"account": destination.account}


def _list(destination: Destination, fields: Fields, redactor: Redactor) -> Report:
    return to_wire(ours(destination.listing(fields["user_id"], fields["since"]), redactor))


def _take_inventory(destination: Destination, fields: Fields, tell: Tell) -> Report:
    memories = destination.listing(fields["user_id"], fields["since"], tell)
    # A file, because a listing may be too big for one message, and for the process that asks for it.
    write_inventory(Path(fields["path"]), map(kept, memories))
    newest = max((it.created_at for it in memories), default="")
    return {"inventory": {"newest": newest, "is_complete": len(memories) < destination.listing_limit}}


def _copies(destination: Destination, fields: Fields) -> Report:
    found = destination.copies(fields["user_id"], fields["sync_key"])
    return to_wire(Copies(tuple(kept(it) for it in found)))


def _remove(destination: Destination, fields: Fields) -> Report:
    return to_wire(Removed(tuple(remove_doubles(destination, fields["survivor"], fields["extras"]))))


def _delete(destination: Destination, fields: Fields) -> Report:
    destination.delete(fields["memory_id"])
    return {"deleted": fields["memory_id"]}


def _memory(destination: Destination, fields: Fields) -> Report:
    there = destination.get(fields["memory_id"])
    return {"memory": None if there is None else asdict(there)}


def _renew(destination: Destination, fields: Fields, redactor: Redactor) -> Report:
    there = destination.get(fields["memory_id"])
    memory = renewed(there, redactor, **fields["item"]) if there else None
    if there is None or memory is None:
        return {"renewed": None}
    if memory.metadata != there.metadata:
        outcome = destination.push(memory, there.id)
        failpoint("renewed")
        if not isinstance(outcome, Stored):
            return to_wire(outcome)
    return {"renewed": {"sync_key": memory.sync_key, "content_hash": memory.content_hash}}


def _search(destination: Destination, fields: Fields) -> Report:
    hits = destination.search(fields["query"], fields["user_ids"], fields["limit"])
    return {"hits": [asdict(hit) for hit in hits]}


_QUESTIONS: Mapping[str, Callable[[Destination, Fields], Report]] = {
    "open": _open,
    "copies": _copies,
    "remove": _remove,
    "delete": _delete,
    "memory": _memory,
    "search": _search,
}
"""The verbs of queries, with answers of many kinds."""

_LOOKED_THROUGH: Mapping[str, Callable[[Destination, Fields, Redactor], Report]] = {
    "list": _list,
    "renew": _renew,
}

_LONG_QUESTIONS: Mapping[str, Callable[[Destination, Fields, Tell], Report]] = {"inventory": _take_inventory}
