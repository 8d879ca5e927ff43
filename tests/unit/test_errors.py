"""Errors in one style: what, where, and the command that helps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.status import start_refusal

PACKAGE = Path(__file__).parents[2] / "daemon" / "mem0_syncd"
KINDS = {
    "SyncdError",
    "BadConfiguration",
    "DaemonNotRunning",
    "NoManager",
    "OutboxUnusable",
    "StateFolderBusy",
}


def made() -> Iterator[tuple[str, set[str | None]]]:
    """Every place that makes an error, and the names of the arguments that it gives."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                yield f"{file.name}:{node.lineno}", {argument.arg for argument in node.keywords}


def test_every_error_says_what_where_and_remedy() -> None:
    """A person who reads one knows what to look at and what to type."""
    assert not [place for place, given in made() if not {"where", "remedy"} <= given]


def test_an_error_prints_its_three_parts() -> None:
    """Each on a line of its own; a part that is empty is left out."""
    error = SyncdError("the log isn't JSON", where="/p/log.json, line 3", remedy="mend it")
    assert str(error) == "the log isn't JSON\n  where:  /p/log.json, line 3\n  remedy: mend it"
    assert str(SyncdError("it is so", where="", remedy="")) == "it is so"


def test_a_problem_that_was_written_is_read_as_it_was() -> None:
    """Also one that needs nobody; what a later version says besides is passed over."""
    for problem in (Problem("a", "b", "c"), Problem("a", "b", "c", needs_you=False)):
        assert Problem.from_dict({**problem.as_dict(), "since": 7}) == problem


def test_a_refusal_that_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    """It has no more than words."""
    (tmp_path / "refusal.json").write_text('{"what": "a", "where": "b", "remedy": "nothing: wait"}')
    assert start_refusal.read(tmp_path) == [Problem("a", "b", "nothing: wait", needs_you=False)]
    (tmp_path / "refusal.json").write_text('{"what": "a"}')
    assert start_refusal.read(tmp_path) == []
