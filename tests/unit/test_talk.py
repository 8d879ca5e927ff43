"""What commands say on standard error, beside their data."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mem0_syncd.cli import cli
from mem0_syncd.outbox import Outbox


@pytest.fixture(autouse=True)
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


@pytest.mark.parametrize("words", [("recall", " "), ("recall", "what", "--limit", "0")])
def test_what_mem0_would_refuse_is_refused_at_once(words: tuple[str, ...]) -> None:
    """As wrong usage, not as a search that failed."""
    result = run(*words)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("words", [("recall", "what"), ("remember", "We use Redis"), ("verify", ".")])
def test_a_folder_that_is_in_no_project_is_told_both_ways_out(words: tuple[str, ...]) -> None:
    """Whoever is in the wrong folder need not have it watched."""
    problem = getattr(run(*words).exception, "problem", None)
    assert problem is not None
    assert problem.what == "this is in no watched project"
    assert "mem0-syncd project list" in problem.remedy
    assert "mem0-syncd project add /" in problem.remedy
