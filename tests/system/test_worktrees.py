"""A project and its linked git worktrees are one project in several folders."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform


@pytest.fixture
def worktree(project: Path, tmp_path: Path) -> Path:
    """A linked worktree of the project."""
    folder = tmp_path / "hotfix"
    who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (
        ["init", "-q"],
        [*who, "commit", "-q", "--allow-empty", "-m", "x"],
        ["worktree", "add", "-q", str(folder)],
    ):
        subprocess.run(["git", "-C", str(project), *command], check=True)
    return folder


def marks(folder: Path) -> list[str]:
    """The ids that a folder's sync-state file marks."""
    path = folder / SYNC_STATE
    found: list[str] = json.loads(path.read_text())["synced_decisions"] if path.exists() else []
    return found


def test_what_both_trees_have_is_in_mem0_once(tmp_path: Path, project: Path, worktree: Path) -> None:
    """And what only one of them has, in the project's scope; both are marked, and shown as one project."""
    both = [decision(1), decision(2)]
    write_log(project, both)
    write_log(worktree, [*both, decision(3)])
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project, worktree], **platform_settings(mem0.url))
        with running(daemon):
            daemon.wait_delivered(3)
            ids = [decision(number)["decision_id"] for number in (1, 2, 3)]
            wait_until(lambda: marks(project) == marks(worktree) == ids, "marks in both")
            (shown,) = daemon.status()["projects"]
        assert (shown["id"], shown["path"]) == ("shop", str(project))
        assert shown["worktrees"] == [str(worktree)]
        assert cases(mem0.texts("shop-decisions").elements()) == [1, 2, 3]
        assert len(mem0.memories) == 3


def test_the_main_tree_overrules_and_a_stale_worktree_revises_nothing(
    tmp_path: Path, project: Path, worktree: Path
) -> None:
    """However often both are read anew."""
    write_log(project, [decision(1, description="As main has it"), decision(2, description="Main's second")])
    write_log(worktree, [decision(1, description="As it was"), decision(3, description="Of the branch")])
    expected = ["As main has it", "Main's second", "Of the branch"]
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project, worktree], **platform_settings(mem0.url))
        for _ in range(3):
            with running(daemon):
                daemon.wait_delivered(3)
                daemon.scan()
                daemon.wait_delivered(3)
        assert sorted(text.partition("\n")[0].rpartition(": ")[2] for text in mem0.texts()) == expected
        settled = len(mem0.requests)
        write_log(worktree, [decision(3, description="Of the branch, revised")])
        with running(daemon):
            wait_until(lambda: any("revised" in text for text in mem0.texts()), "the branch revises its own")
            daemon.wait_delivered(3)
        assert [it.kind for it in mem0.requests[settled:] if it.kind in {"add", "update"}] == ["update"]
        assert len(mem0.memories) == 3


def test_a_problem_of_a_worktree_names_its_file(tmp_path: Path, project: Path, worktree: Path) -> None:
    """And a good log in the main tree doesn't take it back."""
    write_log(project, [decision(1)])
    broken = write_log(worktree, [decision(2)])
    broken.write_text("{")
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project, worktree], **platform_settings(mem0.url))
        with running(daemon):
            places = wait_until(lambda: [it["where"] for it in daemon.status()["problems"]], "a problem")
            daemon.scan()
            assert daemon.status()["problems"]
    assert all(place.startswith(str(broken)) for place in places)
