"""Values that are given to a name such as `password` or `api_key`, in code, configuration and prose."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.looks import is_key, is_password, is_secret, is_uuid

PASSWORD, SECRET = "password", "secret"

_KEYS = (
    *("access", "account", "admin", "api", "app", "auth", "encryption"),
    *("master", "private", "secret", "service", "shared", "signing"),
)
_PASSWORDS = (
    *("password", "passwort", "passwd", "passphrase", "passcode", "pwd", "kennwort", "contraseña"),
    *(r"mot[_\ -]de[_\ -]passe", r"pass(?<=[_-]pass)", r"pw(?<=[_-]pw)"),
)
_SECRETS = (
    *("secret", "token", "credentials?", "x-amz-signature", r"sig(?<=[?&]sig)", r"key(?<=[?&]key)"),
    *(rf"{whose}[_\ -]?key" for whose in _KEYS),
)
# Each name starts with a letter of its own, outside of groups: only so can `re` skip to the next candidate.
_NAME_AND_SIGN = re.compile(
    rf"""
    (?P<name> {"|".join((*_PASSWORDS, *_SECRETS))} )
    (?: [_-](?:prod(?:uction)?|staging|dev|test|live|value|\d{{1,2}}) | \d{{1,2}} )?
    [*"'`\\\])]{{0,4}}
    (?P<sign> [\ \t]{{0,4}} (?: :=|=>|={{1,3}}|!={{1,2}}|:|\||>(?=[^\s<]{{4,256}}</) ) [\ \t*]{{0,4}}
            | \ (?:is|was|ist|lautet|est)\ | [\ \t]{{1,4}} )
    (?: [bfru@]? \\?(?P<quote>["'`]) )?
    """,
    re.VERBOSE,
)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NAMES_OF_PASSWORDS = ("pass", "pw", "kennwort", "contrase", "mot")

# A value is judged by its beginning and then taken whole: what is nested stays linear that way.
_JUDGED = 128
_QUOTED = {quote: re.compile(rf"[^\s{quote}]*+") for quote in "\"'`"}
_VARIABLE = re.compile(r"""[^\s"'`;]*+""")
_BARE = re.compile(r"""[^\s"'`;,<>(){}\[\]|]*+""")
_BARE_REST = re.compile(r"""[^\s"'`;,<>]*+""")
_BEHIND_A_VALUE = ".,;:)]}*\\"
_LETTERS_AND_DIGITS = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9!@#$%^*?~+]+")
_LINE_END = re.compile(r"[ \t\r]{0,9}(?:\n|\\n|$)")
_OPTION = re.compile(r"--[\w-]{0,40}$", re.ASCII)


def assigned_secrets(text: str) -> Iterator[Finding]:
    """The values, given to a name such as `password` or `api_key`, that look like credentials."""
    lowered, at = text.translate(_LOWER), 0
    while match := _NAME_AND_SIGN.search(lowered, at):
        at = match.end()
        if end := _end_of_secret(text, match):
            yield Finding(PASSWORD if _names_a_password(match) else SECRET, at, end)
            at = end


def _end_of_secret(text: str, match: re.Match[str]) -> int | None:
    start, quote = match.end(), match["quote"]
    limit = start + _JUDGED
    if quote:
        rest = _QUOTED[quote]
        end = _end(rest, text, start, limit)
        literal = end == limit or text[end : end + 1] == quote
    elif _is_variable(text, match):
        rest = _VARIABLE
        end, literal = _end(rest, text, start, limit), True
    else:
        rest = _BARE_REST
        end = _end(_BARE, text, start, limit)
        literal = _names_a_password(match) and _is_plain(text, match, end)
        if text[end : end + 1] in ("(", "[", "{"):
            return None
    behind = "\\" if quote else _BEHIND_A_VALUE
    if not _is_credential(text, match, text[start:end].rstrip(behind), literal=literal):
        return None
    return start + len(text[start : _end(rest, text, end, len(text))].rstrip(behind))


def _is_credential(text: str, match: re.Match[str], value: str, *, literal: bool) -> bool:
    if not match["sign"].strip() and not _is_option(text, match):
        return is_key(value)
    if "token" in match["name"] and is_uuid(value):
        return False
    looks_secret = is_password if _names_a_password(match) else is_secret
    return looks_secret(value, literal=literal)


def _end(pattern: re.Pattern[str], text: str, start: int, limit: int) -> int:
    match = pattern.match(text, start, limit)
    return match.end() if match else start


def _names_a_password(match: re.Match[str]) -> bool:
    return match["name"].startswith(_NAMES_OF_PASSWORDS)


def _is_option(text: str, match: re.Match[str]) -> bool:
    return _OPTION.search(text, max(0, match.start() - 42), match.start()) is not None


def _is_variable(text: str, match: re.Match[str]) -> bool:
    """Whether this is `NAME=value` of an environment file or `;Name=value` of a connection string."""
    start, end = match.span("name")
    return match["sign"] == "=" and (text[start:end].isupper() or text[start - 1 : start] == ";")


def _is_plain(text: str, match: re.Match[str], end: int) -> bool:
    """Whether letters and digits follow a `=` closely, or end a line: `password: hunter2`, but no prose."""
    stands_alone = match["sign"] == "=" or _LINE_END.match(text, end) is not None
    return stands_alone and _LETTERS_AND_DIGITS.fullmatch(text, match.end(), end) is not None
