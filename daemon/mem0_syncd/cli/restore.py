"""`mem0-syncd restore`."""

from __future__ import annotations

from typing import Any

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import progress
from mem0_syncd.control.client import ask
from mem0_syncd.projects.named_project import named_project
from mem0_syncd.status.render import counted
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
def restore(name: str, *, named: str | None) -> None:
    """Take back what was forgotten, or a dead letter that was dropped; it is delivered again.

    \b
    Example:  mem0-syncd restore DEC-20260105-0001
    """
    state = paths.state_dir()
    project = named_project(read_only(state), named)

    def without_daemon() -> dict[str, Any]:
        from mem0_syncd.engine import forgetting

        with alone(state, "restore") as engine:
            return forgetting.restore(engine, project=project, name=name)

    with progress("restoring"):
        done = either(
            lambda: ask(state, "restore", timeout=300.0, name=name, project=project), without_daemon
        )
    output.say(f"{counted(done['restored'], 'item')} restored")
    if done["waiting"]:
        output.talk(f"{done['waiting']} to be sent; see: mem0-syncd status")
