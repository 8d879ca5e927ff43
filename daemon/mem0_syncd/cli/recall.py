"""`mem0-syncd recall`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mem0_syncd import paths, projects
from mem0_syncd.cli.access import read_only
from mem0_syncd.control import ask
from mem0_syncd.errors import DaemonNotRunning
from mem0_syncd.outbox import Outbox


@click.command()
@click.argument("query")
@click.option(
    "--project", "path", type=click.Path(path_type=Path), default=".", help="A folder of the project."
)
@click.option("--limit", default=5, show_default=True, help="How many memories at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")
def recall(query: str, path: Path, *, limit: int, as_json: bool) -> None:
    r"""Search what is in Mem0 of this project, and the global best practices.

    \b
    Example:  mem0-syncd recall "how do we store sessions?"
    """
    state = paths.state_dir()
    project = projects.find(read_only(state).registry, path)
    try:
        hits = ask(state, "recall", timeout=90.0, query=query, project=project.id, limit=limit)["hits"]
    except DaemonNotRunning:
        hits = _alone(state, query, project.id, limit)
    if as_json:
        click.echo(
            json.dumps({"schema": 1, "project": project.id, "hits": hits}, indent=2, ensure_ascii=False)
        )
        return
    for hit in hits:
        click.echo(f"{hit['score']:.2f}  {hit['text'].replace(chr(10), chr(10) + '      ')}")
    if not hits:
        click.echo("nothing found", err=True)


def _alone(state: Path, query: str, project_id: str, limit: int) -> list[dict[str, Any]]:
    from mem0_syncd import log, service, settings
    from mem0_syncd.lock import deliverer

    chosen = settings.load()
    log.configure("error")
    with deliverer(state, "recall", wait=60.0):
        outbox = Outbox.open(state)
        alone = service.Service(chosen, outbox)
        try:
            return service.recall(alone, query, project_id, limit)
        finally:
            alone.close()
            outbox.close()
