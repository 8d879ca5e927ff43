"""What git's own files say of a folder, without starting git."""

from __future__ import annotations

from pathlib import Path


def main_tree(folder: Path) -> Path | None:
    """The main work tree, where a folder is the root of a linked one; None for every other folder.

    A linked work tree has a file `.git` that names its own folder below the main one's
    `.git/worktrees`, and that folder a file `commondir` (gitrepository-layout(5)). A bare repository has
    no main work tree.
    """
    try:
        said = (folder / ".git").read_text(encoding="utf-8")
        if not said.startswith("gitdir:"):
            return None
        own = folder / said.removeprefix("gitdir:").strip()
        common = (own / (own / "commondir").read_text(encoding="utf-8").strip()).resolve()
    except (OSError, UnicodeDecodeError):
        return None
    return common.parent if common.name == ".git" else None
