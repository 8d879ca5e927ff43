"""Reads git's own files. git itself is never started, for a repository may name commands to run.

A `.git` that names another folder is a claim: it counts if the other folder says the same.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import LONGEST_SETTINGS, UntrustedFolder, above
from mem0_syncd.system.untrusted_walk import is_below


@dataclass(frozen=True, slots=True)
class Repository:
    """Where git keeps the data of a work tree.

    `own` (its index, its HEAD) and `common` (objects and refs of all its work trees) are names in the folder
    `root`, which is read as a watched folder is.
    """

    tree: Path
    root: Path
    own: str
    common: str


@dataclass(frozen=True, slots=True)
class WorktreeClaim:
    """That a folder is a linked work tree of another; `problem` says why that isn't believed, if it isn't."""

    main: Path
    name: str
    problem: Problem | None


def main_tree(folder: Path, *, trusted: Iterable[Path] = ()) -> Path | None:
    """The main work tree of a folder that is the root of a linked one; None for every other folder.

    A bare repository has no main work tree. Raises `OSError` if file handles run out.
    """
    claim = claim_of(folder, trusted=trusted)
    return claim.main if claim and not claim.problem else None


def claim_of(
    folder: Path, *, trusted: Iterable[Path] = (), opened: UntrustedFolder | None = None
) -> WorktreeClaim | None:
    """The main work tree that a folder's `.git` names, and whether that one says the same.

    A linked work tree has a file `.git` that names its own folder below the main one's `.git/worktrees`. That
    folder has a file `gitdir` that names the former file (gitrepository-layout(5)). `opened` is the folder,
    if it is open already. Raises `OSError` if file handles run out.
    """
    trusted = tuple(trusted)
    own = _pointed_to(opened or UntrustedFolder(folder, trusted=trusted))
    return _claim(folder, own, trusted) if own else None


def repository_of(
    folder: Path, *, trusted: Iterable[Path] = (), opened: UntrustedFolder | None = None
) -> Repository | None:
    """The repository whose work tree a folder is in; None without one, or if its claim isn't believed.

    `opened` is the folder, if it is open already. Raises `OSError` if file handles run out.
    """
    trusted = tuple(trusted)
    for tree in above(folder, trusted=trusted):
        try:
            with opened if opened and tree == folder else UntrustedFolder(tree, trusted=trusted) as at:
                if at.stat(".git/HEAD"):
                    return Repository(tree, tree, ".git", ".git")
                if at.is_folder(".git") or not at.is_there(".git"):
                    continue
                own = _pointed_to(at)
        except (RefusedFile, OSError) as error:
            if is_want_of_handles(error):
                raise
            return None
        return _elsewhere(tree, own, trusted) if own else None
    return None


def _elsewhere(tree: Path, own: Path, trusted: tuple[Path, ...]) -> Repository | None:
    """The repository that a file `.git` names, if that is believed."""
    if claim := _claim(tree, own, trusted):
        worktree = Repository(tree, claim.main / ".git", f"worktrees/{claim.name}", ".")
        return None if claim.problem else worktree
    if is_below(str(own), str(tree)):
        name = own.relative_to(tree).as_posix()
        return Repository(tree, tree, name, name)
    outer = repository_of(tree.parent, trusted=trusted)
    is_submodule = outer is not None and is_below(str(own), str(outer.root / outer.own / "modules"))
    if is_submodule or UntrustedFolder(own, trusted=trusted).is_trusted:
        return Repository(tree, own, ".", ".")
    return None


def _pointed_to(folder: UntrustedFolder) -> Path | None:
    """Git's own folder of a work tree, if a file in its place names it."""
    said = _said(folder, ".git")
    if not said or not said.startswith("gitdir:"):
        return None
    return _path(folder.root, said.removeprefix("gitdir:"))


def _claim(tree: Path, own: Path, trusted: tuple[Path, ...]) -> WorktreeClaim | None:
    """The claim that follows from where git's own folder of a tree is said to be."""
    if (own.parent.name, own.parent.parent.name) != ("worktrees", ".git"):
        return None
    main = own.parents[2]
    named = _named_by(UntrustedFolder(main / ".git", trusted=trusted), own)
    problem = None
    if named is None or not _is_same(named, tree / ".git", trusted):
        problem = Problem(
            f"it says that it is a work tree of {main}, which doesn't say so: it is a project of its own",
            str(tree / ".git"),
            f"if it is one: git -C {main} worktree repair {tree}, and have it watched again",
        )
    return WorktreeClaim(main, own.name, problem)


def _named_by(main: UntrustedFolder, own: Path) -> Path | None:
    """The `.git` file that git's folder of a main tree names as that of a linked one."""
    common = _said(main, f"worktrees/{own.name}/commondir")
    back = _said(main, f"worktrees/{own.name}/gitdir")
    if not common or not back or _path(own, common) != main.root:
        return None
    return _path(own, back)


def _said(folder: UntrustedFolder, name: str) -> str | None:
    """The contents of one of git's small files; None if it is missing, or may not be read."""
    try:
        said = folder.read(name, LONGEST_SETTINGS).decode()
    except (RefusedFile, OSError, UnicodeDecodeError) as error:
        if is_want_of_handles(error):
            raise
        return None
    return None if "\0" in said else said


def _path(folder: Path, said: str) -> Path:
    """A path in git's files: absolute, or relative to the folder of the file."""
    return Path(os.path.normpath(folder / said.strip()))


def _is_same(named: Path, there: Path, trusted: tuple[Path, ...]) -> bool:
    """Whether two paths are one file's; some file systems don't tell upper case and lower case apart."""
    if named == there:
        return True
    if _folded(named) != _folded(there):
        return False
    try:
        one, other = (UntrustedFolder(it.parent, trusted=trusted).stat(it.name) for it in (named, there))
    except (RefusedFile, OSError):
        return False
    return one is not None and other is not None and os.path.samestat(one, other)


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
