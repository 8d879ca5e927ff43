"""Reads Claude Code's settings from JSON, and writes them back in their own style."""

from __future__ import annotations

import json
import re
from typing import Any

from mem0_syncd.agents.claude.hook_settings import Document, with_hooks, without_hooks

_INDENT = re.compile(r"\n([ \t]+)\S")
_BYTE_ORDER_MARK = "\ufeff"


def parse(text: str) -> Document:
    """Settings from their text, which may be empty; raises `ValueError` or `RecursionError`."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        return {}
    document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    if not isinstance(document, dict):
        raise ValueError("the settings aren't an object")  # noqa: TRY004 - it is the file that is wrong
    return document


def _object(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{json.dumps(twice)} is there twice in one object")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} isn't JSON")


def spell(document: Document, like: str) -> str:
    """A document as JSON in the style of the text that it comes from: indentation, escapes, line ends."""
    indent = _INDENT.search(like)
    # Lone surrogates can only be written as escapes.
    escapes = like.isascii() or "\\ud" in like.lower()
    text = json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=escapes, allow_nan=False)
    text += "\n" if like.endswith("\n") or not like else ""
    text = text.replace("\n", "\r\n") if "\r\n" in like else text
    return _BYTE_ORDER_MARK + text if like.startswith(_BYTE_ORDER_MARK) else text


def says_the_same(original: str, wanted: Document) -> bool:
    """Whether the settings are what they were, except for empty lists at our events."""
    try:
        bare = without_hooks(with_hooks(parse(original), "mem0-syncd hook"))
    except (ValueError, RecursionError):
        return False
    return json.dumps(bare) == json.dumps(wanted)
