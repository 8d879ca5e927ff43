"""`mem0-syncd project`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from mem0_syncd.cli.completion import project_ids
from mem0_syncd.cli.outbox_access import read_only, writable
from mem0_syncd.control.client import tell_daemon
from mem0_syncd.errors import DaemonNotRunning, SyncdError
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.projects import projects
from mem0_syncd.status.stopped_projects import said_of
from mem0_syncd.system import output, paths


@click.group()
def project() -> None:
    """Choose what is watched.

    \b
    Example:  mem0-syncd project list
    """


@project.command(short_help="Watch a project.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "name", help="Its id, where the folder's name won't do.")
@click.option("--dry-run", is_flag=True, help="Say what would go where, and stop there.")
@click.option(
    "--global/--no-global",
    "globally",
    default=None,
    help="Whether its best practices go to all projects; they do if there are some now.",
)
def add(path: Path, name: str | None, *, dry_run: bool, globally: bool | None) -> None:
    """Watch the project at PATH, and agree to what its own file asks for.

    What the file asks for later waits for: mem0-syncd project accept.

    \b
    Example:  mem0-syncd project add ~/code/shop
    """
    from mem0_syncd.cli import project_acceptance
    from mem0_syncd.config import settings
    from mem0_syncd.engine import destination_choice

    chosen = settings.load()
    folder, trusted = projects.resolve(path), chosen.trusted_folders
    with writable(chosen.state_dir) as outbox:
        offer = project_acceptance.offer(outbox, chosen, folder, name, globally=globally)
        for line in offer.lines:
            output.talk(line)
        if dry_run:
            return
        destination_choice.choose_destination(chosen, outbox.destinations)
        row = projects.add(outbox, folder, name, asked=offer.asked, scope=offer.scope, trusted=trusted)
    if not _is_told():
        output.talk("  once the daemon runs; start it: mem0-syncd run")
    output.row(row.id, row.path)


@project.command(short_help="Agree to what a project waits for.")
@click.argument("name", metavar="ID|PATH", shell_complete=project_ids)
@click.option("--same", is_flag=True, help="The other repository's memories under its id are its own, too.")
@click.option("--yes", is_flag=True, help="Agree without being asked.")
def accept(name: str, *, same: bool, yes: bool) -> None:
    """Agree to what a project's own file asks for, and to what else of it waits; it is printed first.

    With --same it goes on where it was stopped because memories of another repository are under its id: for
    example after its history was rewritten. Without a terminal it takes --yes; nothing is done without it.

    \b
    Example:  mem0-syncd project accept shop
              mem0-syncd project accept --same shop
    """
    if same:
        _accept_same(name, yes=yes)
    else:
        _accept_asked(name, yes=yes)


def _accept_asked(name: str, *, yes: bool) -> None:
    from mem0_syncd.cli import project_acceptance
    from mem0_syncd.config import settings

    chosen = settings.load()
    with writable(chosen.state_dir) as outbox:
        asking = project_acceptance.find(outbox, chosen, name)
    for line in asking.lines:
        output.say(line)
    if not asking.is_something:
        output.talk("nothing waits for you")
        return
    _confirm("Do you agree?", yes=yes)
    with writable(chosen.state_dir) as outbox:
        project_acceptance.agree(outbox, chosen, asking)
    output.talk("agreed" if _is_told() else "agreed; it holds once the daemon runs")


def _accept_same(name: str, *, yes: bool) -> None:
    state = paths.state_dir()
    row = _watched(read_only(state).projects.all(), name)[0]
    lines = said_of(read_only(state).origins.strangers(row.id))
    for line in lines:
        output.say(line)
    if not lines:
        output.talk("no other repository's memories stop it")
        return
    _confirm(f"Are these memories those of {row.path}, too?", yes=yes)
    with writable(state) as outbox:
        found = outbox.origins.strangers(row.id)
        if said_of(found) != lines:
            raise SyncdError(
                "other memories have turned up",
                where=row.id,
                remedy=f"mem0-syncd project accept --same {row.id}",
            )
        outbox.origins.count_as_same(row.id, {it.stated.origin for it in found})
    told = _is_told()
    output.talk("agreed" if told else "agreed; it goes on once the daemon runs")


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("without a terminal this takes --yes; nothing was done")
    output.confirm(question, abort=True)


def _watched(rows: Iterable[ProjectRow], name: str) -> list[ProjectRow]:
    """The folders of the project that an id or a path names."""
    path = Path(name).expanduser().resolve()
    found = [row for row in rows if name == row.id or path == row.path]
    if not found:
        raise SyncdError("no such project is watched", where=name, remedy="mem0-syncd project list")
    return found


@project.command("list")
def list_() -> None:
    """Print each watched project's id and folder, with a tab between.

    \b
    Example:  mem0-syncd project list | cut -f2
    """
    watched = read_only(paths.state_dir()).projects.all()
    for row in watched:
        output.row(row.id, row.path)
    if not watched:
        output.talk("no project is watched; watch one: mem0-syncd project add PATH")


@project.command(short_help="Stop watching a project.")
@click.argument("name", metavar="ID|PATH", shell_complete=project_ids)
def remove(name: str) -> None:
    """Stop watching a project with its worktrees, or one folder; what is in Mem0, or known here, stays.

    \b
    Example:  mem0-syncd project remove shop
    """
    from mem0_syncd.sources.all_sources import SOURCES
    from mem0_syncd.status.render import counted

    with writable(paths.state_dir()) as outbox, outbox.transaction():
        found, taken_back = _watched(outbox.projects.all(), name), 0
        for row in found:
            outbox.projects.remove(row.id, row.path)
        for id_ in {row.id for row in found} - {row.id for row in outbox.projects.all()}:
            taken_back += outbox.origins.take_back(id_, (it.name for it in SOURCES))
    _is_told()
    for row in found:
        output.talk(f"{row.id} ({row.path}) is no longer watched")
    if taken_back:
        output.talk(f"  {counted(taken_back, 'item')} that waited won't be sent; the files stay as they are")


def _is_told() -> bool:
    """Have a daemon look at the projects; returns whether there is one: a busy one will look by itself."""
    return not isinstance(tell_daemon(paths.state_dir(), "projects"), DaemonNotRunning)
