"""A repository's first commit, from git's own files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from mem0_syncd.repository_origin.commits import Commits, UnknownHistory
from mem0_syncd.system.regular_file import read_all
from mem0_syncd.system.untrusted_folder import UntrustedFolder

MOST_COMMITS = 1_000_000
"""Commits from the newest to the first; the reader's time is mostly over sooner."""

_LARGEST_REF = 4096
_LARGEST_PACKED_REFS = 64 * 1024 * 1024
_MOST_LINKS = 5

_ID = re.compile(rb"[0-9a-f]{40}")
_REF = re.compile(rb"refs(/(?!\.{1,2}(/|$))[^/\x00-\x1f]+)+")


def first_commit(root: Path, trusted: Iterable[Path] = ()) -> str:
    """The id of the commit at the end of all first parents of what is checked out in a main work tree.

    Raises `UnknownHistory`, or any error that bytes which git hasn't written can cause.
    """
    with UntrustedFolder(root, trusted=trusted) as folder:
        # A linked work tree's `.git`, or a submodule's, is a file that names a folder elsewhere.
        if not folder.is_folder(".git"):
            raise UnknownHistory("it isn't a main work tree")
        if folder.stat(".git/shallow") is not None:
            raise UnknownHistory("its history is cut off")
        with closing(Commits(folder)) as commits:
            commit = _head(folder)
            for _ in range(MOST_COMMITS):
                parent = commits.first_parent(commit)
                if parent is None:
                    return commit.decode()
                commit = parent
    raise UnknownHistory("its history is too long")


def _head(folder: UntrustedFolder) -> bytes:
    """The commit that is checked out."""
    said = folder.read(".git/HEAD", _LARGEST_REF).strip()
    for _ in range(_MOST_LINKS):
        if _ID.fullmatch(said):
            return said
        name = said.removeprefix(b"ref:").strip()
        if name == said or not _REF.fullmatch(name):
            raise UnknownHistory("HEAD says nothing that is known")
        said = _ref(folder, name)
    raise UnknownHistory("HEAD leads nowhere")


def _ref(folder: UntrustedFolder, name: bytes) -> bytes:
    try:
        return folder.read(f".git/{os.fsdecode(name)}", _LARGEST_REF).strip()
    except (FileNotFoundError, NotADirectoryError):
        pass
    with folder.open(".git/packed-refs") as file:
        for line in read_all(file, _LARGEST_PACKED_REFS).splitlines():
            said, _, about = line.partition(b" ")
            if about == name:
                return said
    raise UnknownHistory("nothing is committed yet")
