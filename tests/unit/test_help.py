"""What `--help` says of every command."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from mem0_syncd.cli import COMMANDS, cli
from support.reference import commands

EVERY = {name.removeprefix("mem0-syncd "): command for name, command, _ in commands(cli)}


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_a_contract_and_an_example(name: str) -> None:
    """The example is of the command itself, and the first line is a sentence."""
    text = EVERY[name].help or ""
    assert re.match(r"[A-Z`].*[.:,]", text), name
    example = re.search(r"Example:  (.*)", text)
    assert example, name
    assert f"mem0-syncd {name}" in example[1], example[1]


@pytest.mark.parametrize("name", EVERY)
def test_help_fits_a_terminal_of_the_usual_width(name: str) -> None:
    """No line is longer, and no list of commands is cut off."""
    said = CliRunner().invoke(cli, [*name.split(), "--help"], terminal_width=80)
    for line in said.stdout.splitlines():
        assert len(line) <= 80
        assert not re.search(r"[a-z,;]\.\.\.$", line)


@pytest.mark.parametrize("name", EVERY)
def test_every_option_says_what_it_does(name: str) -> None:
    """An option without a word of help is one that nobody finds."""
    for parameter in EVERY[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), f"{name} {parameter.name}"


def test_the_list_of_commands_is_that_of_the_commands() -> None:
    """Each line of it ends as a sentence does."""
    assert list(COMMANDS) == cli.list_commands(click.Context(cli))
    assert all(text.endswith(".") for text in COMMANDS.values())


@pytest.mark.parametrize(
    ("typed", "said"),
    [("stauts", "No such command 'stauts'. Did you mean 'status'?"), ("xyz", "No such command 'xyz'.")],
)
def test_a_misspelt_command_gets_the_nearest_one_named(typed: str, said: str) -> None:
    """Where one is near."""
    result = CliRunner().invoke(cli, [typed])
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: {said}\n")
