"""Passwords by their neighbours: a user's name, a host, the head of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import is_hash, is_key, is_password, is_said_password
from mem0_syncd.redact.long_words import lowered

PASSWORD, SECRET, PHRASE = "password", "secret", "seed-phrase"
KINDS = {PASSWORD, SECRET, PHRASE}

_LOGIN = re.compile(
    r"""
    \b(?: log(?:in|ins|ged|s)?(?:\ in)? | sign(?:ed)?\ in | credentials? | creds | account | users? | zugang
      | anmeldung )
    \b [^\n]{0,50}? (?<![\w/.@:-]) [a-z][\w.@+-]{1,40} \ ?(?: / | \ with | : | ,?\ pass(?:word)?:? )\ ?
    ["'`]? (?P<secret> [^\s/"'`,;:()\[\]{}<>|]{6,64} )
    """,
    re.VERBOSE,
)
_PARTS_OF_LOGIN = ("login", "log", "sign", "cred", "account", "user", "zugang", "anmeldung")
_PGPASS = re.compile(r":(?:\d{4,5}|\*):[\w*-]{1,64}:[\w.@*-]{1,64}:(?P<secret>[^\s\"':]{4,128})")
_RELAY = re.compile(r"\](?::\d{2,5})?[ \t]{1,20}[\w.@+-]{1,64}:(?P<secret>[^\s\"':]{4,128})")
_ERB = re.compile(
    r"(?i:pass\w*|secret|token|key)[\"']?\s?[:=]\s?<%=[^\n]{0,100}?\|\|\s?[\"'](?P<secret>[^\s\"']{6,128})[\"']"
)
_OAUTH = re.compile(
    r"\"(?:[\w-]{1,20}-oauth|http-basic|bearer)\":\s?\{\s?\"[\w.-]{3,80}\":\s?\"(?P<secret>[^\s\"]{12,256})\""
)
_PHRASE = re.compile(
    r"(?i:seed|mnemonic|recovery|backup)[ _-]?(?i:phrase|words?)?[^\n:=]{0,30}[:=]\s{0,3}[\"'`]?"
    r"(?P<secret>[a-z]{3,8}(?:[ ,]{1,2}[a-z]{3,8}){11,23})(?![a-z])"
)
_FORMS = (
    (":", _PGPASS, PASSWORD),
    ("]", _RELAY, PASSWORD),
    ("<%=", _ERB, SECRET),
    ("-oauth", _OAUTH, SECRET),
    ("http-basic", _OAUTH, SECRET),
)
_ROW = re.compile(r"^[ \t]*\|?[^|\n]*\|.*$", re.MULTILINE)
_RULE = re.compile(r"[\s|:-]*")
_COLUMN = re.compile(
    r"pass(?:word|wort|wd)?|kennwort|secret|token|(?:api|access)[ _-]?key|creds?", re.IGNORECASE
)


def logins(text: str) -> Iterator[Finding]:
    """The passwords after a user's name: `admin / x`, `host:5432:shop:app:x`, "log in as joe with x"."""
    small = lowered(text)
    if any(part in small for part in _PARTS_OF_LOGIN):
        for match in _LOGIN.finditer(small):
            written = text[match.start("secret") : match.end("secret")]
            secret = written.rstrip(".!?")
            if is_said_password(secret) or is_said_password(written):
                yield Finding(PASSWORD, match.start("secret"), match.start("secret") + len(secret))


def passwords_of_files(text: str) -> Iterator[Finding]:
    """The passwords in files of a known form: pgpass, a mail relay's, a template's, composer's."""
    small = lowered(text)
    for sign, pattern, kind in _FORMS:
        if sign in small:
            for match in pattern.finditer(text):
                if is_password(match["secret"], literal=True):
                    yield Finding(kind, *match.span("secret"))
    if "phrase" in small or "mnemonic" in small or "seed" in small:
        for match in _PHRASE.finditer(text):
            yield Finding(PHRASE, *match.span("secret"))


def table_passwords(text: str) -> Iterator[Finding]:
    """The cells of a table under a head such as `password`."""
    if "|" not in text:
        return
    columns: list[int] = []
    end = -1
    for row in _ROW.finditer(text):
        if row.start() > end + 1:
            columns = []
        end = row.end()
        cells = _cells(row)
        named = [number for number, (start, stop) in enumerate(cells) if _COLUMN.fullmatch(text, start, stop)]
        if named or _RULE.fullmatch(row[0]):
            columns = named or columns
            continue
        for number in columns:
            if number < len(cells):
                start, stop = cells[number]
                value = text[start:stop]
                if is_password(value, literal=True) or is_key(value) or is_hash(value):
                    yield Finding(PASSWORD, start, stop)


def _cells(row: re.Match[str]) -> list[tuple[int, int]]:
    """Where each cell of a row begins and ends, without the blanks and backticks around it."""
    cells, at = [], row.start()
    for cell in row[0].split("|"):
        bare = cell.strip(" \t`*")
        start = at + (cell.index(bare) if bare else 0)
        cells.append((start, start + len(bare)))
        at += len(cell) + 1
    return cells
