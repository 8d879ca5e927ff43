"""Secrets in HTTP headers: credentials of `Authorization`, and cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import is_secret
from mem0_syncd.redact.long_words import lowered

AUTHORIZATION, COOKIE = "authorization", "cookie"
KINDS = {AUTHORIZATION, COOKIE}

_HEADER = re.compile(
    r"""
    (?: authorization \\?["'\]]{0,3} \s{0,3} (?:[:=,] \s{0,3} | ["'],\s{0,3}["']?value["']?:\s{0,3} )?
        \\?["'`\[]{0,2}
        (?: (?:token|key|credential) \s? = \s? \\?["']? | [a-z][a-z-]{2,11} \s{1,3} )?
      | \b bearer \s{1,3} )
    (?P<secret> [\w.~+/=-]{8,} )
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_DIGEST = re.compile(
    r"authorization[^\n]{1,300}?\b(?:response|signature)=\"?(?P<secret>[\w+/=-]{16,})", re.IGNORECASE
)
_COOKIES = re.compile(r"(?:\bcookie2?[\"'`]?\s{0,2}[:=]\s{0,2}|\s(?:-b|--cookie)[\s=])[\"'`]?", re.IGNORECASE)
_PAIR = re.compile(r"\s{0,2}(?P<name>[\w.$-]{1,64})=(?P<secret>[^\s;,\"'`]{0,4096}+)(?P<goes_on>;?)")
_SESSION = re.compile(
    r"(?P<name>\b(?:[\w.-]{0,32}(?:sess|sessionid|sess_id)|connect\.sid|sid))=(?P<secret>[^\s;,&\"'`]{16,4096}+)",
    re.IGNORECASE | re.ASCII,
)
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "theme", "lang", "locale"})


def header_credentials(text: str) -> Iterator[Finding]:
    """The credentials of `Authorization` headers, and bearer tokens wherever they stand."""
    small = lowered(text)
    if "authorization" not in small and "bearer" not in small:
        return
    for match in _HEADER.finditer(text):
        if is_secret(match["secret"], literal=True):
            yield Finding(AUTHORIZATION, *match.span("secret"))
    for match in _DIGEST.finditer(text):
        yield Finding(AUTHORIZATION, *match.span("secret"))


def cookies(text: str) -> Iterator[Finding]:
    """The values of cookies that aren't plain words."""
    small = lowered(text)
    if "cookie" in small or " -b" in small:
        for start in _COOKIES.finditer(text):
            at = start.end()
            while pair := _PAIR.match(text, at):
                at = pair.end()
                if pair["name"].lower() not in _ATTRIBUTES and is_secret(pair["secret"], literal=False):
                    yield Finding(COOKIE, *pair.span("secret"))
                if not pair["goes_on"]:
                    break
    if "sid=" in small or "sess" in small:
        for match in _SESSION.finditer(text):
            if is_secret(match["secret"], literal=False):
                yield Finding(COOKIE, *match.span("secret"))
