"""Whether git tracks a file, as git itself says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mem0_syncd.projects.git_index import tracks_any

LOG = ".claude/coordination/decision-log.json"


def git(folder: Path, *arguments: str) -> None:
    identity = {
        f"GIT_{who}_{what}": "dev@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a tracked log, and other files around it."""
    folder = tmp_path / "shop"
    for name in (LOG, "README.md", ".claude/settings.json", "src/a.py", "src/b.py"):
        write(folder / name)
    git(folder, "init", "-q")
    return folder


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_a_tracked_log_is_known(repository: Path, version: str) -> None:
    """In every form that git gives its index."""
    assert not tracks_any(repository, [LOG])
    git(repository, "add", "README.md", "src", ".claude/settings.json")
    assert not tracks_any(repository, [LOG])
    git(repository, "add", LOG)
    if version == "3":
        write(repository / "src/c.py")
        git(repository, "add", "--intent-to-add", "src/c.py")
    git(repository, "update-index", "--index-version", version)
    assert (repository / ".git/index").read_bytes()[7] == int(version)
    assert tracks_any(repository, [LOG])
    assert tracks_any(repository, ["no-such-file", "src/b.py"])
    assert not tracks_any(repository, ["src", "b.py", "src/b.pyc", "src/b"])


def test_a_split_index_counts_as_a_whole(repository: Path) -> None:
    """What is in the part that rarely changes, too."""
    git(repository, "add", ".")
    git(repository, "update-index", "--split-index")
    assert list((repository / ".git").glob("sharedindex.*"))
    assert tracks_any(repository, [LOG])


def test_a_project_may_be_a_part_of_a_repository(tmp_path: Path) -> None:
    """And the log of another part isn't its own."""
    write(tmp_path / "services/shop" / LOG)
    write(tmp_path / "services/wiki/README.md")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    assert tracks_any(tmp_path / "services/shop", [LOG])
    assert not tracks_any(tmp_path / "services/wiki", [LOG])
    assert not tracks_any(tmp_path, [LOG])


def test_a_linked_work_tree_has_an_index_of_its_own(repository: Path, tmp_path: Path) -> None:
    """Its `.git` is a file that says where."""
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "all")
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert tracks_any(tmp_path / "linked", [LOG])
    git(tmp_path / "linked", "rm", "-q", "--cached", LOG)
    assert not tracks_any(tmp_path / "linked", [LOG])
    assert tracks_any(repository, [LOG])


@pytest.mark.parametrize("index", [b"", b"DIRC", b"DIRC\0\0\0\4\0\0\0\7short", b"something else entirely"])
def test_what_cannot_be_read_is_not_tracked(repository: Path, index: bytes) -> None:
    """A scan goes on, whatever is there."""
    (repository / ".git/index").write_bytes(index)
    assert not tracks_any(repository, [LOG])


def test_a_folder_without_git_tracks_nothing(tmp_path: Path) -> None:
    """Nor does one whose `.git` leads nowhere."""
    assert not tracks_any(tmp_path, [LOG])
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert not tracks_any(tmp_path, [LOG])
