"""`mem0-syncd remember`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from mem0_syncd.cli.outbox_access import read_only
from mem0_syncd.control.client import ask
from mem0_syncd.core.item import SHORTEST_TEXT
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.ingest import spool
from mem0_syncd.ingest.spooled_events import KINDS
from mem0_syncd.projects import projects
from mem0_syncd.system import output, paths


@click.command()
@click.argument("text", required=False)
@click.option("--kind", type=click.Choice(list(KINDS)), default="decision", show_default=True)
@click.option("--category", help="Such as architecture, security, testing.")
@click.option("--agent", help="The agent that a pattern is of.")
@click.option("--outcome", type=click.Choice(["success", "failed"]), help="How it turned out.")
@click.option(
    "--project",
    "path",
    type=click.Path(path_type=Path),
    default=".",
    help="A folder of the project, where it isn't the one that you are in.",
)
def remember(
    text: str | None, *, kind: str, category: str | None, agent: str | None, outcome: str | None, path: Path
) -> None:
    """Put TEXT, or what stands on standard input, into Mem0.

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
    project = projects.find(read_only(state), path)
    event = {
        "event": "remember",
        "text": _without_secrets(text),
        "kind": kind,
        "project": str(project.path),
        "category": category,
        "agent": agent,
        "outcome": outcome,
        "at": datetime.now(UTC).isoformat(),
    }
    spool.put(state, event)
    try:
        ask(state, "spool")
        output.talk(f"queued for {project.id}")
    except (DaemonNotRunning, DaemonUnresponsive):
        output.talk("queued; it goes with the daemon's next start, or: mem0-syncd sync")


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
