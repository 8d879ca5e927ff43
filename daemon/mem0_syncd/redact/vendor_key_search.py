"""Keys by their own form, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from mem0_syncd.redact.finding import Finding, tokens
from mem0_syncd.redact.heuristics import is_long_token, is_stand_in
from mem0_syncd.redact.long_words import only_long_words
from mem0_syncd.redact.vendor_key_table import MARKED_KEYS, VENDOR_KEYS

KINDS = {row[0] for row in (*VENDOR_KEYS, *MARKED_KEYS)}

_LONG_PREFIX = 5
_BEFORE = {":AA": r"\d{8,10}", "atlasv1.": ""}  # Telegram: the bot's id
_LONGEST_BEFORE = 100
_MANY = 500
_ROWS: dict[str, list[tuple[str, str, str]]] = {}
for _row in VENDOR_KEYS:
    _ROWS.setdefault(_row[1][:2], []).append(_row)


def vendor_keys(text: str) -> Iterator[Finding]:
    """The keys with a vendor's prefix."""
    words = only_long_words(text)
    if not words:
        return
    for kind, prefix, body in _candidates(words):
        if prefix in words:
            yield from tokens(kind, _prefixed(prefix, body), text, is_long_token)


def marked_keys(text: str) -> Iterator[Finding]:
    """The keys with a vendor's mark within them, or at their end."""
    words = only_long_words(text)
    for kind, mark, before, behind in MARKED_KEYS:
        if mark not in words:
            continue
        head = _head(before)
        for match in _marked(mark, behind).finditer(text):
            # What stands before is searched in a window, so that a long text costs no more.
            begun = head.search(text, max(0, match.start() - _LONGEST_BEFORE), match.start())
            if begun and not is_stand_in(text[begun.start() : match.end()]):
                yield Finding(kind, begun.start(), match.end())


def _candidates(words: str) -> Iterable[tuple[str, str, str]]:
    """The rows whose prefix may be in some words, by its first two letters; all, for many words."""
    if len(words) > _MANY:
        return VENDOR_KEYS
    pairs = {words[at : at + 2] for at in range(len(words) - 1)}
    return [row for pair in pairs & _ROWS.keys() for row in _ROWS[pair]]


@cache
def _prefixed(prefix: str, body: str) -> re.Pattern[str]:
    literal = re.escape(prefix)
    if prefix in _BEFORE or len(prefix) > _LONG_PREFIX:
        return re.compile(_BEFORE.get(prefix, "") + literal + body, re.ASCII)
    # A short prefix may end a word, `task-` or `shelf_`; in JSON that is not parsed, a `\n` may stand before
    # it. That is looked up behind the prefix, because `re` is fast to find what starts with a literal.
    return re.compile(rf"{literal}(?:(?<![A-Za-z0-9]{literal})|(?<=\\[nrt]{literal})){body}", re.ASCII)


@cache
def _marked(mark: str, behind: str) -> re.Pattern[str]:
    return re.compile(re.escape(mark) + behind, re.ASCII)


@cache
def _head(before: str) -> re.Pattern[str]:
    return re.compile(rf"{before}$", re.ASCII)
