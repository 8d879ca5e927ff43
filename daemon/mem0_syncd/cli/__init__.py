"""The command line: one module a command group, imported when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from mem0_syncd.errors import SyncdError
from mem0_syncd.system import output

COMMANDS = {
    "run": "Run the daemon in the foreground.",
    "project": "Choose what is watched.",
    "status": "Say whether it runs, and whether everything is in Mem0.",
    "sync": "Deliver everything now, and wait for it.",
    "remember": "Put something into Mem0 by hand.",
    "recall": "Search what is in Mem0.",
    "list": "Name every item, with its state and why.",
    "show": "Print an item whole, or a memory.",
    "forget": "Deliver something no more, or take it out of Mem0.",
    "restore": "Take back what was forgotten or dropped.",
    "verify": "Compare what was delivered with what Mem0 holds.",
    "dead": "Look at what Mem0 refused, and why.",
    "pause": "Deliver nothing for a while; nothing is lost.",
    "resume": "Deliver again.",
    "login": "Store the Mem0 Platform's API key.",
    "service": "Have the daemon run whenever you are logged in.",
    "claude": "Put hooks and a command into Claude Code.",
    "hook": "Take in an event of Claude Code, whose hooks call this.",
    "doctor": "Check everything that delivery needs.",
    "completion": "Print what makes bash, zsh or fish complete with Tab.",
    "demo": "Show the whole thing on a sample project.",
}
"""Every command and what it does, so that `status` needn't import what `run` does."""

_MODULES = {"pause": "pause", "resume": "pause", "list": "item_list", "show": "item_show"}

_NAMES = {"list": "list_"}
"""What a command's function is called where Python has that name already."""


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"mem0_syncd.cli.{_MODULES.get(name, name)}")
        command: click.Command = getattr(module, _NAMES.get(name, name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            # click looks for near names only among commands that are imported already.
            if near := get_close_matches(args[0], COMMANDS, n=1):
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mem0-syncd", prog_name="mem0-syncd")
def cli() -> None:
    """Bring what coding agents decide into Mem0, once each, whatever fails.

    \b
    Example:  mem0-syncd project add ~/code/shop && mem0-syncd run
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; an error prints as what, where and remedy, and sets the exit code."""
    output.prepare()
    try:
        sys.exit(_run(arguments))
    except BrokenPipeError:
        # The reader has closed the pipe: what is left to flush has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)


def _run(arguments: list[str] | None) -> int:
    """Run a command; returns its exit code."""
    try:
        # rich and structlog know NO_COLOR, click doesn't.
        colour = False if os.environ.get("NO_COLOR") else None
        code = cli.main(arguments, prog_name="mem0-syncd", color=colour, standalone_mode=False)
    except click.Abort:
        output.talk("Aborted!")
        return 1
    except click.ClickException as error:
        output.print_usage_error(error)
        return error.exit_code
    except SyncdError as error:
        output.print_error(error)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        fault = _fault(error)
        if fault is None:
            raise
        output.print_error(fault)
        return fault.exit_code
    return code if isinstance(code, int) else 0


def _fault(error: Exception) -> SyncdError | None:
    """The fault of the disk or of this process that ended a command; None for any other error."""
    from mem0_syncd.system import paths, storage_faults

    problem = storage_faults.problem_of_a_command(error, paths.state_dir())
    return SyncdError(problem.what, where=problem.where, remedy=problem.remedy) if problem else None
