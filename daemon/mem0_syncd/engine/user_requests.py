"""What a person asks of the engine, and waits for: sync, recall, and what there is in Mem0."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog

from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.engine.engine import Engine
from mem0_syncd.errors import SyncdError
from mem0_syncd.system import paths
from mem0_syncd.system.state_folder import StateFolder

log = structlog.get_logger("operations")


def begin_sync(
    engine: Engine,
    project_id: str | None = None,
    *,
    resend_marked: bool = False,
    accept_account: bool = False,
) -> int:
    """Scan, and make everything live due; returns the id of the newest entry.

    `resend_marked` sends what others marked as synced, too. `accept_account` goes on with the account of the
    present key.
    """
    outbox = engine.outbox
    if accept_account:
        _accept_accounts(engine)
    engine.take_in_spool()
    outbox.owed_deletions.make_due(engine.now())
    wanted = [it for it in outbox.projects.all() if project_id in {None, it.id}]
    engine.scan_until_settled(wanted, heed_marks=not resend_marked)
    for destination in outbox.destinations.in_use():
        outbox.queue.make_due(destination.id, engine.now())
        outbox.destinations.probe_now(destination.id, engine.now())
    return outbox.queue.newest_id()


def _accept_accounts(engine: Engine) -> None:
    """Go on with the accounts of the present keys; each is a destination of its own."""
    outbox = engine.outbox
    accepted = []
    for destination in outbox.destinations.in_use():
        if destination.account:
            account = engine.questions(destination).account()
            if account not in ("", destination.account):
                accepted.append(outbox.destinations.accept_account(destination, account))
    if not accepted:
        where = ", ".join(it.identity for it in outbox.destinations.in_use())
        raise SyncdError("the API key is of the account in use", where=where, remedy="see: mem0-syncd status")
    log.info("accounts_accepted", identities=[it.identity for it in accepted])
    engine.forget()
    engine.note_marks()


def recall(
    engine: Engine, query: str, project: str, limit: int, kinds: Iterable[str] = tuple(Kind)
) -> list[dict[str, Any]]:
    """The memories of some kinds of a project, and global best practices, that are nearest to a query."""
    user_ids = [user_id(Kind(kind), project) for kind in kinds]
    return engine.questions_of(project).search(query, user_ids, limit)


def memory(engine: Engine, project: str, memory_id: str) -> dict[str, Any] | None:
    """A memory of a project's scopes as it is in Mem0; None where there is none of that id in them."""
    there = engine.questions_of(project).memory(memory_id)
    scopes = {user_id(kind, project) for kind in Kind}
    return there if there and there["id"] == memory_id and there["user_id"] in scopes else None


def take_inventory(
    engine: Engine, *, destination: int, user_id: str, since: str = "", tell: Tell = to_nobody
) -> dict[str, Any]:
    """Write what a user id holds into a file, which the caller deletes; returns its path and its limits.

    `newest` is Mem0's time of the newest memory. A memory that isn't in the file may be there unless the
    inventory `is_complete`. What was stored less than `read_lag` seconds before need not be visible yet.
    `tell` is called with how many memories are read.
    """
    outbox = engine.outbox
    row = outbox.destinations.get(destination)
    folder = paths.make_private(StateFolder(engine.settings.state_dir).inventories)
    handle, name = tempfile.mkstemp(suffix=".jsonl", dir=folder)
    os.close(handle)
    try:
        said = engine.questions(row).take_inventory(user_id, since, Path(name), tell)
    except BaseException:
        Path(name).unlink()
        raise
    return {**said, "path": name, "read_lag": engine.rules_of(row).read_lag}
