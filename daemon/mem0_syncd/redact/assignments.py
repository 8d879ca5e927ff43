"""Values that are given to a name such as `password` or `api_key`, in code, configuration and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import (
    is_hash,
    is_key,
    is_password,
    is_said_password,
    is_secret,
    is_stand_in,
    is_uuid,
)
from mem0_syncd.redact.long_words import lowered
from mem0_syncd.redact.secret_names import BEHIND, COMPOUNDS, NO_SECRETS, PASSWORDS, SECRETS, WHOLE_WORDS

PASSWORD, SECRET = "password", "secret"


class Sign(Enum):
    """How a value is given to a name."""

    ASSIGNED = auto()
    SAID = auto()
    BELOW = auto()
    BESIDE = auto()


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    start: int
    end: int
    is_password: bool
    is_constant: bool
    is_option: bool
    is_id: bool


# Each name starts with a letter of its own, outside of groups: only so can `re` skip to the next candidate.
_NAME = re.compile(
    rf"(?P<name>{'|'.join((*PASSWORDS, *SECRETS))})"
    rf"(?P<more>s?(?:[_.\ -]?(?:{'|'.join(BEHIND)}|\d{{1,2}})){{0,2}})"
    r"(?![a-z0-9])",
    re.VERBOSE,
)
_GAP = r"(?:\ (?:for|of|on|in|at|from|für|pour)\ [^\n=:\"'`,;]{1,40}?)?"
_SIGN = re.compile(
    rf"""
    [*"'`\\\])]{{0,4}}
    (?:
      (?P<below> [ \t]*:[ \t]*(?:[>|][+-]?)?[ \t\r]*(?:\n[ \t\r]*){{1,2}}(?:-[ ])? )
    | (?P<assigned>
        (?: \ [\w:-]{{1,20}}="[^"\n]{{0,40}}" )? >(?=[^<\n]{{4,4096}}</)
      | ["'`]? [ \t]{{0,2}}[,;]? \s{{0,12}} (?:\ {{0,8}}-?\ )? ["'`]?value["'`]? \s?[:=]\s? (?=["'`\w])
      | ["']? [ \t]? ,[ \t]{{0,12}} (?=["'])
      | \( (?=["'])
      | [ \t]?:[ \t]?&?(?:'?\w{{2,12}}\ )?\w{{2,12}}(?:\[\])?[ \t]?=[ \t]? (?=["'`])
      | [ \t]{{0,40}} (?: :=|=>|->|→|={{1,3}}|!={{1,2}}|:(?!:)|\| ) [ \t*]{{0,40}}
      )
    | (?P<said>
        {_GAP} \ (?:is|was|are|to|as|with|equals|becomes|ist|war|lautet|auf|mit|est)
          (?:\ (?:now|still|currently|set\ to|simply|just|always))?:?\ \*{{0,2}}
      | {_GAP} [ \t]?(?:\ [-–]|=|:)\ \*{{0,2}}
      | \ \( | \ (?:für|for)\ [^\n]{{1,30}}?\ (?:lautet|ist|is)[ ]
      )
    | (?P<beside> [ \t]{{1,40}} )
    )
    (?: [bfru@]? \\?(?P<quote>["'`]) )?
    """,
    re.VERBOSE,
)
# What stands before a name is read backwards, so that it costs no more than its length.
_LAST_WORD = re.compile(r"[_ .\-\"'`\[]{0,3}([a-z]+[A-Z]?|[A-Z]+|[0-9]+[A-Za-z]?)")
_OPTION = re.compile(r"[\w.-]{0,40}-(?:\s|$)", re.ASCII)
_SETTING = re.compile(r"(?:\bset|\bsetx|\bENV|\bARG|-x|configure set|config set)\s+[\w/:.-]{0,60}$", re.ASCII)
_LINE_START = re.compile(r"(?:^|\n)[ \t]*[\w.-]{0,30}$")

# A value is judged by its beginning and then taken whole: what is nested stays linear that way.
_JUDGED = 128
_QUOTED = {quote: re.compile(rf"[^\s{quote}]*+") for quote in "\"'`"}
_SPACED = {quote: re.compile(rf"[^\n{quote}]{{8,200}}+(?={quote})") for quote in "\"'`"}
_VARIABLE = re.compile(r"""[^\s"'`;]*+""")
_BARE = re.compile(r"""[^\s"'`;,<>(){}\[\]|]*+""")
_BARE_REST = re.compile(r"""[^\s"'`;,<>]*+""")
_BEHIND_A_VALUE = ".,;:)]}*\\"
_LETTERS_AND_DIGITS = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9!@#$%^*?~+]+")
_LINE_END = re.compile(r"[ \t\r]{0,9}(?:\n|\\n|$)")
_LONGEST_WORD, _SHORTEST_SPACED = 60, 16


def assigned_secrets(text: str) -> Iterator[Finding]:
    """The values, given to a name such as `password` or `api_key`, that look like credentials."""
    small, at = lowered(text), 0
    while match := _NAME.search(small, at):
        at = match.end()
        name = _name(text, match)
        sign = name and _SIGN.match(text, at)
        if not name or not sign:
            continue
        if end := _end_of_secret(text, name, sign):
            yield Finding(PASSWORD if name.is_password else SECRET, sign.end(), end)
            at = end


def _name(text: str, match: re.Match[str]) -> _Name | None:
    """The name at hand, unless its word means something else."""
    word, start = match["name"], match.start()
    before = text[max(0, start - _LONGEST_WORD) : start]
    qualifier = _qualifier(text, start)
    written = text[start : match.end("name")]
    if before[-1:].isalpha() and word in WHOLE_WORDS:
        is_camel = written[0].isupper() and not before[-1].isupper()
        if not is_camel and not any(before.lower().endswith(it) for it in COMPOUNDS):
            return None
    if word == "pat" and not (written == "PAT" or before[-1:] in ("_", "-") or before[-1:].islower()):
        return None
    if word in ("key", "token", "cookie", "appid") and qualifier in NO_SECRETS:
        return None
    end = match.end()
    return _Name(
        word,
        start,
        end,
        match["name"].startswith(("pass", "pw", "kennwort", "contrase", "mot", "senha", "has", "wacht"))
        or word in ("requirepass", "bindpw", "storepass", "keypass", "psk"),
        written.isupper() and before[-1:] == "_",
        _OPTION.match(before[::-1]) is not None,
        match["more"].endswith("id") and word != "secret",
    )


def _end_of_secret(text: str, name: _Name, sign: re.Match[str]) -> int | None:
    how = Sign[_group(sign).upper()]
    start, quote = sign.end(), sign["quote"]
    limit = start + _JUDGED
    if quote:
        rest = _QUOTED[quote]
        end = _end(rest, text, start, limit)
        literal = end == limit or text[end : end + 1] == quote
        if not literal and text[end : end + 1] == " " and (spaced := _spaced(text, start, quote)):
            return spaced
    elif how is Sign.ASSIGNED and _is_variable(text, name, sign):
        rest = _VARIABLE
        end, literal = _end(rest, text, start, limit), True
    else:
        rest = _BARE_REST
        end = _end(_BARE, text, start, limit)
        closed = how is Sign.SAID and sign["said"].endswith("(")
        literal = closed or (name.is_password and _is_plain(text, sign, end)) or how is Sign.BELOW
        if how is Sign.BELOW and not _LINE_END.match(text, end):
            return None
        if closed and text[end : end + 1] != ")":
            return None
        if text[end : end + 1] in ("(", "[", "{") and not is_key(text[start:end]):
            return None
        rest = _BARE if closed else rest
    behind = "\\" if quote else _BEHIND_A_VALUE
    value = text[start:end].rstrip(behind)
    if not _is_credential(text, name, how, value, literal=literal, quoted=bool(quote)):
        return None
    return start + len(text[start : _end(rest, text, end, len(text))].rstrip(behind))


def _group(sign: re.Match[str]) -> str:
    return next(name for name in ("below", "assigned", "said", "beside") if sign[name] is not None)


def _is_credential(text: str, name: _Name, how: Sign, value: str, *, literal: bool, quoted: bool) -> bool:
    if how is Sign.BESIDE and not name.is_option:
        return _is_credential_beside(text, name, value, literal=literal, quoted=quoted)
    if name.is_password:
        if how is Sign.SAID or (how is Sign.BESIDE and not quoted):
            return is_said_password(value) or (quoted and is_password(value, literal=literal))
        return is_password(value, literal=literal)
    if is_uuid(value):
        return not name.is_id and name.text != "signature"
    if name.text == "key" and not _has_qualifier(text, name):
        return is_key(value) or (quoted and is_secret(value, literal=False) and not is_hash(value))
    if name.text in ("cookie", "auth", "pat", "jwt", "salt", "appid") or name.is_id:
        return is_secret(value, literal=False) or is_hash(value)
    return is_secret(value, literal=literal)


def _is_credential_beside(text: str, name: _Name, value: str, *, literal: bool, quoted: bool) -> bool:
    """Whether a value after a name is its value: quoted, an option's, a setting's, or clearly a key."""
    if name.text == "pass" and not name.is_constant:
        return False
    before = text[max(0, name.start - _LONGEST_WORD) : name.start]
    is_setting = name.is_constant or _SETTING.search(before) is not None
    if name.is_password:
        if quoted or _LINE_START.search(before):
            return is_password(value, literal=literal)
        return is_password(value, literal=False) or (is_setting and is_said_password(value))
    if is_setting and (is_secret(value, literal=False) or is_uuid(value)):
        return True
    if quoted and name.text != "key":
        return is_secret(value, literal=False)
    return is_key(value) or (_has_qualifier(text, name) and is_hash(value))


def _has_qualifier(text: str, name: _Name) -> bool:
    """Whether a word before the name says whose it is: `datadog_key`, "the encryption key"; not "the key"."""
    qualifier = _qualifier(text, name.start)
    return qualifier not in ("", "the", "a", "this", "that", "its", "our", "for", "by")


def _qualifier(text: str, start: int) -> str:
    """The word before a position, in small letters: for `stripeApiKey` and `stripe_api_key` it is `api`."""
    last = _LAST_WORD.match(text[max(0, start - _LONGEST_WORD) : start][::-1])
    return last[1][::-1].lower() if last else ""


def _spaced(text: str, start: int, quote: str) -> int | None:
    """The end of a quoted secret with spaces in it, if a part of it is random."""
    match = _SPACED[quote].match(text, start)
    if not match or len(match[0]) < _SHORTEST_SPACED or is_stand_in(match[0]):
        return None
    return match.end() if any(is_key(part) for part in match[0].split(" ")) else None


def _end(pattern: re.Pattern[str], text: str, start: int, limit: int) -> int:
    match = pattern.match(text, start, limit)
    return match.end() if match else start


def _is_variable(text: str, name: _Name, sign: re.Match[str]) -> bool:
    """Whether this is `NAME=value` of an environment file or `;Name=value` of a connection string."""
    closely = sign["assigned"] == "="
    return closely and (text[name.start : name.end].isupper() or text[name.start - 1 : name.start] == ";")


def _is_plain(text: str, sign: re.Match[str], end: int) -> bool:
    """Whether letters and digits follow a `=` closely, or end a line: `password: hunter2`, but no prose."""
    if (sign["assigned"] or "").endswith((">", "|")) or not sign["assigned"]:
        stands_alone = True
    else:
        stands_alone = sign["assigned"] == "=" or _LINE_END.match(text, end) is not None
    if not stands_alone:
        return False
    is_plain = _LETTERS_AND_DIGITS.fullmatch(text, sign.end(), end) is not None
    return is_plain or is_said_password(text[sign.end() : end])
