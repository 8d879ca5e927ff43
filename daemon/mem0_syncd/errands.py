"""What a person asks of the service, and waits for: recall, forget, and what there is in Mem0."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mem0_syncd import inventory, means, paths
from mem0_syncd.errors import SyncdError
from mem0_syncd.item import Kind
from mem0_syncd.memory import user_id
from mem0_syncd.service import Service


def recall(
    service: Service, query: str, project: str, limit: int, kinds: Iterable[str] = tuple(Kind)
) -> list[dict[str, Any]]:
    """The memories of some kinds of a project, and global best practices, that are nearest to a query."""
    user_ids = [user_id(Kind(kind), project) for kind in kinds]
    destination = service.outbox.registry.destination_of(project)
    return service.deliveries.to(destination).questions.search(query, user_ids, limit)


def forget(service: Service, *, name: str | None, project: str | None, remote: bool) -> dict[str, int]:
    """Put tombstones on items, and delete their memories if asked to; says how many of each.

    Raises `SyncdError` where nothing is known by that name, or something is just being sent.
    """
    where = name or project or ""
    done = {"forgotten": 0, "deleted": 0}
    for destination in service.outbox.registry.destinations_in_use():
        found = service.outbox.tombstones.find(destination.id, name=name, project=project)
        if any(item.is_under_way for item in found):
            raise SyncdError("it is just being sent", where=where, remedy="mem0-syncd sync, and then again")
        for item in found:
            for memory_id in item.memory_ids if remote else ():
                service.deliveries.to(destination).questions.delete(memory_id)
                done["deleted"] += 1
            service.outbox.tombstones.bury(destination.id, [item.sync_key], receipts_too=remote)
        done["forgotten"] += len(found)
    if not done["forgotten"]:
        raise SyncdError(
            "nothing is known by this name", where=where, remedy="name a decision's or a memory's id"
        )
    return done


def take_inventory(service: Service, *, destination: int, user_id: str, since: str = "") -> dict[str, Any]:
    """Write down what a user id holds: says in which file, which is the asker's to delete, and until when.

    `newest` is when the newest of it was made, as Mem0 writes it; what isn't in it need not be missing
    unless it `is_complete`. What was stored less than `read_lag` seconds before need not be shown yet.
    """
    row = service.outbox.registry.destination(destination)
    folder = paths.make_private(service.settings.state_dir / inventory.FOLDER)
    handle, name = tempfile.mkstemp(suffix=".jsonl", dir=folder)
    os.close(handle)
    try:
        said = service.deliveries.to(row).questions.take_inventory(user_id, since, Path(name))
    except BaseException:
        Path(name).unlink()
        raise
    return {**said, "path": name, "read_lag": means.means(service.settings, row).rules.read_lag}
