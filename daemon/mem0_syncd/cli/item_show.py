"""`mem0-syncd show`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.item_list import as_shown
from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.control.client import ask
from mem0_syncd.core.memory_id import is_memory_id
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.item_list import ListedItem
from mem0_syncd.projects.named_project import named_project
from mem0_syncd.system import output, paths


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--project",
    "named",
    metavar="PROJECT",
    shell_complete=project_ids,
    help="The project, by its folder or its id, where it isn't the one that you are in.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")
def show(name: str, *, named: str | None, as_json: bool) -> None:
    """Print an item whole: its state, why, since when, its memories, and what it says.

    ID is a decision's, a memory's, or what `list` and `remember` print. Of several with one id all are shown.

    \b
    Example:  mem0-syncd show DEC-20260105-0001
    """
    with closing(read_only(paths.state_dir())) as outbox:
        project = named_project(outbox, named)
        found = outbox.tombstones.find(project, name)
        keys = list(dict.fromkeys(it.sync_key for it in found))
        items = outbox.item_list.named(outbox.destinations.of(project).id, keys)
        said = _texts_in_files(outbox, project, [it for it in items if it.text is None])
        shown = []
        for it in items:
            text = it.text or said.get(it.sync_key)
            shown.append({**as_shown(outbox, it), **_text(project, it, text)})
    if not items:
        shown = [_of_mem0(project, name)]
    if as_json:
        output.document({"schema": 1, "items": shown})
        return
    for number, one in enumerate(shown):
        if number:
            output.say()
        _print(one)


def _texts_in_files(outbox: Outbox, project: str, items: list[ListedItem]) -> dict[str, str]:
    """What the project's files say of some items, redacted as it is sent."""
    folder = outbox.projects.own_folder(project)
    if not items or folder is None:
        return {}
    from mem0_syncd.config import settings
    from mem0_syncd.ingest.source_texts import items_in
    from mem0_syncd.redact.item_redaction import Redactor
    from mem0_syncd.system.untrusted_folder import UntrustedFolder

    loaded = settings.load()
    redactor = Redactor(loaded.redact, loaded.redact_allow)
    names = outbox.item_keys.locals_of(items[0].destination, [it.sync_key for it in items])
    texts: dict[str, str] = {}
    for tree in dict.fromkeys(["", *(it.tree for it in items)]):
        opened = UntrustedFolder(Path(tree) if tree else folder, trusted=loaded.trusted_folders)
        for key, item in items_in(opened, project, names, outbox.item_keys).items():
            texts.setdefault(key, redactor.redact(item).item.text)
    return texts


def _text(project: str, it: ListedItem, text: str | None) -> dict[str, Any]:
    """An item's text, from here or else from Mem0; what stands in the way, where it can't be had."""
    if text is not None or not it.memory_ids:
        return {"text": text, "unread": None}
    try:
        memory = _memory(project, it.memory_ids[0])
    except SyncdError as error:
        return {"text": None, "unread": error.problem.what}
    return {"text": memory["text"] if memory else None, "unread": None}


def _of_mem0(project: str, name: str) -> dict[str, Any]:
    """A memory in the project's scopes that no item here stands for; raises `SyncdError` where it is none."""
    memory = _memory(project, name) if is_memory_id(name) else None
    if memory is None:
        remedy = "name a decision's or a memory's id, and its --project; see: mem0-syncd list"
        raise SyncdError("nothing is known by this name", where=f"{project}: {name}", remedy=remedy)
    return {
        "id": name,
        "state": "foreign",
        "why": "another program, or another machine, has put it into Mem0",
        "user_id": memory["user_id"],
        "since": memory["created_at"] or None,
        "memory_ids": [name],
        "text": memory["text"],
    }


def _memory(project: str, memory_id: str) -> dict[str, Any] | None:
    state = paths.state_dir()

    def without_daemon() -> dict[str, Any] | None:
        from mem0_syncd.engine import user_requests

        with alone(state, "show") as engine:
            return user_requests.memory(engine, project, memory_id)

    def through_daemon() -> dict[str, Any] | None:
        there: dict[str, Any] | None = ask(
            state, "memory", timeout=90.0, project=project, memory_id=memory_id
        )["memory"]
        return there

    return either(through_daemon, without_daemon)


def _print(one: dict[str, Any]) -> None:
    for name, value in one.items():
        if name in {"text", "unread"} or value in (None, "", []):
            continue
        output.say(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")
    output.say()
    if one["text"]:
        output.block(one["text"])
    elif why := one.get("unread"):
        output.talk(f"what it says is in Mem0 only, which can't be asked: {why}")
    else:
        output.talk("what it says is kept nowhere any more")
