"""A repository's first commit, from git's own files."""

from __future__ import annotations

import re

from mem0_syncd.history.commits import Commits, Unknown
from mem0_syncd.history.handles import Folder

MOST_COMMITS = 1_000_000
"""Commits from the newest to the first; the reader's time is mostly shorter."""

_LARGEST_REF = 4096
_LARGEST_PACKED_REFS = 64 * 1024 * 1024
_MOST_LINKS = 5

_ID = re.compile(rb"[0-9a-f]{40}")
_REF = re.compile(rb"refs(/(?!\.{1,2}(/|$))[^/\x00-\x1f]+)+")


def first_commit(folder: bytes) -> str:
    """The id of the commit at the end of all first parents of what is checked out in a main work tree.

    Raises `Unknown`, or whatever comes of bytes that no git has written.
    """
    git = Folder.at(folder).folder(b".git")
    if git.has(b"shallow"):
        raise Unknown("its history is cut off")
    commits = Commits(git.folder(b"objects"))
    commit = _head(git)
    for _ in range(MOST_COMMITS):
        parent = commits.first_parent(commit)
        if parent is None:
            return commit.decode()
        commit = parent
    raise Unknown("its history is too long")


def _head(git: Folder) -> bytes:
    """The commit that is checked out."""
    said = git.read(b"HEAD", _LARGEST_REF).strip()
    for _ in range(_MOST_LINKS):
        if _ID.fullmatch(said):
            return said
        name = said.removeprefix(b"ref:").strip()
        if name == said or not _REF.fullmatch(name):
            raise Unknown("HEAD says nothing that is known")
        said = _ref(git, name)
    raise Unknown("HEAD leads nowhere")


def _ref(git: Folder, name: bytes) -> bytes:
    try:
        return git.read(name, _LARGEST_REF).strip()
    except (FileNotFoundError, NotADirectoryError):
        pass
    with git.open(b"packed-refs", _LARGEST_PACKED_REFS) as file:
        for line in file:
            said, _, about = line.rstrip(b"\n").partition(b" ")
            if about == name:
                return said
    raise Unknown("nothing is committed yet")
