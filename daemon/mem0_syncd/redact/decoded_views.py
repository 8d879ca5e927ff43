"""Rewritten views of a text, in which a hidden or split secret stands whole."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mem0_syncd.redact.finding import Finding

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]+"
)
# Full-width forms, typographic quotes and blanks count as their plain character; each is one character.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb"), ord('"'))
_PLAIN |= dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b"), ord("'"))
_PLAIN |= dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"), ord(" "))

_LITERALS = re.compile(
    r"""(["'`])[ \t]*\n?[ \t]*(?:[+&]|\.{1,2}|\\)?[ \t]*\n?[ \t]*\1(?=[\w+/=-])""", re.ASCII
)
_LINES = re.compile(
    r"""\n[ \t>#]*(?=(?P<piece>[\w+/-]{4,}+={0,2})(?P<alone>[ \t]*(?:$|[\n\r"'`\\]))?)""", re.ASCII
)
_CONTINUED = re.compile(r"\\\r?\n[ \t]*(?=[\w+/=-])", re.ASCII)
_BEFORE_A_JOINT = re.compile(r"[\w+/=-]", re.ASCII)
_BEFORE_A_LINE = re.compile(r"[\w+/=-]{6}", re.ASCII)
_ESCAPE = re.compile(
    r"\\u00[2-7][0-9A-Fa-f]|\\x[2-7][0-9A-Fa-f]|&\#(?:\d{2,3}|[xX][2-7][0-9A-Fa-f]);|&(?:quot|apos|amp|lt|gt);|%[2-7][0-9A-Fa-f]"
)
_MIXED = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])")


@dataclass(frozen=True, slots=True)
class View:
    """A text that was rewritten, and where its pieces come from."""

    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    def place(self, found: Finding) -> Finding:
        """Where in the original text a finding of this view stands."""
        return Finding(found.kind, self._origin(found.start), self._origin(found.end - 1) + 1)

    def _origin(self, at: int) -> int:
        piece = bisect_right(self.starts, at) - 1
        return self.origins[piece] + at - self.starts[piece]

    def is_rewritten(self, found: Finding) -> bool:
        """Whether a finding touches a rewritten place; all other findings show in the text itself."""
        return bisect_right(self.starts, found.start) != bisect_right(self.starts, found.end - 1)


def visible(text: str) -> View | None:
    """The text without invisible characters, and in plain letters; None if it is so already."""
    if text.isascii():
        return None
    text = text.translate(_PLAIN)
    return _rewritten(text, _INVISIBLE.finditer(text), lambda _: "", always=True)


def joined(text: str) -> View | None:
    """The text with what is split over lines or string literals joined; None if nothing is split."""
    if "\n" not in text and '"' not in text and "'" not in text and "`" not in text:
        return None
    matches = [*_LITERALS.finditer(text), *_CONTINUED.finditer(text), *_LINES.finditer(text)]
    return _rewritten(text, sorted(matches, key=re.Match.start), _join)


def unescaped(text: str) -> View | None:
    """The text with the escapes of JSON, HTML and addresses undone; None without escapes."""
    if "\\" not in text and "&" not in text and "%" not in text:
        return None
    return _rewritten(text, _ESCAPE.finditer(text), lambda match: _letter(match[0]))


def _join(match: re.Match[str]) -> str | None:
    """Nothing, between two pieces; lines are joined only if the next one is a piece of a key alone."""
    text, start = match.string, match.start()
    if match.re is not _LINES:
        return "" if _BEFORE_A_JOINT.match(text, start - 1, start) else None
    is_split = match["alone"] is not None and _MIXED.match(match["piece"])
    return "" if is_split and _BEFORE_A_LINE.match(text, max(0, start - 6), start) else None


def _letter(escape: str) -> str:
    if escape[0] == "&":
        return html.unescape(escape)
    return chr(int(escape.lstrip("%\\ux"), 16))


def _rewritten(
    text: str,
    matches: Iterable[re.Match[str]],
    by: Callable[[re.Match[str]], str | None],
    *,
    always: bool = False,
) -> View | None:
    pieces, starts, origins = [], [], []
    length = at = 0

    def keep(piece: str, origin: int) -> None:
        nonlocal length
        if piece:
            pieces.append(piece)
            starts.append(length)
            origins.append(origin)
            length += len(piece)

    for match in matches:
        new = by(match)
        if new is None or match.start() < at:
            continue
        keep(text[at : match.start()], at)
        keep(new, match.start())
        at = match.end()
    if not at and not always:
        return None
    keep(text[at:], at)
    return View("".join(pieces), tuple(starts), tuple(origins))


def other_views(text: str) -> Iterator[View]:
    """All other views of a text."""
    for view in (joined(text), unescaped(text)):
        if view is not None:
            yield view
