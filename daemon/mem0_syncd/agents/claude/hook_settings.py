"""Claude Code's settings with our hooks and without them, as values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

EVENTS = ("SessionEnd", "PreCompact", "Stop")

# A hook takes a tenth of a second. But those of SessionEnd share 1.5 s, unless one asks for more.
_TIMEOUT_SECONDS = 10

Document = dict[str, Any]


def with_hooks(document: Document, command: str) -> Document:
    """Settings with our hook at each of its events, once; raises `ValueError` if there is no place for it."""
    document = deepcopy(document)
    hooks = _place(document, "hooks", {})
    for event in EVENTS:
        groups = _place(hooks, event, [])
        ours = [hook for group in groups for hook in _hooks_of(group) if _is_ours(hook)]
        for hook in ours:
            if _words_before(hook) == []:  # A person's own entries before ours stay.
                hook["command"] = command
        if not ours:
            entry = {"type": "command", "command": command, "timeout": _TIMEOUT_SECONDS}
            groups.append({"hooks": [entry]})
    return document


def without_hooks(document: Document) -> Document:
    """Settings without our hooks, and without the lists that held only them."""
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


def events_without(document: Document) -> list[str]:
    """The events at which the settings don't run our hook."""
    hooks = document.get("hooks")
    groups = {event: hooks.get(event) if isinstance(hooks, dict) else None for event in EVENTS}
    return [
        event for event, its in groups.items() if not (isinstance(its, list) and any(map(_has_ours, its)))
    ]


def _place(parent: Document, name: str, empty: Any) -> Any:
    value = parent.setdefault(name, empty)
    if type(value) is not type(empty):
        raise ValueError(f"{json.dumps(name)} isn't an {'object' if empty == {} else 'array'}")
    return value


def _hooks_of(group: object) -> Iterator[Any]:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    yield from hooks if isinstance(hooks, list) else []


def _has_ours(group: object) -> bool:
    return any(map(_is_ours, _hooks_of(group)))


def _is_ours(hook: object) -> bool:
    return _words_before(hook) is not None


def _words_before(hook: object) -> list[str] | None:
    """The words of a hook's command before ours; None if it is another command."""
    command = hook.get("command") if isinstance(hook, dict) else None
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return None
    match words:
        case [*before, _, "-P", "-m", "mem0_syncd", "hook"] | [*before, _, "-m", "mem0_syncd", "hook"]:
            return before
        case [*before, program, "hook"] if Path(program).name == "mem0-syncd":
            return before
    return None
