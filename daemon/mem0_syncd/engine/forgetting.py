"""What a person wants forgotten: shown, done, taken back; and the deletions that are owed because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

import structlog

from mem0_syncd.core.item import RECORD, UNFILED, Kind
from mem0_syncd.core.memory_id import is_memory_id
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES, user_id
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.engine.destination_choice import reaches
from mem0_syncd.engine.engine import Engine
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox.tombstones import BATCH, DROPPED, FORGOTTEN, Named
from mem0_syncd.projects.projects import project_id
from mem0_syncd.system.failpoint import failpoint

MOST_SHOWN = 20
"""Items that are shown one by one before they are forgotten."""

log = structlog.get_logger("forgetting")


def to_forget(engine: Engine, *, project: str, name: str | None, remote: bool) -> dict[str, Any]:
    """What `forget` would do: how many items of which kinds, how many memories, and the first items by name.

    With `remote`, a name may also be the id of a memory in the project's scopes that isn't ours: `foreign`.
    """
    engine.take_in_spool()
    found = engine.outbox.tombstones.find(project, name)
    items = [list(rows) for _, rows in groupby(sorted(found, key=_key), key=_key)]
    memories = {(it.destination, number) for it in found for number in it.memory_ids if number}
    foreign = _foreign(engine, project, name) if name and remote and not items else None
    return {
        "items": len(items),
        "kinds": dict(Counter(rows[0].kind for rows in items)),
        "memories": len(memories) + (foreign is not None),
        "some": [_shown(rows) for rows in items[:MOST_SHOWN]],
        "foreign": foreign,
    }


def forget(
    engine: Engine, *, project: str, name: str | None, remote: bool, tell: Tell = to_nobody
) -> dict[str, int]:
    """Put tombstones on items of a project, at every destination, and owe the deletion of their memories.

    Says how many items were `forgotten`, memories `deleted`, and deletions are `owed` still; `tell` is called
    with how many items are done. Raises `SyncdError` where nothing is known by that name.
    """
    outbox = engine.outbox
    engine.take_in_spool()
    keys = list(dict.fromkeys(it.sync_key for it in outbox.tombstones.find(project, name)))
    foreign = _foreign(engine, project, name) if name and remote and not keys else None
    if not keys and foreign is None:
        remedy = "name a decision's or a memory's id; see: mem0-syncd list"
        raise SyncdError("nothing is known by this name", where=f"{project}: {name or ''}", remedy=remedy)
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        outbox.tombstones.bury(project, some, erase=remote, now=engine.now())
        tell(start + len(some), len(keys))
    if foreign is not None:
        destination = outbox.destinations.of(project)
        outbox.owed_deletions.owe(destination.id, foreign["id"], project, engine.now())
    failpoint("forgotten")
    log.info("items_forgotten", project=project, items=len(keys), erased=remote)
    deleted = 0
    if remote:
        outbox.vacuum.leave_no_trace()
        deleted = delete_what_is_owed(engine, project=project, tell=tell)
    return {
        "forgotten": len(keys),
        "deleted": deleted,
        "owed": outbox.owed_deletions.count(project, engine.now()),
    }


def restore(engine: Engine, *, project: str, name: str) -> dict[str, int]:
    """Take back what was forgotten or dropped; says how many items were `restored`, and are `waiting` now.

    Raises `SyncdError` where there is no such item, or nothing is left of what it said.
    """
    outbox = engine.outbox
    engine.take_in_spool()
    named = outbox.tombstones.find(project, name)
    kept = outbox.kept_items.find({it.sync_key for it in named})
    whole = {it.sync_key for it in kept}
    found = [it for it in named if it.why in (FORGOTTEN, DROPPED) or _is_half_restored(it, whole)]
    if not found:
        raise SyncdError(
            "nothing of this name was forgotten or dropped",
            where=f"{project}: {name}",
            remedy="see: mem0-syncd list --state withheld",
        )
    there = whole | {it.sync_key for it in found if it.memory_ids}
    left = (it.sync_key for it in found if it.source not in UNFILED or it.sync_key in there)
    keys = list(dict.fromkeys(left))
    if not keys:
        raise SyncdError(
            "it was deleted, and no file says it: nothing is left of it",
            where=f"{project}: {name}",
            remedy="say it once more: mem0-syncd remember TEXT",
        )
    outbox.tombstones.lift(keys)
    failpoint("restored")
    for row in (it for it in engine.projects() if it.id == project):
        if row.path == outbox.projects.own_folder(project):
            engine.take_in_again(row, [it for it in kept if it.sync_key in keys])
        engine.forget()
        engine.scan_until_settled([row])
    outbox.kept_items.discard_filed(keys)
    waiting = {it.sync_key for it in outbox.tombstones.find(project, name) if it.status == "pending"}
    return {"restored": len(keys), "waiting": len(waiting & set(keys))}


def _is_half_restored(it: Named, kept: Collection[str]) -> bool:
    """Whether a restore was cut off before it took in what was kept of an item, or couldn't then."""
    return it.status == "withheld" and not it.why and it.source not in UNFILED and it.sync_key in kept


def delete_what_is_due(engine: Engine) -> int:
    """Carry out the owed deletions whose time has come, unless a person has paused; returns how many were."""
    return 0 if engine.outbox.facts.is_paused else delete_what_is_owed(engine)


def delete_what_is_owed(engine: Engine, *, project: str | None = None, tell: Tell = to_nobody) -> int:
    """Carry out owed deletions at all destinations that can be reached; returns how many were.

    Each is durable, and one that fails is tried again later, with those of its destination.
    """
    owed, now = engine.outbox.owed_deletions, engine.now()
    deleted = 0
    for number in owed.destinations(now):
        destination = engine.outbox.destinations.get(number)
        if not reaches(engine.settings, destination):
            continue
        due = owed.due(destination.id, now, project)
        read_lag = engine.rules_of(destination).read_lag
        for done, it in enumerate(due):
            try:
                engine.questions(destination).delete(it.memory_id)
            except SyncdError as error:
                log.warning("memory_deletion_failed", memory=it.memory_id, reason=error.problem.what)
                for left in due[done:]:
                    owed.put_off(destination.id, left, error.problem.what, now)
                break
            failpoint("deleted")
            owed.done(destination.id, it, engine.now(), read_lag)
            log.info("memory_deleted", memory=it.memory_id, destination=destination.name)
            deleted += 1
            tell(done + 1, len(due))
    return deleted


def _foreign(engine: Engine, project: str, name: str) -> dict[str, str] | None:
    """A memory in a project's scopes of which no item is known here; None where there is none of that id."""
    if not is_memory_id(name):
        return None
    there = engine.questions_of(project).memory(name)
    if there is None or there["id"] != name:
        return None
    its = {user_id(kind, project) for kind in Kind} - {GLOBAL_BEST_PRACTICES}
    said = there["metadata"].get("project")
    is_from_it = isinstance(said, str) and bool(said) and project_id(said) == project
    if there["user_id"] in its or (there["user_id"] == GLOBAL_BEST_PRACTICES and is_from_it):
        return {"id": name, "user_id": there["user_id"], "text": there["text"]}
    return None


def _key(it: Named) -> str:
    return it.sync_key


def _shown(rows: Iterable[Named]) -> dict[str, Any]:
    """An item as a person sees it, with all of its memories."""
    first, *others = rows
    return {
        "id": (first.source_id or first.sync_key).removeprefix(RECORD),
        "kind": first.kind,
        "state": first.status,
        "memory_ids": [number for it in (first, *others) for number in it.memory_ids if number],
    }
