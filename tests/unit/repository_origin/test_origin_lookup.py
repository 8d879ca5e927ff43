"""The origin of a repository: the first commit, as git itself names it, and nothing of it is run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0_syncd import repository_origin
from mem0_syncd.core.foreign_memories import UNKNOWN, understood
from mem0_syncd.core.item import digest
from support.repositories import commit, first_commit, git, import_commits, make_repository

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


def test_packed_commits_and_packed_refs_are_read(repository: Path) -> None:
    """As `git gc` leaves them, with commits that are stored as differences to others."""
    for number in range(60):
        commit(repository, f"{number}\n\n" + "the same long text of every message\n" * 40)
    git(repository, "gc", "-q", "--aggressive")
    assert not (repository / ".git/refs/heads/main").exists()
    packed = git(repository, "verify-pack", "-v", *map(str, (repository / ".git/objects/pack").glob("*.idx")))
    assert any(line.split()[1] == "commit" and len(line.split()) > 5 for line in packed.splitlines()[:60])
    assert origin_of(repository) == expected(repository)


def test_some_commits_may_be_packed_and_some_not(repository: Path) -> None:
    """In several packs."""
    for number in range(3):
        git(repository, "repack", "-q")
        commit(repository, f"later {number}")
    assert len(list((repository / ".git/objects/pack").glob("*.pack"))) > 1
    assert origin_of(repository) == expected(repository)


@pytest.mark.parametrize("version", ["1", "2"])
def test_every_form_of_an_index_is_read(repository: Path, version: str) -> None:
    """The first form is still that of old clones."""
    git(repository, "-c", f"pack.indexVersion={version}", "repack", "-adq")
    assert origin_of(repository) == expected(repository)


def test_a_detached_head_is_as_good_as_a_branch(repository: Path) -> None:
    """It has the same first commit."""
    git(repository, "checkout", "-q", "HEAD~1")
    assert origin_of(repository) == expected(repository)


def test_what_was_merged_in_does_not_change_it(repository: Path) -> None:
    """A merged history has a first commit of its own, and the line that is worked on keeps the one it has."""
    before = origin_of(repository)
    git(repository, "checkout", "-q", "--orphan", "imported")
    commit(repository, "the first of something else")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--allow-unrelated-histories", "-m", "merge", "imported")
    assert len(git(repository, "rev-list", "--max-parents=0", "HEAD").split()) == 2
    assert origin_of(repository) == before == expected(repository)


def test_a_rewritten_history_has_another(repository: Path, tmp_path: Path) -> None:
    """As after an amended first commit."""
    alone = make_repository(tmp_path / "alone", "first")
    before = origin_of(alone)
    git(alone, "commit", "-q", "--amend", "--allow-empty", "-m", "the first, amended")
    assert origin_of(alone) == expected(alone) != before


def test_replacements_and_grafts_count_for_nothing(repository: Path) -> None:
    """They are each clone's own."""
    before = origin_of(repository)
    git(repository, "replace", "--graft", "HEAD")
    assert len(git(repository, "rev-list", "HEAD").split()) == 1
    assert origin_of(repository) == before


def test_a_long_history_is_read(tmp_path: Path) -> None:
    """Thousands of commits, far within the reader's time on a slow machine."""
    folder = make_repository(tmp_path / "shop")
    import_commits(folder, 3_000)
    assert origin_of(folder) == expected(folder)


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


def test_the_configuration_is_not_read(repository: Path) -> None:
    """As a pipe that nobody writes to it would be waited for."""
    before = origin_of(repository)
    (repository / ".git/config").unlink()
    os.mkfifo(repository / ".git/config")
    assert origin_of(repository) == before != UNKNOWN


def test_nothing_is_written(repository: Path) -> None:
    """Neither in the repository nor beside it."""

    def everything() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in repository.parent.rglob("*")}

    git(repository, "gc", "-q")
    before = everything()
    assert origin_of(repository) != UNKNOWN
    assert everything() == before


def cut_off(folder: Path) -> None:
    source = folder.rename(folder.with_name("source"))
    git(folder.parent, "clone", "-q", "--depth", "1", f"file://{source}", folder.name)


def partial(folder: Path) -> None:
    source = folder.rename(folder.with_name("source"))
    git(source, "config", "uploadpack.allowFilter", "true")
    git(folder.parent, "clone", "-q", "--no-checkout", "--filter=tree:0", f"file://{source}", folder.name)
    lose_a_commit(folder)


def lose_a_commit(folder: Path) -> None:
    for index in (folder / ".git/objects/pack").glob("*"):
        index.unlink()
    for file in (folder / ".git/objects").glob("??/*"):
        if file.parent.name + file.name == git(folder, "rev-parse", "HEAD~1"):
            file.unlink()
            break


def borrow(folder: Path) -> None:
    source = folder.rename(folder.with_name("source"))
    git(folder.parent, "clone", "-q", "--shared", str(source), folder.name)


