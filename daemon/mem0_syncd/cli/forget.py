"""`mem0-syncd forget`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import progress
from mem0_syncd.control.client import ask
from mem0_syncd.errors import SyncdError
from mem0_syncd.projects.named_project import named_project
from mem0_syncd.status.render import KIND_NAMES, counted
from mem0_syncd.system import output, paths

ANSWER_SECONDS = 300.0


class NotAsked(SyncdError):
    """There is nobody who could say yes."""

    exit_code = 2


@click.command()
@click.argument("name", metavar="ID", required=False)
@click.option(
    "--project",
    "named",
    metavar="PROJECT",
    shell_complete=project_ids,
    help="The project, by its folder or its id, where it isn't the one that you are in; without an ID"
    " everything of it.",
)
@click.option("--remote", is_flag=True, help="Delete the memories in Mem0, too, wherever they are.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def forget(name: str | None, *, named: str | None, remote: bool, yes: bool) -> None:
    """Deliver an item of a project no more, anywhere, whatever its file says later; first it is shown.

    ID is a decision's, a memory's, or what `list` shows. What Mem0 has stays there without --remote; with it,
    the text is erased here as well, and what can't be reached now is deleted later. To take it back:
    mem0-syncd restore ID. To stop watching a project: mem0-syncd project remove.

    Without a terminal it does nothing unless you say --yes, and ends with exit code 2.

    \b
    Example:  mem0-syncd forget DEC-20260105-0001 --remote
    """
    if name is None and named is None:
        raise click.UsageError("name an ID, or a --project")
    state = paths.state_dir()
    wanted: dict[str, Any] = {
        "name": name,
        "project": named_project(read_only(state), named),
        "remote": remote,
    }
    with progress("looking"):
        found = either(
            lambda: ask(state, "to forget", timeout=ANSWER_SECONDS, **wanted),
            lambda: _alone("to_forget", wanted),
        )
    if not found["items"] and not found["foreign"]:
        raise SyncdError(
            "nothing is known by this name",
            where=f"{wanted['project']}: {name or 'everything'}",
            remedy="name a decision's or a memory's id, and its --project; see: mem0-syncd list",
        )
    _show(found, wanted)
    _be_allowed(yes=yes)
    with progress("forgetting") as told:
        done = either(
            lambda: ask(state, "forget items", timeout=ANSWER_SECONDS, tell=told.tell, **wanted),
            lambda: _alone("forget", {**wanted, "tell": told.tell}),
        )
    deleted = counted(done["deleted"], "memory", "memories")
    output.say(f"{counted(done['forgotten'], 'item')} forgotten, {deleted} deleted")
    if done["owed"]:
        owed = counted(done["owed"], "deletion")
        output.talk(f"{owed} can't be carried out now, and will be tried again by itself")
    if not remote:
        output.talk("what is in Mem0 stays there; to delete it, too, do it again with --remote")


def _alone(what: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    from mem0_syncd.engine import forgetting

    with alone(paths.state_dir(), "forget") as engine:
        done: dict[str, Any] = getattr(forgetting, what)(engine, **wanted)
        return done


def _show(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Say what is to be forgotten, and what becomes of it in Mem0."""
    kinds = ", ".join(
        f"{count:,} {KIND_NAMES[kind] if count != 1 else KIND_NAMES[kind].removesuffix('s')}"
        for kind, count in found["kinds"].items()
    )
    if foreign := found["foreign"]:
        output.talk(f"{wanted['project']}: a memory of {foreign['user_id']} that isn't from here")
        output.talk(f"  {foreign['id']}  {foreign['text'].splitlines()[0] if foreign['text'] else ''}")
    else:
        output.talk(f"{wanted['project']}: {kinds}")
    for it in found["some"]:
        memories = f"  memory {', '.join(it['memory_ids'])}" if it["memory_ids"] else ""
        output.talk(f"  {it['id']}  {it['state']}{memories}")
    if (more := found["items"] - len(found["some"])) > 0:
        output.talk(f"  ... and {more:,} more")
    memories = counted(found["memories"], "memory", "memories")
    if wanted["remote"]:
        output.talk(
            f"{memories} will be deleted in Mem0, and the text here: only what a file says can come back"
        )
    else:
        output.talk(f"{memories} stay in Mem0; to take it back: mem0-syncd restore ID")


def _be_allowed(*, yes: bool) -> None:
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise NotAsked("nothing was forgotten, for nobody can be asked", remedy="say --yes")
    output.confirm("forget it?", abort=True)
