"""What a `.git` says of other folders is a claim, and counts where they say the same."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0_syncd.projects.git import Repository, claim_of, main_tree, repository_of
from mem0_syncd.projects.git_index import tracks_any
from mem0_syncd.system.untrusted_folder import UntrustedFolder

LOG = "decision-log.json"


def run(folder: Path, *arguments: str) -> None:
    """Run git as a user does."""
    who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A repository's main work tree, with a tracked file."""
    folder = tmp_path / "main"
    folder.mkdir()
    (folder / LOG).write_text("{}")
    run(folder, "init", "-q")
    run(folder, "add", ".")
    run(folder, "commit", "-qm", "x")
    return folder


@pytest.fixture
def linked(main: Path, tmp_path: Path) -> Path:
    """A work tree that is linked to it."""
    run(main, "worktree", "add", "-q", str(tmp_path / "linked"))
    return tmp_path / "linked"


def test_a_linked_work_tree_has_a_main_one(main: Path, linked: Path) -> None:
    """Which has none itself."""
    assert main_tree(linked) == main
    assert main_tree(main) is None
    assert repository_of(linked) == Repository(linked, main / ".git", "worktrees/linked", ".")
    assert repository_of(main) == Repository(main, main, ".git", ".git")


def test_one_that_git_has_moved_still_has(main: Path, linked: Path, tmp_path: Path) -> None:
    """One that was moved without git has not, until git has repaired it."""
    run(main, "worktree", "move", str(linked), str(tmp_path / "moved"))
    assert main_tree(tmp_path / "moved") == main
    (tmp_path / "moved").rename(tmp_path / "elsewhere")
    claim = claim_of(tmp_path / "elsewhere")
    assert claim is not None
    assert claim.problem is not None
    assert f"git -C {main} worktree repair {tmp_path / 'elsewhere'}" in claim.problem.remedy
    assert main_tree(tmp_path / "elsewhere") is None
    run(main, "worktree", "repair", str(tmp_path / "elsewhere"))
    assert main_tree(tmp_path / "elsewhere") == main


def test_both_may_say_it_by_relative_paths(main: Path, linked: Path) -> None:
    """As git 2.48 writes them, where it is set up to."""
    (linked / ".git").write_text("gitdir: ../main/.git/worktrees/linked\n")
    (main / ".git/worktrees/linked/gitdir").write_text("../../../../linked/.git\n")
    assert main_tree(linked) == main
    (main / ".git/worktrees/linked/gitdir").write_text("../../../../other/.git\n")
    assert main_tree(linked) is None


def claim_inside(folder: Path, main: Path) -> None:
    """As a stranger's repository might: git's folder is one of its own, which names the other's."""
    own = folder / ".claude/x"
    own.mkdir(parents=True)
    (own / "commondir").write_text(f"{main}/.git")
    (own / "gitdir").write_text(f"{folder}/.git")
    (folder / ".git").write_text("gitdir: ./.claude/x")


def claim_of_a_name(folder: Path, main: Path) -> None:
    """By a name that the main tree knows nothing of."""
    (folder / ".git").write_text(f"gitdir: {main}/.git/worktrees/stranger")


def claim_of_a_place(folder: Path, main: Path) -> None:
    """By the name of another work tree, which is where it says."""
    (folder / ".git").write_text(f"gitdir: {main}/.git/worktrees/linked")


def claim_by_a_link(folder: Path, main: Path) -> None:
    """By a link in the file's place."""
    (folder / ".git").symlink_to(main.parent / "linked/.git")


def claim_by_a_whole_folder(folder: Path, main: Path) -> None:
    """By a link to all of it."""
    (folder / ".git").symlink_to(main / ".git")


@pytest.mark.parametrize(
    "claim", [claim_inside, claim_of_a_name, claim_of_a_place, claim_by_a_link, claim_by_a_whole_folder]
)
def test_a_claim_that_the_main_tree_does_not_confirm_is_not_believed(
    main: Path, linked: Path, tmp_path: Path, claim: Callable[[Path, Path], None]
) -> None:
    """Nor does what git tracks there count here."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    claim(folder, main)
    assert main_tree(folder) is None
    assert not tracks_any(folder, [LOG])
    found = repository_of(folder)
    assert found is None or found.root == folder


def test_the_main_tree_must_be_this_users_too(main: Path, linked: Path) -> None:
    """What somebody else writes there confirms nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(main / ".git/worktrees/linked/gitdir", 4242, 4242)
    assert main_tree(linked) is None
    assert main_tree(linked, trusted=[main]) == main


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/proc/self/fd/0"),
        lambda path: path.write_bytes(b"gitdir: \xff"),
        lambda path: path.write_text("gitdir: a\0b"),
        lambda path: path.write_text("gitdir: " + "x/" * 50_000),
        lambda path: path.write_text(""),
    ],
)
def test_whatever_is_in_its_place_waits_for_nobody(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """Neither in the folder nor above it."""
    inner = tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    make(tmp_path / "outer/.git")
    for folder in (inner, inner.parent):
        assert main_tree(folder) is None
        assert repository_of(folder) is None
        assert not tracks_any(folder, [LOG])


def test_what_another_user_put_above_is_not_looked_at(main: Path, tmp_path: Path) -> None:
    """In a folder that everybody may write to, nobody's `.git` counts."""
    inner = tmp_path / "shared/mine"
    inner.mkdir(parents=True)
    (inner / LOG).write_text("{}")
    run(inner.parent, "init", "-q")
    run(inner.parent, "add", ".")
    assert tracks_any(inner, [LOG])
    inner.parent.chmod(0o1777)
    assert repository_of(inner) is None
    assert not tracks_any(inner, [LOG])


def test_a_submodule_is_a_repository_of_its_own(main: Path, tmp_path: Path) -> None:
    """Known by where its outer one keeps it; it is nobody's linked work tree."""
    outer = tmp_path / "outer"
    outer.mkdir()
    run(outer, "init", "-q")
    run(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(main), "part")
    assert repository_of(outer / "part") == Repository(outer / "part", outer / ".git/modules/part", ".", ".")
    assert main_tree(outer / "part") is None
    assert tracks_any(outer / "part", [LOG])


def test_want_of_handles_tells_nothing_of_a_folder(linked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't taken for a folder of its own."""

    def none_left(*_: object) -> bytes:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(UntrustedFolder, "read", none_left)
    with pytest.raises(OSError, match="Too many"):
        main_tree(linked)
