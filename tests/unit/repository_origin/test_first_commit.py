"""The first commit of a repository, as git itself names it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0_syncd.repository_origin import first_commit as reading
from support.repositories import commit, first_commit, git, import_commits, make_repository
from support.spoiled_repositories import SPOILERS


def found(folder: Path) -> str:
    """The first commit; '' for whatever keeps it from being told, as the reader ends for all of it."""
    try:
        return reading.first_commit(folder)
    except Exception:  # noqa: BLE001 - what is there need not be a repository at all
        return ""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits."""
    return make_repository(tmp_path / "shop", "first", "second", "third")


def test_packed_commits_and_packed_refs_are_read(repository: Path) -> None:
    """As `git gc` leaves them, with commits that are stored as differences to others."""
    for number in range(60):
        commit(repository, f"{number}\n\n" + "the same long text of every message\n" * 40)
    git(repository, "gc", "-q", "--aggressive")
    assert not (repository / ".git/refs/heads/main").exists()
    packed = git(repository, "verify-pack", "-v", *map(str, (repository / ".git/objects/pack").glob("*.idx")))
    assert any(line.split()[1] == "commit" and len(line.split()) > 5 for line in packed.splitlines()[:60])
    assert found(repository) == first_commit(repository)


def test_some_commits_may_be_packed_and_some_not(repository: Path) -> None:
    """In several packs."""
    for number in range(3):
        git(repository, "repack", "-q")
        commit(repository, f"later {number}")
    assert len(list((repository / ".git/objects/pack").glob("*.pack"))) > 1
    assert found(repository) == first_commit(repository)


@pytest.mark.parametrize("version", ["1", "2"])
def test_every_form_of_an_index_is_read(repository: Path, version: str) -> None:
    """The first form is still that of old clones."""
    git(repository, "-c", f"pack.indexVersion={version}", "repack", "-adq")
    assert found(repository) == first_commit(repository)


def test_a_detached_head_is_as_good_as_a_branch(repository: Path) -> None:
    """It has the same first commit."""
    git(repository, "checkout", "-q", "HEAD~1")
    assert found(repository) == first_commit(repository)


def test_what_was_merged_in_does_not_change_it(repository: Path) -> None:
    """A merged history has a first commit of its own, and the line that is worked on keeps the one it has."""
    before = found(repository)
    git(repository, "checkout", "-q", "--orphan", "imported")
    commit(repository, "the first of something else")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--allow-unrelated-histories", "-m", "merge", "imported")
    assert len(git(repository, "rev-list", "--max-parents=0", "HEAD").split()) == 2
    assert found(repository) == before == first_commit(repository)


def test_a_rewritten_history_has_another(repository: Path, tmp_path: Path) -> None:
    """As after an amended first commit."""
    alone = make_repository(tmp_path / "alone", "first")
    before = found(alone)
    git(alone, "commit", "-q", "--amend", "--allow-empty", "-m", "the first, amended")
    assert found(alone) == first_commit(alone) != before


def test_replacements_and_grafts_count_for_nothing(repository: Path) -> None:
    """They are each clone's own."""
    before = found(repository)
    git(repository, "replace", "--graft", "HEAD")
    assert len(git(repository, "rev-list", "HEAD").split()) == 1
    assert found(repository) == before


def test_a_long_history_is_read(tmp_path: Path) -> None:
    """Thousands of commits, far within the reader's time on a slow machine."""
    folder = make_repository(tmp_path / "shop")
    import_commits(folder, 3_000)
    assert found(folder) == first_commit(folder)


def test_the_configuration_is_not_read(repository: Path) -> None:
    """As a pipe that nobody writes to it would be waited for."""
    before = found(repository)
    (repository / ".git/config").unlink()
    os.mkfifo(repository / ".git/config")
    assert found(repository) == before != ""


def test_nothing_is_written(repository: Path) -> None:
    """Neither in the repository nor beside it."""

    def everything() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in repository.parent.rglob("*")}

    git(repository, "gc", "-q")
    before = everything()
    assert found(repository) != ""
    assert everything() == before


@pytest.mark.parametrize("spoil", SPOILERS)
def test_it_is_unknown_where_it_cannot_be_told(repository: Path, spoil: Callable[[Path], None]) -> None:
    """At once, and whatever stands there instead of a repository."""
    spoil(repository)
    assert found(repository) == ""
