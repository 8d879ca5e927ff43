"""Claude Code's side: the hooks in its settings and the `/mem0-sync` command, put in and taken out again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from mem0_syncd.errors import SyncdError

EVENTS = ("SessionEnd", "PreCompact", "Stop")
SETTINGS, COMMAND = "settings.json", "commands/mem0-sync.md"
BACKUP = "settings.json.bak-mem0-syncd"

# A hook takes a tenth of a second. But those of SessionEnd share 1.5 s, unless one asks for more.
_TIMEOUT_SECONDS = 10
_INDENT = re.compile(r"\n([ \t]+)\S")
_BYTE_ORDER_MARK = "\ufeff"

COMMAND_TEXT = """\
---
description: Deliver this machine's decisions, patterns and session notes to Mem0 now
allowed-tools: Bash(mem0-syncd:*)
---

Run `mem0-syncd sync`. It delivers what waits, and prints a line for each kind: delivered/all.

Report those lines. If it fails, run `mem0-syncd status` as well, and pass on what it says is wrong and the
command that it names as the remedy. Don't run that command unasked.
"""

Document = dict[str, Any]


def user_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of Claude Code's settings for all projects of this user."""
    return Path(environ.get("CLAUDE_CONFIG_DIR") or "~/.claude").expanduser()


def hook_command() -> str:
    """What the hooks run, from whatever folder."""
    script = Path(sys.executable).parent / "mem0-syncd"
    words = [str(script)] if script.is_file() else [sys.executable, "-m", "mem0_syncd"]
    return shlex.join([*words, "hook"])


def install(folder: Path, command: str) -> list[str]:
    """Add our hooks and `/mem0-sync` to a `.claude` folder; returns what was done, a line each.

    Raises `SyncdError`, with nothing changed, where the settings can't be understood or written.
    """
    return [_install_hooks(folder, command), _install_command(folder)]


def uninstall(folder: Path) -> list[str]:
    """Take out what `install` put in, and nothing else; returns what was done, a line each."""
    done = [_uninstall_hooks(folder), _uninstall_command(folder)]
    for empty in (folder / COMMAND).parent, folder:
        with contextlib.suppress(OSError):
            empty.rmdir()
    return done


def missing_events(folder: Path) -> list[str]:
    """The events at which a `.claude` folder's settings don't call us; raises `SyncdError`."""
    path = folder / SETTINGS
    try:
        hooks = _parse(_read(path) or "").get("hooks")
    except (ValueError, RecursionError) as error:
        raise _not_understood(path, error) from None
    hooks = hooks if isinstance(hooks, dict) else {}
    return [event for event in EVENTS if not any(map(_has_ours, hooks.get(event) or ()))]


def with_hooks(document: Document, command: str) -> Document:
    """Settings with our hook at each of its events, once; raises `ValueError` where they have no place."""
    document = deepcopy(document)
    hooks = _place(document, "hooks", {})
    for event in EVENTS:
        groups = _place(hooks, event, [])
        ours = [hook for group in groups for hook in _hooks_of(group) if _is_ours(hook)]
        for hook in ours:
            if _words_before(hook) == []:  # What a person put before it stays.
                hook["command"] = command
        if not ours:
            entry = {"type": "command", "command": command, "timeout": _TIMEOUT_SECONDS}
            groups.append({"hooks": [entry]})
    return document


def without_hooks(document: Document) -> Document:
    """Settings without our hooks, nor what only held them."""
    document = deepcopy(document)
    hooks = document.get("hooks")
    if not isinstance(hooks, dict):
        return document
    ours = [
        event for event, groups in hooks.items() if isinstance(groups, list) and any(map(_has_ours, groups))
    ]
    for event in ours:
        for group in filter(_has_ours, hooks[event]):
            group["hooks"] = [hook for hook in group["hooks"] if not _is_ours(hook)]
        hooks[event] = [group for group in hooks[event] if group != {"hooks": []}]
        if not hooks[event]:
            del hooks[event]
    if ours and not hooks:
        del document["hooks"]
    return document


def _place(parent: Document, name: str, empty: Any) -> Any:
    value = parent.setdefault(name, empty)
    if type(value) is not type(empty):
        raise ValueError(f"{json.dumps(name)} is no {'object' if empty == {} else 'array'}")
    return value


def _hooks_of(group: object) -> Iterator[Any]:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    yield from hooks if isinstance(hooks, list) else []


def _has_ours(group: object) -> bool:
    return any(map(_is_ours, _hooks_of(group)))


def _is_ours(hook: object) -> bool:
    return _words_before(hook) is not None


def _words_before(hook: object) -> list[str] | None:
    """What a hook's command says before it comes to ours; None where it is another one."""
    command = hook.get("command") if isinstance(hook, dict) else None
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return None
    match words:
        case [*before, _, "-m", "mem0_syncd", "hook"]:
            return before
        case [*before, program, "hook"] if Path(program).name == "mem0-syncd":
            return before
    return None


def _install_hooks(folder: Path, command: str) -> str:
    path = folder / SETTINGS
    before = _read(path)
    try:
        document = _parse(before or "")
        wanted = with_hooks(document, command)
        after = _spell(wanted, before or "")
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
        document = _parse(before or "")
        wanted = without_hooks(document)
        after = _spell(wanted, before or "")
    except (ValueError, RecursionError) as error:
        raise _not_understood(path, error) from None
    if wanted == document:
        return f"{path}: no hooks of mem0-syncd"
    original = _read(backup)
    if original is None and not wanted:
        Path(os.path.realpath(path)).unlink()
    elif original is not None and _says_the_same(original, wanted):
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
    return f"{path}: " + ("it is there" if there == COMMAND_TEXT else "left alone, somebody else wrote it")


def _uninstall_command(folder: Path) -> str:
    path = folder / COMMAND
    there = _read(path)
    if there == COMMAND_TEXT:
        path.unlink()
        return f"{path}: taken out"
    return f"{path}: " + ("left alone, it was changed" if there else "not there")


def _parse(text: str) -> Document:
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        return {}
    document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    if not isinstance(document, dict):
        raise ValueError("the settings are no object")  # noqa: TRY004 - it is the file that is wrong
    return document


def _object(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{json.dumps(twice)} is there twice in one object")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _spell(document: Document, like: str) -> str:
    """A document as JSON, spelled as the text that it comes from: indentation, escapes, line ends."""
    indent = _INDENT.search(like)
    # Lone surrogates can only be written as escapes.
    escapes = like.isascii() or "\\ud" in like.lower()
    text = json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=escapes, allow_nan=False)
    text += "\n" if like.endswith("\n") or not like else ""
    text = text.replace("\n", "\r\n") if "\r\n" in like else text
    return _BYTE_ORDER_MARK + text if like.startswith(_BYTE_ORDER_MARK) else text


def _says_the_same(original: str, wanted: Document) -> bool:
    """Whether the settings are again what they were, but for what is empty at our events."""
    try:
        bare = without_hooks(with_hooks(_parse(original), "mem0-syncd hook"))
    except (ValueError, RecursionError):
        return False
    return json.dumps(bare) == json.dumps(wanted)


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
        remedy="mend the file there and run this again; nothing was changed",
    )


def _replace(path: Path, text: str, *, like: Path) -> None:
    """Write a file atomically, with another one's permissions; behind a link, the file that it names."""
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = like.stat().st_mode & 0o777 if like.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.tmp.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, mode)
                file.write(text.encode())
                file.flush()
                os.fsync(handle)
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise SyncdError(
            f"can't be written: {error.strerror}", where=str(path), remedy="make its folder writable"
        ) from None
