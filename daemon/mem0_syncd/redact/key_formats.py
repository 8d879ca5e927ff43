"""Keys by their format: private keys, with and without their first line, web tokens, password hashes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mem0_syncd.redact.finding import Finding

KINDS = {"private-key", "jwt", "password-hash"}

# `eyJeyJeyJ...` must not be tried from every `eyJ`: a run of such characters is tried once.
_JWT = re.compile(r"(?<![\w-])(?:(?!eyJ)[\w-])*(?P<secret>eyJ[\w-]{8,}+\.{1,2}[\w-]{8,}+[\w.-]*+)", re.ASCII)

_FILLER = r"""(?:[\s"'>|,\#*]|\\{1,4}[nrt])"""
_PLAIN_WORD = r"[A-Z]?[a-z]{1,15}+(?![A-Za-z0-9+/=])(?!\s*+(?:-{4}|Private-MAC))(?![ \t]*+(?:\n|\\n|$))"
_LINES = rf"(?: {_FILLER}* [A-Za-z0-9+/=]{{16,}}+ )"
_LAST_LINE = rf"(?: {_FILLER}* (?!{_PLAIN_WORD}) [A-Za-z0-9+/=]++ )?"
# Groups are not possessive: before Python 3.11.5 such a group may match too much or nothing.
_PRIVATE_KEY = re.compile(
    rf"""
    (?: -{{4,5}}\ ?BEGIN\ [A-Z0-9\ ]{{0,30}}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{{4,5}} | Private-Lines:\ \d{{1,5}} )
    (?: {_FILLER}* (?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash|Subject):[^\n\\]{{0,200}}+ )*
    {_LINES}+
    {_LAST_LINE}
    (?: {_FILLER}* -{{4,5}}\ ?END\ [A-Z0-9\ ]{{0,30}}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{{4,5}}
      | {_FILLER}* Private-MAC:\ ?[0-9a-f]*+ )?
    """,
    re.VERBOSE,
)
# How the encoding of a private key begins: PKCS#1, PKCS#8, SEC 1 and OpenSSH.
_HEADLESS = re.compile(
    rf"""
    (?<![A-Za-z0-9+/]) (?: MI[IGH][A-Za-z0-9+/]{{3}}IBA[AD] | MI[GH][A-Za-z0-9+/]AgE[AB] | MH[cQ]CAQEE
      | MC4CAQAw | MFECAQEw | b3BlbnNzaC1rZXktdjE )
    [A-Za-z0-9+/=]{{24,}}+ {_LINES}* {_LAST_LINE}
    """,
    re.VERBOSE,
)
_SIGNS_OF_HEADLESS = ("MI", "MHcCAQEE", "MHQCAQEE", "MC4CAQAw", "MFECAQEw", "b3BlbnNzaC1rZXktdjE")

_HASH = re.compile(
    r"""
      \$ (?: 2[abxy]?\$\d\d\$[./A-Za-z0-9]{20,}+
           | (?:[1567y]|gy|sha1|apr1|md5)\$[^\s:$"']{1,64}\$?[./A-Za-z0-9$=]{16,}+
           | argon2(?:id|i|d)\$[\w=,$+/.-]{30,}+
           | (?:scrypt|pbkdf2[\w-]{0,12}|bcrypt-sha256)\$[\w=,$+/.-]{30,}+ )
    | \b pbkdf2_sha\d+\$\d+\$[\w=$+/.-]{30,}+ | \b scrypt:\d+:\d+:\d+\$[\w$]{30,}+
    | \{ (?:SSHA?|SHA|SMD5|SSHA512|SHA512|CRYPT) \} [A-Za-z0-9+/=$.]{16,}+
    """,
    re.VERBOSE | re.ASCII,
)


def json_web_tokens(text: str) -> Iterator[Finding]:
    """The JSON Web Tokens, with their signature, or as far as they go."""
    if "eyJ" in text:
        yield from (Finding("jwt", *match.span("secret")) for match in _JWT.finditer(text))


def private_keys(text: str) -> Iterator[Finding]:
    """The private key blocks with at least one line of key, with a proper begin and end or without."""
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        yield from (Finding("private-key", *match.span()) for match in _PRIVATE_KEY.finditer(text))
    if any(sign in text for sign in _SIGNS_OF_HEADLESS):
        yield from (Finding("private-key", *match.span()) for match in _HEADLESS.finditer(text))


def password_hashes(text: str) -> Iterator[Finding]:
    """The hashes of passwords, as in shadow and htpasswd, which can be cracked offline."""
    if "$" in text or "{S" in text:
        yield from (Finding("password-hash", *match.span()) for match in _HASH.finditer(text))
