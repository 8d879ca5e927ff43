"""`mem0-syncd recall`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import progress
from mem0_syncd.control.client import ask
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.core.recalled import Wanted, choose, date_of, since_of
from mem0_syncd.ingest.spooled_events import KINDS
from mem0_syncd.projects.named_project import named_project
from mem0_syncd.projects.projects import project_id
from mem0_syncd.system import output, paths

SPARE = 10
"""How many hits more are asked for than are shown: some are left out."""

MOST = 1000
"""How many hits are asked for at most, where few are left of those that were found."""

Search = Callable[[int], list[dict[str, Any]]]


@click.command()
@click.argument("query")
@click.option(
    "--project",
    "named",
    metavar="PROJECT",
    shell_complete=project_ids,
    help="The project, by its folder or its id, where it isn't the one that you are in.",
)
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only of this kind.")
@click.option("--since", metavar="WHEN", help="Only from then on: 2026-01-05, or 36h, 7d, 2w ago.")
@click.option("--category", help="Only of this category, such as architecture.")
@click.option("--agent", help="Only of this agent, such as backend or ork:backend.")
@click.option("--superseded", is_flag=True, help="Decisions that others have taken the place of, too.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="How many memories at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")
def recall(
    query: str,
    named: str | None,
    *,
    kind: str | None,
    since: str | None,
    category: str | None,
    agent: str | None,
    superseded: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Search what is in Mem0 of this project, and the global best practices.

    The nearest comes first; the number before it compares within one answer only. After it stands its id, for
    `show` and `forget`, with its date. With a best practice stands which project it came from.

    \b
    Example:  mem0-syncd recall "how do we store sessions?"
    """
    if not query.strip():
        raise click.UsageError("say what to search for")
    moment = since_of(since, datetime.now(UTC)) if since is not None else None
    if since is not None and moment is None:
        raise click.UsageError("--since takes a date, such as 2026-01-05, or a time ago, such as 36h, 7d, 2w")
    state = paths.state_dir()
    project = named_project(read_only(state), named)
    kinds = [KINDS[kind]] if kind else list(Kind)

    def search(count: int) -> list[dict[str, Any]]:
        wanted: dict[str, Any] = {"query": query, "project": project, "limit": count, "kinds": kinds}

        def without_daemon() -> list[dict[str, Any]]:
            from mem0_syncd.engine import user_requests

            with alone(state, "recall") as engine:
                return user_requests.recall(engine, query, project, count, kinds)

        return either(lambda: ask(state, "recall", timeout=90.0, **wanted)["hits"], without_daemon)

    with progress("searching"):
        hits = _found(search, Wanted(moment, category, agent, superseded), limit)
    if as_json:
        output.document({"schema": 1, "project": project, "hits": hits})
        return
    for hit in hits:
        output.block(f"{_said_of(hit)}{hit['text']}", first=f"{hit['score']:.2f}  ")
        output.say(f"  id {hit['id']}" + (f", {hit['date'][:10]}" if hit["date"] else ""))
    if not hits:
        output.talk("nothing found")


def _found(search: Search, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """The nearest hits that are wanted, by as few searches as can be."""
    count = min(MOST, 10 * limit + SPARE if wanted.is_narrow else limit + SPARE)
    while True:
        hits = search(count)
        chosen = choose(hits, wanted)[:limit]
        if len(chosen) == limit or len(hits) < count or count >= MOST:
            return [_as_shown(hit) for hit in chosen]
        count = min(MOST, 10 * count)


def _as_shown(hit: Mapping[str, Any]) -> dict[str, Any]:
    """A hit with what it says of itself."""
    date = date_of(hit)
    return {
        **{name: hit[name] for name in ("id", "text", "user_id", "score", "metadata")},
        "project": origin_of(hit),
        "agent": hit.get("agent_id") or None,
        "date": date.isoformat() if date else None,
    }


def _said_of(hit: Mapping[str, Any]) -> str:
    """The words before a memory that every project recalls: where it came from."""
    if hit["user_id"] != GLOBAL_BEST_PRACTICES:
        return ""
    return f"(best practice from {hit['project'] or 'an unknown project'}) "


def origin_of(hit: Mapping[str, Any]) -> str | None:
    """The id of the project that a memory says it is from; None if it names none."""
    said = (hit["metadata"] or {}).get("project")
    return project_id(said) if isinstance(said, str) and said else None
