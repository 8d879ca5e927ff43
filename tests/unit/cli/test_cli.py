"""What all commands have in common: their help, and what they say beside their data."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mem0_syncd.cli import COMMANDS, cli
from mem0_syncd.outbox import Outbox
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


@pytest.fixture
def _nothing_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder with an empty outbox, and no daemon."""
    monkeypatch.setenv("MEM0_SYNCD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("MEM0_SYNCD_RUNTIME_DIR", str(tmp_path / "r"))
    monkeypatch.setenv("MEM0_SYNCD_CONFIG_FILE", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").touch()
    (tmp_path / "state").mkdir(mode=0o700)
    with closing(Outbox.open(tmp_path / "state")):
        pass


def run(*words: str) -> Result:
    """What a command in this process says."""
    return CliRunner().invoke(cli, words)


@pytest.mark.usefixtures("_nothing_yet")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("project", "list"), "no project is watched; watch one: mem0-syncd project add PATH\n"),
        (("sync",), "no project is watched; watch one: mem0-syncd project add PATH\n"),
        (("dead", "list"), "there are no dead letters\n"),
        (("dead", "retry", "--all"), "there are no dead letters\n"),
    ],
)
def test_where_there_is_nothing_it_is_said(words: tuple[str, ...], said: str) -> None:
    """Silence would leave open whether it worked; a program that reads the data isn't bothered."""
    result = run(*words)
    assert (result.exit_code, result.stderr) == (0, said)


@pytest.mark.usefixtures("_nothing_yet")
@pytest.mark.parametrize("words", [("recall", " "), ("recall", "what", "--limit", "0")])
def test_what_mem0_would_refuse_is_refused_at_once(words: tuple[str, ...]) -> None:
    """As wrong usage, not as a search that failed."""
    result = run(*words)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.usefixtures("_nothing_yet")
@pytest.mark.parametrize("words", [("recall", "what"), ("remember", "We use Redis"), ("verify", ".")])
def test_a_folder_that_is_in_no_project_is_told_both_ways_out(words: tuple[str, ...]) -> None:
    """Whoever is in the wrong folder need not have it watched."""
    problem = getattr(run(*words).exception, "problem", None)
    assert problem is not None
    assert problem.what == "this is in no watched project"
    assert "mem0-syncd project list" in problem.remedy
    assert "mem0-syncd project add /" in problem.remedy
