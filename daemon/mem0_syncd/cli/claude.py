"""`mem0-syncd claude`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from mem0_syncd.agents import claude as code
from mem0_syncd.errors import SyncdError
from mem0_syncd.system import output


@click.group()
def claude() -> None:
    """Put hooks and the `/mem0-sync` command into Claude Code, or take them out.

    \b
    Example:  mem0-syncd claude install
    """


def _where(command: Callable[..., Any]) -> Callable[..., Any]:
    project = click.option("--project", type=click.Path(path_type=Path), help="For the project at this path.")
    user = click.option("--user", is_flag=True, help="For all projects of this user (the default).")
    return project(user(command))


@claude.command(short_help="Put the hooks and the command in.")
@_where
def install(project: Path | None, *, user: bool) -> None:
    """Have Claude Code say when a session stops, is compacted or ends, and know `/mem0-sync`.

    What its settings say stays; a copy is kept beside them.

    \b
    Example:  mem0-syncd claude install --project ~/code/shop
    """
    for line in _apply(project, user, partial(code.install, command=code.hook_command())):
        output.talk(line)
    if not shutil.which("mem0-syncd"):
        output.talk("/mem0-sync needs mem0-syncd on the PATH, where it isn't now")


@claude.command()
@_where
def uninstall(project: Path | None, *, user: bool) -> None:
    """Take out exactly what `install` put in.

    \b
    Example:  mem0-syncd claude uninstall
    """
    for line in _apply(project, user, code.uninstall):
        output.talk(line)


def _apply(project: Path | None, user: bool, change: Callable[..., list[str]]) -> list[str]:  # noqa: FBT001
    """Change the settings of a project, or the user's."""
    if project is None:
        return change(code.user_folder())
    if user:
        raise click.UsageError("say --project or --user, not both")
    folder = project.expanduser().resolve()
    if not folder.is_dir():
        raise SyncdError("there is no such folder", where=str(project), remedy="name a project's root folder")
    return change(folder / ".claude", project=folder)
