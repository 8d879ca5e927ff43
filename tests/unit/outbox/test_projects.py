"""What stays of a project when one of its folders is watched no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.errors import Problem
from mem0_syncd.outbox import Outbox, ProjectRow


@pytest.fixture
def outbox(tmp_path: Path, project: Path) -> Iterator[Outbox]:
    """A project and a work tree of it, each with a problem of its own."""
    (tmp_path / "state").mkdir()
    with closing(Outbox.open(tmp_path / "state")) as outbox:
        for row in (ProjectRow("shop", project), ProjectRow("shop", tree_of(project), is_worktree=True)):
            outbox.projects.add(row)
            outbox.problems.replace("shop", "log", [Problem("bad entry", "log.json", "correct it")], row.tree)
        yield outbox


def tree_of(project: Path) -> Path:
    return project.with_name("shop-tree")


def places(outbox: Outbox) -> list[str]:
    return [problem.where for _, problem in outbox.problems.all()]


def test_the_problems_of_the_other_folders_stay(outbox: Outbox, project: Path) -> None:
    """Their files are as they were, so no scan would report them again."""
    outbox.projects.remove("shop", tree_of(project))
    assert places(outbox) == ["log.json"]


def test_those_of_the_main_folder_go_with_it(outbox: Outbox, project: Path) -> None:
    """And the work tree keeps its own."""
    outbox.projects.remove("shop", project)
    assert places(outbox) == [str(tree_of(project) / "log.json")]


def test_with_the_project_all_of_them_go(outbox: Outbox) -> None:
    """There is nobody left to whom they matter."""
    outbox.projects.remove("shop")
    assert places(outbox) == []
