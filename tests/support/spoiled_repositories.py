"""Ways to spoil a repository, so that its first commit can't be told; each does it to one in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from support.repositories import commit, first_commit, git, make_repository


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


SPOILERS: tuple[Callable[[Path], None], ...] = (
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
)
