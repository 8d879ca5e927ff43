"""The origin of a repository: a hash of its first commit, found by a process of its own that runs nothing."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0_syncd import repository_origin
from mem0_syncd.core.foreign_memories import UNKNOWN, understood
from mem0_syncd.core.item import digest
from support.repositories import commit, first_commit, git, make_repository
from support.spoiled_repositories import endless_head, pipe_git, too_large, too_large_in_a_pack

origin_of = functools.partial(repository_origin.origin_of, environ=os.environ)


def expected(folder: Path) -> str:
    """The origin of a repository whose first commit git tells."""
    return digest("origin", first_commit(folder))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits."""
    return make_repository(tmp_path / "shop", "first", "second", "third")


def test_it_is_a_hash_of_the_first_commit(repository: Path) -> None:
    """And not the commit's id, by which anybody could look for the repository."""
    origin = origin_of(repository)
    assert origin == expected(repository)
    assert understood(origin) == origin
    assert first_commit(repository)[:7] not in origin


def test_every_clone_has_the_same(repository: Path, tmp_path: Path) -> None:
    """Whatever the clone is called, and wherever its branch has gone on to."""
    git(tmp_path, "clone", "-q", str(repository), "elsewhere")
    commit(tmp_path / "elsewhere", "fourth")
    assert origin_of(tmp_path / "elsewhere") == origin_of(repository) != UNKNOWN


def test_another_repository_has_another(repository: Path, tmp_path: Path) -> None:
    """Of the same folder name."""
    other = make_repository(tmp_path / "other/shop", "another first")
    assert UNKNOWN != origin_of(other) != origin_of(repository)


def test_a_repository_elsewhere_on_the_disk_may_have_any_name(tmp_path: Path) -> None:
    """One that is not UTF-8, for example."""
    folder = make_repository(Path(os.fsdecode(os.fsencode(tmp_path) + b"/sh\xf6p here")), "first")
    assert origin_of(folder) == expected(folder)


def test_a_command_that_a_repository_names_is_never_run(repository: Path, tmp_path: Path) -> None:
    """Git itself runs it as soon as it comes to the commit that is missing."""
    proof = tmp_path / "PWNED"
    gone = git(repository, "rev-parse", "HEAD~1")
    (repository / ".git/objects" / gone[:2] / gone[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", str(tmp_path)),
        ("remote.origin.uploadpack", f"sh -c 'touch {proof}'"),
        ("core.fsmonitor", f"touch {proof}"),
        ("core.sshCommand", f"touch {proof}"),
    ):
        git(repository, "config", name, value)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "rev-list", "HEAD")
    assert proof.exists()
    proof.unlink()
    assert origin_of(repository) == UNKNOWN
    assert not proof.exists()


def test_a_folder_that_is_gone_has_none(tmp_path: Path) -> None:
    """Nor a file in its place."""
    (tmp_path / "file").touch()
    assert origin_of(tmp_path / "nowhere") == origin_of(tmp_path / "file") == UNKNOWN


@pytest.mark.parametrize("spoil", [pipe_git, endless_head, too_large, too_large_in_a_pack])
def test_it_is_unknown_where_it_cannot_be_told(repository: Path, spoil: Callable[[Path], None]) -> None:
    """At once, and whatever stands there instead of a repository."""
    spoil(repository)
    assert origin_of(repository) == UNKNOWN


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_another_users_repository_has_none(repository: Path) -> None:
    """Git itself refuses it as well."""
    os.chown(repository / ".git/objects", 12345, 12345)
    assert origin_of(repository) == UNKNOWN


def test_a_module_in_the_repository_is_not_imported(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when the daemon was started there."""
    (repository / "dulwich.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    (repository / "hashlib.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    monkeypatch.chdir(repository)
    assert origin_of(repository) != UNKNOWN
    assert not (tmp_path / "PWNED").exists()


def test_the_reader_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    """It needs nothing of the environment but where Python finds its modules."""
    seen = repository.parent / "environment"
    hook = repository.parent / "site"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        f"import os\nopen({str(seen)!r}, 'w').write(' '.join(os.environ))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hook))
    monkeypatch.setenv("MEM0_API_KEY", "m0-invented")
    assert origin_of(repository) != UNKNOWN
    assert "PYTHONPATH" in seen.read_text()
    assert "MEM0" not in seen.read_text()
