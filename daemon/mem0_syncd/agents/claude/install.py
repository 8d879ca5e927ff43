"""Installs our hooks and our command in a `.claude` folder, and removes them; every other byte stays."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from mem0_syncd.agents.claude.hook_settings import EVENTS, events_without, with_hooks, without_hooks
from mem0_syncd.agents.claude.json_style import parse, says_the_same, spell
from mem0_syncd.errors import SyncdError
from mem0_syncd.system.atomic_file import write_text
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import LONGEST_SETTINGS, UntrustedFolder

SETTINGS, COMMAND = "settings.json", "commands/mem0-sync.md"
BACKUP = "settings.json.bak-mem0-syncd"

_INSTEAD = "put a file of your own there; or have all projects call us: mem0-syncd claude install"

COMMAND_TEXT = """\
---
description: Deliver this machine's decisions, patterns and session notes to Mem0 now
allowed-tools: Bash(mem0-syncd:*)
---

Run `mem0-syncd sync`. It delivers what waits, and prints a line for each kind: delivered/all.

Report those lines. If it fails, run `mem0-syncd status` as well, and pass on what it says is wrong and the
command that it names as the remedy. Don't run that command unasked.
"""


def user_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of Claude Code's settings for all projects of this user."""
    return Path(environ.get("CLAUDE_CONFIG_DIR") or "~/.claude").expanduser()


def hook_command() -> str:
    """The command that the hooks run, from any folder."""
    script = Path(sys.executable).parent / "mem0-syncd"
    # A session's folder may hold any file: without -P its modules would come before Python's own.
    words = [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "mem0_syncd"]
    return shlex.join([*words, "hook"])


def install(folder: Path, command: str, *, project: Path | None = None) -> list[str]:
    """Add our hooks and `/mem0-sync` to a `.claude` folder; returns what was done, a line each.

    In a project's folder, no link is followed that leaves the `project`; in a user's, links are the user's
    own. Raises `SyncdError`, with nothing changed, if the settings can't be understood or written.
    """
    _refuse_what_leaves(folder, project)
    return [_install_hooks(folder, command), _install_command(folder)]


def uninstall(folder: Path, *, project: Path | None = None) -> list[str]:
    """Remove what `install` added, and nothing else; returns what was done, a line each.

    Raises `SyncdError` as `install` does.
    """
    _refuse_what_leaves(folder, project)
    done = [_uninstall_hooks(folder), _uninstall_command(folder)]
    for empty in (folder / COMMAND).parent, folder:
        with contextlib.suppress(OSError):
            empty.rmdir()
    return done


def missing_events(folder: Path) -> list[str]:
    """The events at which a `.claude` folder's settings don't run our hook; raises `SyncdError`."""
    path = folder / SETTINGS
    try:
        return events_without(parse(_read(path) or ""))
    except (ValueError, RecursionError) as error:
        raise _not_understood(path, error) from None


def _refuse_what_leaves(folder: Path, project: Path | None) -> None:
    if project is None:
        return
    watched = UntrustedFolder(project)
    for name in (SETTINGS, BACKUP, COMMAND):
        path = folder / name
        try:
            found = watched.stat(path.relative_to(project).as_posix())
        except RefusedFile as error:
            raise SyncdError(error.what, where=str(path), remedy=_INSTEAD) from None
        if found is not None and found.st_size > LONGEST_SETTINGS:
            what = f"it is longer than {LONGEST_SETTINGS >> 10} KiB"
            raise SyncdError(what, where=str(path), remedy=_INSTEAD)


def _install_hooks(folder: Path, command: str) -> str:
    path = folder / SETTINGS
    before = _read(path)
    try:
        document = parse(before or "")
        wanted = with_hooks(document, command)
        after = spell(wanted, before or "")
    except (ValueError, RecursionError) as error:
        raise _not_understood(path, error) from None
    if wanted == document:
        return f"{path}: the hooks are there"
    if before is not None and without_hooks(document) == document:
        _replace(folder / BACKUP, before, like=path)
    _replace(path, after, like=path)
    return f"{path}: hooks for {', '.join(EVENTS)}"


def _uninstall_hooks(folder: Path) -> str:
    path, backup = folder / SETTINGS, folder / BACKUP
    before = _read(path)
    try:
        document = parse(before or "")
        wanted = without_hooks(document)
        after = spell(wanted, before or "")
    except (ValueError, RecursionError) as error:
        raise _not_understood(path, error) from None
    if wanted == document:
        return f"{path}: no hooks of mem0-syncd"
    original = _read(backup)
    if original is None and not wanted:
        Path(os.path.realpath(path)).unlink()
    elif original is not None and says_the_same(original, wanted):
        # Its own spelling comes back too, and the empty lists that were there before.
        _replace(path, original, like=path)
    else:
        _replace(path, after, like=path)
    backup.unlink(missing_ok=True)
    return f"{path}: hooks taken out"


def _install_command(folder: Path) -> str:
    path = folder / COMMAND
    there = _read(path)
    if there is None:
        _replace(path, COMMAND_TEXT, like=path)
        return f"{path}: the /mem0-sync command"
    return f"{path}: " + ("it is there" if there == COMMAND_TEXT else "left alone, it isn't ours")


def _uninstall_command(folder: Path) -> str:
    path = folder / COMMAND
    there = _read(path)
    if there == COMMAND_TEXT:
        path.unlink()
        return f"{path}: taken out"
    return f"{path}: " + ("left alone, it was changed" if there else "not there")


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise _not_understood(path, ValueError(f"invalid UTF-8 at byte {error.start}")) from None
    except OSError as error:
        raise SyncdError(
            f"can't be read: {error.strerror}", where=str(path), remedy="check its owner and permissions"
        ) from None


def _not_understood(path: Path, error: ValueError | RecursionError) -> SyncdError:
    place = f", line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
    what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return SyncdError(
        f"these settings of Claude Code can't be changed: {what}",
        where=f"{path}{place}",
        remedy="correct the file there and run this again; nothing was changed",
    )


def _replace(path: Path, text: str, *, like: Path) -> None:
    """Write a file with another one's permissions."""
    write_text(path, text, mode=like.stat().st_mode & 0o777 if like.exists() else 0o644)
