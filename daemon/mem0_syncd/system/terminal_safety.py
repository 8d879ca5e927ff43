r"""Foreign text made harmless for a terminal: what would act, hide or forge is shown as an escape.

The escapes are those of Python and JSON: `\n`, `\x1b`, `\u202e`, `\U000e0041`. Ordinary letters, accents and
emoji of every script stay as they are. It is for eyes, and not to be read back: `--json` is for that.
"""

from __future__ import annotations

import re

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_ACTS = (
    "\x00-\x1f\x7f-\x9f"  # C0 with ESC, DEL, C1
    "\u2028\u2029"  # ends of lines
    "\ud800-\udfff"  # half a character, or a byte of a path that isn't UTF-8
    "\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
)
"""What a terminal obeys, and what isn't a character at all."""

_HIDES = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What can't be seen, and what turns the direction of the letters around it."""

_STACKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_MOST_STACKED = 4
"""Accents on one letter, above which they cover the lines around it."""

_SUSPECT = re.compile(f"[{_ACTS}{_HIDES}]|(?<=[{_STACKS}]{{{_MOST_STACKED}}})[{_STACKS}]+")
_JOINERS = {"\u200c", "\u200d"}
_STYLE = re.compile("[\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_KEYCAPS = set("0123456789#*")


def visible(text: str) -> str:
    """A text as one line that shows all characters, and can't act on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(_shown, text)


def visible_lines(text: str) -> list[str]:
    """A text's own lines, each made harmless; only a newline ends a line."""
    return [visible(line) for line in text.replace("\r\n", "\n").split("\n")]


def _shown(match: re.Match[str]) -> str:
    if _belongs(match):
        return match[0]
    return "".join(_SHORT.get(character) or _escape(ord(character)) for character in match[0])


def _escape(code: int) -> str:
    if code <= 0xFF:  # noqa: PLR2004 - as Python writes them
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - likewise


def _belongs(match: re.Match[str]) -> bool:
    """Whether it is part of how letters and emoji are written: a joiner between two, a style after one."""
    text, at = match.string, match.start()
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if _STYLE.match(match[0]):
        return _is_sign(before) or (before in _KEYCAPS and after == "\u20e3")
    if match[0] in _JOINERS:
        return (_is_sign(before) or before == "\ufe0f") and _is_sign(after)
    return False


def _is_sign(character: str) -> bool:
    """Whether it is a letter that joins, a mark on one, or an emoji; not Latin or ASCII."""
    if character in {"\xa9", "\xae"}:
        return True
    if not character or character < "\u0500" or _SUSPECT.match(character):
        return False
    from unicodedata import category

    return category(character)[0] in {"L", "M", "S"}
