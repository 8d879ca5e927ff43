"""The long words of a text, found once for all detectors; without one a text holds no key."""

from __future__ import annotations

import re
import string
from functools import lru_cache

_LONG = re.compile(r"""[^\s"'`,;()<>\[\]{}]{15,}+""")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@lru_cache(maxsize=2)
def long_words(text: str) -> tuple[tuple[int, int], ...]:
    """Where the words are that are long enough for a key."""
    return tuple(match.span() for match in _LONG.finditer(text))


@lru_cache(maxsize=2)
def only_long_words(text: str) -> str:
    """Those words alone, one on a line: every key begins in one of them."""
    return "\n".join([text[start:end] for start, end in long_words(text)])


@lru_cache(maxsize=2)
def lowered(text: str) -> str:
    """The text in small letters, with the same positions."""
    return text.translate(_LOWER)
