"""`mem0-syncd list`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import read_only
from mem0_syncd.ingest.spooled_events import KINDS
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.item_list import ListedItem
from mem0_syncd.projects.named_project import known_projects, named_project
from mem0_syncd.status.snapshot import COUNTS
from mem0_syncd.system import output, paths
from mem0_syncd.system.clock import rfc3339


@click.command("list", short_help="Name every item, with its state and why.")
@click.option(
    "--project",
    "named",
    metavar="PROJECT",
    shell_complete=project_ids,
    help="Only of one project, by its folder or its id.",
)
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only of this kind.")
@click.option("--state", type=click.Choice(COUNTS), help="Only what counts as this in the status.")
@click.option("--redacted", is_flag=True, help="Only what a credential was found in.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")
def list_(*, named: str | None, kind: str | None, state: str | None, redacted: bool, as_json: bool) -> None:
    """Name every item that `status` counts: its id, project, kind, state, since when, and why.

    There are tabs between. The id is its source's own, or else a key; both are for `show` and `forget`.

    \b
    Example:  mem0-syncd list --state withheld
    """
    with closing(read_only(paths.state_dir())) as outbox, outbox.database.at_one_moment():
        projects = [named_project(outbox, named)] if named is not None else sorted(known_projects(outbox))
        items = [
            it
            for project in projects
            for it in outbox.item_list.all(
                outbox.destinations.of(project).id,
                project,
                kind=KINDS[kind] if kind else None,
                state=state,
                redacted=redacted,
            )
        ]
        if as_json:
            output.document({"schema": 1, "items": [as_shown(outbox, it) for it in items]})
            return
    for it in items:
        output.row(it.name, it.project, _KINDS[it.kind], it.state, rfc3339(it.since) or "", it.why)
    if not items:
        output.talk("there are no such items" if named or kind or state or redacted else "there are no items")


_KINDS = {value: name for name, value in KINDS.items()}


def as_shown(outbox: Outbox, it: ListedItem) -> dict[str, Any]:
    """An item as `list --json` documents it (docs/json.md)."""
    return dict(_fields(outbox, it))


def _fields(outbox: Outbox, it: ListedItem) -> Iterator[tuple[str, Any]]:
    yield "id", it.name
    yield "sync_key", it.sync_key
    yield "project", it.project
    yield "kind", it.kind
    yield "state", it.state
    yield "why", it.why
    yield "since", rfc3339(it.since)
    yield "source", it.source
    yield "worktree", it.tree or None
    yield "destination", outbox.destinations.get(it.destination).identity
    yield "memory_ids", list(it.memory_ids)
    yield "redacted", list(it.redacted)
