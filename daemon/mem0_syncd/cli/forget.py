"""`mem0-syncd forget`."""

from __future__ import annotations

from pathlib import Path

import click

from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import progress
from mem0_syncd.control.client import ask
from mem0_syncd.core.progress import Tell
from mem0_syncd.engine import user_requests
from mem0_syncd.projects import projects
from mem0_syncd.status.render import counted
from mem0_syncd.system import output, paths


@click.command()
@click.argument("name", metavar="ID", required=False)
@click.option("--project", "path", type=click.Path(path_type=Path), help="Everything of a project instead.")
@click.option("--remote", is_flag=True, help="Delete the memories in Mem0, too.")
def forget(name: str | None, *, path: Path | None, remote: bool) -> None:
    """Deliver an item no more, by its decision's or its memory's ID; what Mem0 has stays without --remote.

    A new revision of it is delivered again. To stop watching a project: mem0-syncd project remove.

    \b
    Example:  mem0-syncd forget DEC-20260105-0001 --remote
    """
    if (name is None) == (path is None):
        raise click.UsageError("name an ID, or a --project")
    state = paths.state_dir()
    project = projects.find(read_only(state), path).id if path else None
    wanted = {"name": name, "project": project, "remote": remote}

    def without_daemon(tell: Tell) -> dict[str, int]:
        with alone(state, "forget") as engine:
            return user_requests.forget(engine, name=name, project=project, remote=remote, tell=tell)

    with progress("forgetting") as told:
        done = either(
            lambda: ask(state, "forget", timeout=300.0, tell=told.tell, **wanted),
            lambda: without_daemon(told.tell),
        )
    deleted = counted(done["deleted"], "memory", "memories")
    output.say(f"{counted(done['forgotten'], 'item')} forgotten, {deleted} deleted")
    if not remote:
        output.talk("what is in Mem0 stays there; to delete it, too, do it again with --remote")
