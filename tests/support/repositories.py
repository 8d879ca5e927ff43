"""Git repositories, made by git itself, for tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_WHO = {
    f"GIT_{who}_{what}": "dev@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """What git prints in a folder; none of the user's own configuration counts, and no hook of theirs."""
    environment = {
        **os.environ,
        **_WHO,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, input=stdin
    )
    return done.stdout.decode(errors="replace").strip()


def make_repository(folder: Path, *messages: str) -> Path:
    """A repository with an empty commit for each message; of one folder's name each has another history."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    for message in messages:
        commit(folder, message)
    return folder


def commit(folder: Path, message: str) -> str:
    """An empty commit; returns its id."""
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def first_commit(folder: Path) -> str:
    """The commit at the end of all first parents, as git tells it."""
    return git(folder, "rev-list", "--first-parent", "--max-parents=0", "HEAD")


def import_commits(folder: Path, count: int) -> None:
    """Make a long history on `main` at once."""
    git(folder, "fast-import", "--quiet", stdin=b"".join(_commits(count)))


def _commits(count: int) -> Iterator[bytes]:
    for number in range(count):
        message = f"change {number}".encode()
        yield b"commit refs/heads/main\ncommitter dev <dev@example.com> %d +0000\n" % (1_700_000_000 + number)
        yield b"data %d\n%s\n" % (len(message), message)
