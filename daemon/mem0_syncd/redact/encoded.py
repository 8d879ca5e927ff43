"""Secrets that are encoded: base64 and hexadecimal digits that spell one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.long_words import long_words

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,}+={0,2}(?![A-Za-z0-9+/=_-])", re.ASCII)
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[2-7][0-9a-fA-F]){12,}+(?![0-9A-Za-z])", re.ASCII)
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]*")
_LOGIN = re.compile(r"[\w.@+-]{1,64}:(?=[^\s:]*[0-9!@#$%^*~+])[^\s:]{6,256}\n?", re.ASCII)
_ENCODED_LOGIN = re.compile(
    r"(?i:auth|basic|cred|_password|login|encoding=.base64.)[\w\"'`]{0,8}[\s:=>\"'`]{0,6}$"
)
_FIRST = 12
_LOOK_BACK = 40
_DEEPEST = 2

Detect = Callable[[str, int], Iterable[Finding]]


def encoded_secrets(text: str, detect: Detect, depth: int = 0) -> Iterator[Finding]:
    """The encoded words whose plain text holds a secret, whole, with the kind of that secret."""
    if depth >= _DEEPEST:
        return
    for start, end in long_words(text):
        for match in _BASE64.finditer(text, start, end):
            plain = plain_text(match[0])
            if plain and (kind := _kind(text, match, plain, detect, depth)):
                yield Finding(kind, *match.span())
        for match in _HEX.finditer(text, start, end):
            plain = bytes.fromhex(match[0])
            if _PRINTABLE.fullmatch(plain) and (kind := _kind(text, match, plain, detect, depth)):
                yield Finding(kind, *match.span())


def plain_text(word: str) -> bytes | None:
    """The plain text of a base64 word; None if it isn't text, which for most words and keys shows at once."""
    word = word.rstrip("=").translate(_STANDARD)
    try:
        if not _PRINTABLE.fullmatch(base64.b64decode(word[:_FIRST])):
            return None
        plain = base64.b64decode(word + "=" * (-len(word) % 4))
    except (ValueError, binascii.Error):
        return None
    return plain if _PRINTABLE.fullmatch(plain) else None


_STANDARD = str.maketrans("-_", "+/")


def _kind(text: str, match: re.Match[str], plain: bytes, detect: Detect, depth: int) -> str | None:
    said = plain.decode()
    for found in detect(said, depth + 1):
        return found.kind
    # `VXNlcjo0Mg==` is "User:42" in every GraphQL API: a login only where the words before say so.
    if _LOGIN.fullmatch(said) and _ENCODED_LOGIN.search(
        text, max(0, match.start() - _LOOK_BACK), match.start()
    ):
        return "password"
    return None
