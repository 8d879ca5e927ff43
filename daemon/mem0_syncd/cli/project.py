"""`mem0-syncd project`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from mem0_syncd import paths, projects
from mem0_syncd.cli.access import read_only, writable
from mem0_syncd.control import ask
from mem0_syncd.errors import DaemonNotRunning, SyncdError


@click.group()
def project() -> None:
    """Choose what is watched."""


@project.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "name", help="Its id, where the folder's name won't do.")
@click.option("--dry-run", is_flag=True, help="Say what would go where, and stop there.")
def add(path: Path, name: str | None, *, dry_run: bool) -> None:
    """Watch the project at PATH.

    \b
    Example:  mem0-syncd project add ~/code/shop
    """
    from mem0_syncd import means, settings
    from mem0_syncd.preview import preview

    chosen = settings.load()
    folder = projects.resolve(path)
    with writable(chosen.state_dir) as outbox:
        identity = means.intended(chosen, outbox.registry)
        project_id = projects.project_id(name or folder.name)
        for line in preview(folder, project_id):
            click.echo(line, err=True)
        click.echo(f"  to {identity}", err=True)
        if dry_run:
            return
        means.choose_destination(chosen, outbox.registry)
        row = projects.add(outbox.registry, folder, name)
    _tell_daemon()
    click.echo(f"{row.id}\t{row.path}")


@project.command("list")
def list_() -> None:
    """Print each watched project's id and folder."""
    for row in read_only(paths.state_dir()).registry.projects():
        click.echo(f"{row.id}\t{row.path}")


@project.command()
@click.argument("name", metavar="ID|PATH")
def remove(name: str) -> None:
    """Stop watching a project; what is in Mem0, and what is known of it here, stays."""
    with writable(paths.state_dir()) as outbox:
        rows = {row.id: row for row in outbox.registry.projects()}
        found = rows.get(name) or next(
            (row for row in rows.values() if row.path == Path(name).expanduser().resolve()), None
        )
        if found is None:
            raise SyncdError("no such project is watched", where=name, remedy="mem0-syncd project list")
        outbox.registry.remove_project(found.id)
    _tell_daemon()
    click.echo(f"{found.id} is no longer watched", err=True)


def _tell_daemon() -> None:
    with contextlib.suppress(DaemonNotRunning, TimeoutError):
        ask(paths.state_dir(), "projects")
