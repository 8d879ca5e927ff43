"""`mem0-syncd remember`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import read_only
from mem0_syncd.control.client import ask
from mem0_syncd.core.item import SHORTEST_TEXT, UNFILED, Item, Kind
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.ingest import spool
from mem0_syncd.ingest.spooled_events import KINDS, Made, understand
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects.named_project import watched_project
from mem0_syncd.system import output, paths


@dataclass(frozen=True, slots=True)
class _Former:
    """What is to be replaced: its kind, and the agent that it is of."""

    kind: Kind
    agent_id: str | None


@click.command()
@click.argument("text", required=False)
@click.option("--kind", type=click.Choice(list(KINDS)), help="A decision, unless you say otherwise.")
@click.option("--category", help="Such as architecture, security, testing.")
@click.option("--agent", help="The agent that a pattern is of.")
@click.option("--outcome", type=click.Choice(["success", "failed"]), help="How it turned out.")
@click.option("--supersedes", metavar="ID", help="What it replaces, of what no file says.")
@click.option(
    "--project",
    "named",
    metavar="PROJECT",
    shell_complete=project_ids,
    help="The project, by its folder or its id, where it isn't the one that you are in.",
)
def remember(
    text: str | None,
    *,
    kind: str | None,
    category: str | None,
    agent: str | None,
    outcome: str | None,
    supersedes: str | None,
    named: str | None,
) -> None:
    """Put TEXT, or what stands on standard input, into Mem0; prints its ID.

    That is for `show`, `forget` and --supersedes, at once. What was forgotten is remembered again.

    \b
    Example:  mem0-syncd remember "Sessions live in Redis" --category architecture
    """
    if text is None:
        text = sys.stdin.read() if not sys.stdin.isatty() else ""
    text = text.strip()
    if not text:
        raise click.UsageError("what is to be remembered? Name a TEXT, or pipe it in.")
    if len(text) < SHORTEST_TEXT:
        raise SyncdError(
            f"a memory has {SHORTEST_TEXT} characters at least", where=repr(text), remedy="say more"
        )
    state = paths.state_dir()
    outbox = read_only(state)
    project = watched_project(outbox, named)
    event = {
        "event": "remember",
        "text": _without_secrets(text),
        "kind": kind or "decision",
        "project": str(project.path),
        "category": category,
        "agent": agent,
        "outcome": outcome,
        "at": datetime.now(UTC).isoformat(),
        "id": os.urandom(16).hex(),
        "supersedes": supersedes,
    }
    if supersedes is not None:
        former = _former(outbox, state, project, supersedes)
        event |= _like(former, kind, agent)
    spool.put(state, event)
    output.say(_item(event, project).identity)
    try:
        ask(state, "spool")
        output.talk(f"queued for {project.id}")
    except (DaemonNotRunning, DaemonUnresponsive):
        output.talk("queued; it goes with the daemon's next start, or: mem0-syncd sync")


def _item(event: Mapping[str, str | None], project: ProjectRow) -> Item:
    (item,) = understand(event, project, Made()).items
    return item


def _former(outbox: Outbox, state: Path, project: ProjectRow, name: str) -> _Former:
    """What is to be replaced, taken in or still spooled; raises `SyncdError` where nothing of the kind is."""
    found = outbox.tombstones.find(project.id, name)
    unfiled = [it for it in found if it.source in UNFILED]
    if unfiled:
        kept = outbox.kept_items.find([unfiled[0].sync_key])
        return _Former(Kind(unfiled[0].kind), kept[0].memory.agent_id if kept else None)
    if found:
        raise SyncdError("a file says it", where=f"{project.id}: {name}", remedy="change it there")
    for event in spool.waiting(state):
        if event["event"] == "remember" and event["project"] == str(project.path):
            item = _item(event, project)
            if item.identity == name:
                return _Former(item.kind, item.agent_id)
    remedy = "see: mem0-syncd list; or remember it without --supersedes"
    raise SyncdError("nothing is known by this name", where=f"{project.id}: {name}", remedy=remedy)


def _like(former: _Former, kind: str | None, agent: str | None) -> dict[str, str | None]:
    """The kind and the agent of what is replaced, for an update of a memory can't change them."""
    its = next(name for name, value in KINDS.items() if value is former.kind)
    if kind not in (None, its):
        raise click.UsageError(f"what it replaces is a {its}; forget that one instead, and remember this")
    if agent is not None and former.kind is Kind.AGENT_PATTERN:
        raise click.UsageError("it stays the agent's that it was; say no --agent")
    return {"kind": its, "agent": former.agent_id if former.kind is Kind.AGENT_PATTERN else agent}


def _without_secrets(text: str) -> str:
    from mem0_syncd.config import settings
    from mem0_syncd.redact import redact

    loaded = settings.load()
    mode = loaded.redact
    if mode == "off":
        return text
    clean, kinds = redact(text, loaded.redact_allow)
    if kinds and mode == "hold":
        raise SyncdError(
            f"it holds what looks like a credential ({', '.join(sorted(set(kinds)))})",
            where="the text",
            remedy="say it without",
        )
    if kinds:
        output.talk(f"redacted: {', '.join(sorted(set(kinds)))}")
    return clean
