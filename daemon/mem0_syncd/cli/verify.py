"""`mem0-syncd verify`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from mem0_syncd import paths, projects, verdict
from mem0_syncd.cli.access import alone, read_only
from mem0_syncd.control import ask
from mem0_syncd.errors import DaemonNotRunning
from mem0_syncd.inspection import inspect

QUIET_SECONDS = 1.0
"""How long nothing is said of how it gets on, and between two such lines."""

ANSWER_SECONDS = 1900.0


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the documented JSON (docs/json.md).")
@click.pass_context
def verify(ctx: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Compare what was delivered with what Mem0 holds, item by item: of the project at PATH, or of all.

    \b
    Works with a running daemon and without one. Exit code 1 if anything differs.
    Example:  mem0-syncd verify ~/code/shop
    """
    state = paths.state_dir()
    try:
        ask(state, "ping")
        shown = _verify(state, path, partial(ask, state, "inventory", timeout=ANSWER_SECONDS))
    except DaemonNotRunning:
        from mem0_syncd import errands

        with alone(state, "verify") as without_daemon:
            shown = _verify(state, path, partial(errands.take_inventory, without_daemon))
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        for line in verdict.lines(shown):
            click.echo(line)
    ctx.exit(int(verdict.differs(shown)))


def _verify(state: Path, path: Path | None, take_inventory: Callable[..., Any]) -> dict[str, Any]:
    outbox = read_only(state)
    try:
        project = projects.find(outbox.registry, path).id if path else None
        return verdict.verdict(outbox, inspect(outbox, take_inventory, project, _talk()), project)
    finally:
        outbox.close()


def _talk() -> Callable[[str], None]:
    """Says how it gets on, if it takes a while."""
    last = time.monotonic()

    def say(what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= QUIET_SECONDS:
            last = time.monotonic()
            click.echo(what, err=True)

    return say
