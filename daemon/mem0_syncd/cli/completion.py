"""`mem0-syncd completion`, and what is completed besides the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import closing, suppress

import click
from click.shell_completion import CompletionItem, get_completion_class

from mem0_syncd.cli.outbox_access import read_only
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.system import output, paths
from mem0_syncd.system.terminal_safety import visible

VARIABLE = "_MEM0_SYNCD_COMPLETE"
"""The variable that a shell sets to ask for completions; click derives it from the program's name."""

_PLAIN = re.compile(r"[\w.@+-]+")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print what makes SHELL complete commands, options, projects and dead letters.

    \b
    bash  mem0-syncd completion bash >> ~/.bashrc
    zsh   mem0-syncd completion zsh >> ~/.zshrc          (after compinit)
    fish  mem0-syncd completion fish > ~/.config/fish/completions/mem0-syncd.fish

    \b
    Example:  source <(mem0-syncd completion bash)
    """
    chosen = get_completion_class(shell)
    assert chosen is not None  # noqa: S101 - click has all three
    script = chosen(ctx.find_root().command, {}, "mem0-syncd", VARIABLE).source()
    for line in script.splitlines():
        output.say(line)


def dead_letters(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The ids of dead letters, each with its reason."""
    return _from_outbox(
        begun,
        lambda outbox: (
            (str(entry.id), entry.reason)
            for destination in outbox.destinations.in_use()
            for entry in outbox.dead_letters.newest(destination.id, limit=100)
        ),
    )


def project_ids(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The ids of the watched projects, each with its folder."""
    return _from_outbox(
        begun,
        lambda outbox: ((row.id, str(row.path)) for row in outbox.projects.all() if not row.is_worktree),
    )


def _from_outbox(begun: str, read: Callable[[Outbox], Iterable[tuple[str, str]]]) -> list[CompletionItem]:
    """What the outbox holds of names and what they mean; nothing if it can't be read.

    While a command line is typed, an error can't be shown. Names that a shell would split are left out.
    """
    with suppress(SyncdError), closing(read_only(paths.state_dir())) as outbox:
        return [
            CompletionItem(name, help=visible(meaning))
            for name, meaning in read(outbox)
            if name.startswith(begun) and _PLAIN.fullmatch(name)
        ]
    return []
