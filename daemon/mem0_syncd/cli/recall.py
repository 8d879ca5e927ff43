"""`mem0-syncd recall`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import progress
from mem0_syncd.control.client import ask
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.ingest.spooled_events import KINDS
from mem0_syncd.projects import projects
from mem0_syncd.projects.projects import project_id
from mem0_syncd.system import output, paths


@click.command()
@click.argument("query")
@click.option(
    "--project",
    "path",
    type=click.Path(path_type=Path),
    default=".",
    help="A folder of the project, where it isn't the one that you are in.",
)
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only of this kind.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="How many memories at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")
def recall(query: str, path: Path, *, kind: str | None, limit: int, as_json: bool) -> None:
    """Search what is in Mem0 of this project, and the global best practices.

    The nearest comes first; the number before it compares within one answer only. With a best practice
    stands which project it came from.

    \b
    Example:  mem0-syncd recall "how do we store sessions?"
    """
    if not query.strip():
        raise click.UsageError("say what to search for")
    state = paths.state_dir()
    project = projects.find(read_only(state), path)
    kinds = [KINDS[kind]] if kind else list(Kind)
    wanted: dict[str, Any] = {"query": query, "project": project.id, "limit": limit, "kinds": kinds}

    def without_daemon() -> list[dict[str, Any]]:
        from mem0_syncd.engine import user_requests

        with alone(state, "recall") as engine:
            return user_requests.recall(engine, query, project.id, limit, kinds)

    with progress("searching"):
        hits = either(lambda: ask(state, "recall", timeout=90.0, **wanted)["hits"], without_daemon)
    hits = [{**hit, "project": origin_of(hit)} for hit in hits]
    if as_json:
        output.document({"schema": 1, "project": project.id, "hits": hits})
        return
    for hit in hits:
        output.block(f"{_said_of(hit)}{hit['text']}", first=f"{hit['score']:.2f}  ")
    if not hits:
        output.talk("nothing found")


def _said_of(hit: Mapping[str, Any]) -> str:
    """The words before a memory that every project recalls: where it came from."""
    if hit["user_id"] != GLOBAL_BEST_PRACTICES:
        return ""
    return f"(best practice from {hit['project'] or 'an unknown project'}) "


def origin_of(hit: Mapping[str, Any]) -> str | None:
    """The id of the project that a memory says it is from; None if it names none."""
    said = (hit["metadata"] or {}).get("project")
    return project_id(said) if isinstance(said, str) and said else None