def link_git(folder: Path) -> None:
    (folder / ".git").rename(folder.with_name("hidden"))
    (folder / ".git").symlink_to(folder.with_name("hidden"))


def link_objects(folder: Path) -> None:
    (folder / ".git/objects").rename(folder.with_name("hidden"))
    (folder / ".git/objects").symlink_to(folder.with_name("hidden"))


def link_ref(folder: Path) -> None:
    (folder / ".git/refs/heads/main").rename(folder.with_name("hidden"))
    (folder / ".git/refs/heads/main").symlink_to(folder.with_name("hidden"))


def pipe_head(folder: Path) -> None:
    (folder / ".git/HEAD").unlink()
    os.mkfifo(folder / ".git/HEAD")


def pipe_git(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    os.mkfifo(folder / ".git")


def endless_head(folder: Path) -> None:
    (folder / ".git/HEAD").unlink()
    (folder / ".git/HEAD").symlink_to("/dev/zero")


def huge_head(folder: Path) -> None:
    with (folder / ".git/HEAD").open("ab") as file:
        file.truncate(1 << 30)


def head_outside(folder: Path) -> None:
    folder.with_name("secret").write_text("0123456789" * 4)
    (folder / ".git/HEAD").write_text("ref: refs/heads/../../../../secret\n")


def head_of_itself(folder: Path) -> None:
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git/refs/heads/main").write_text("ref: refs/heads/main\n")


def break_a_commit(folder: Path) -> None:
    first = first_commit(folder)
    path = folder / ".git/objects" / first[:2] / first[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-9])


def exchange_a_commit(folder: Path) -> None:
    """A commit under the id of another one, for example in a cycle."""
    first, head = first_commit(folder), git(folder, "rev-parse", "HEAD")
    path = folder / ".git/objects" / first[:2] / first[2:]
    path.chmod(0o600)
    shutil.copyfile(folder / ".git/objects" / head[:2] / head[2:], path)


def break_a_pack(folder: Path) -> None:
    git(folder, "gc", "-q")
    (pack,) = (folder / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    data[12:60] = bytes(48)
    pack.write_bytes(data)


def shorten_a_pack(folder: Path) -> None:
    git(folder, "gc", "-q")
    (pack,) = (folder / ".git/objects/pack").glob("*.pack")
    os.truncate(pack, 20)


def break_an_index(folder: Path) -> None:
    git(folder, "gc", "-q")
    (index,) = (folder / ".git/objects/pack").glob("*.idx")
    index.chmod(0o600)
    index.write_bytes(index.read_bytes()[:900])


def too_large(folder: Path, *, packed: bool = False) -> None:
    """A first commit whose message is too long to be one: compressed it is small."""
    for name in git(folder, "for-each-ref", "--format=%(refname)").split():
        git(folder, "update-ref", "-d", name)
    message = folder.parent / "message"
    message.write_bytes(b"x" * (2 << 20))
    git(folder, "commit", "-q", "--allow-empty", "-F", str(message))
    if packed:
        git(folder, "gc", "-q", "--prune=now")


def too_large_in_a_pack(folder: Path) -> None:
    too_large(folder, packed=True)


def no_commit_yet(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    git(folder, "init", "-q")


def no_git(folder: Path) -> None:
    shutil.rmtree(folder / ".git")


def other_hash(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    git(folder, "init", "-q", "--object-format=sha256")
    commit(folder, "first")


def submodule(folder: Path) -> None:
    """Its history is kept in another repository's folder, outside of what is watched."""
    source = folder.rename(folder.with_name("source"))
    outer = make_repository(folder.with_name("outer"), "first")
    git(outer, "submodule", "--quiet", "add", str(source), "shop")
    (outer / "shop").rename(folder)


@pytest.mark.parametrize(
    "spoil",
    [
        cut_off,
        partial,
        lose_a_commit,
        borrow,
        link_git,
        link_objects,
        link_ref,
        pipe_head,
        pipe_git,
        endless_head,
        huge_head,
        head_outside,
        head_of_itself,
        break_a_commit,
        exchange_a_commit,
        break_a_pack,
        shorten_a_pack,
        break_an_index,
        too_large,
        too_large_in_a_pack,
        no_commit_yet,
        no_git,
        other_hash,
        submodule,
    ],
)
def test_it_is_unknown_where_it_cannot_be_told(repository: Path, spoil: Callable[[Path], None]) -> None:
    """At once, and whatever stands there instead of a repository."""
    spoil(repository)
    assert origin_of(repository) == UNKNOWN


def test_a_folder_that_is_gone_has_none(tmp_path: Path) -> None:
    """Nor a file in its place."""
    (tmp_path / "file").touch()
    assert origin_of(tmp_path / "nowhere") == origin_of(tmp_path / "file") == UNKNOWN


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
