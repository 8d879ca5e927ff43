"""Whether a value looks like a credential, or like a stand-in that people and code write instead."""

from __future__ import annotations

import re

_STAND_IN = re.compile(
    r"""
      ^(?: \$[{(] | \{ | < | \[ | %\( )                     # ${VAR}, {{ var }}, <your-key>, [key], %(key)s
    | ^ \$ [A-Za-z_]\w* $ | ^ % \w+ % $                     # $VAR, %VAR%
    | ^ [A-Za-z_][\w.]* [(\[]                               # get_token(...), environ["..."]
    | :// | ^ arn: | ^ (?: \.{0,2} | ~ ) /                  # an address, a path
    | ^ (?: process\.env | os\.environ | env\. | var\. | local\. | secrets\. | vault: | op: )
    | ([x*.•…-]) \1{4}                                      # xxxxx, *****
    | (?: ^ | [^a-z0-9] )
      (?: your | my[-_] | example | change[-_]?(?:me|it) | placeholder | dummy | redacted | replace | insert
        | todo | fake | sample | none | null | undefined | 1password )
      (?: $ | [^a-z0-9] )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_IDENTIFIER = re.compile(
    r"""
      [A-Z]{2,5}-\d{6,8}-\w{4,8}                            # DEC-20250115-a1b2c3d4
    | v?\d+\.\d+\.\d+ (?: [-+][\w.+-]* )?                   # 1.2.3-beta.4
    | \d{4}-\d\d-\d\d (?: [T_][\d:.]+ (?: Z | [+-][\d:]+ )? )?
    | SHA256:[A-Za-z0-9+/]{43} | Qm[1-9A-HJ-NP-Za-km-z]{44} # a fingerprint, an IPFS address
    | AAAA[BCE][A-Za-z0-9+/=]{20,}                          # a public key of SSH
    | (?: [0-9a-fA-F]{2}: ){5,} [0-9a-fA-F]{2}
    """,
    re.VERBOSE,
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ALGORITHM = re.compile(
    r"(?:sha|md|aes|hs|rs|es|ps|ed|rsa|x|argon|base|utf|oauth|pbkdf|bcrypt|varchar|char|int|hmac)"
    r"[-_(]?\d+(?:[-_]?\w{1,6}){0,2}\)?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[^A-Za-z0-9]+")
_WORD = re.compile(r"[A-Za-z]?[a-z]+|[A-Z]+|\d{1,4}|[A-Za-z]{1,6}\d{1,4}[a-z]{0,3}|")
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_DIGITS, _LETTERS = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_SMALL, _CAPITALS = re.compile(r"[a-z]"), re.compile(r"[A-Z]")
_SAME = re.compile(r"[A-Za-z]+|[0-9]+")
_NAME = re.compile(r"(?=.*[A-Za-z])[\w-]{20,}", re.ASCII)
_RARE = re.compile(r"[!@#$%^*?~+=&]")
_SAID = re.compile(r"[!*_.+~^$-]?[A-Za-z][A-Za-z]*(?:-[A-Za-z]+)*[-.]?\d{2,}[!*_.+~^$#?-]*")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")

_SHORTEST_PASSWORD = 6
_SHORTEST_SECRET = 8
_SHORTEST_IN_PROSE = 12
_SHORTEST_OF_LETTERS = 16
_LONG_PART = 20
_FEWEST_DIGITS = 3
_FEWEST_CHANGES = 3
_MEAN_RUN = 3.2
_MEAN_RUN_BARE = 2.6
_SHORTEST_BARE = 30
_LONG_PART_BARE = 14


def is_stand_in(value: str) -> bool:
    """Whether a value is only a stand-in: a variable, a call, an address, `<your-key>`."""
    return _STAND_IN.search(value) is not None


def is_uuid(value: str) -> bool:
    """Whether a value is a UUID, which is more often an id than a key."""
    return _UUID.fullmatch(value) is not None


def is_hash(value: str) -> bool:
    """Whether a value has the length and form of a hash in hexadecimal digits."""
    return _HEX.fullmatch(value) is not None


def is_long_token(token: str) -> bool:
    """Whether the rest after a vendor's prefix can be a key, unlike `sk-learn-style-names` or `sk-xxxxx`."""
    parts = [part for part in _SEPARATOR.split(token) if not is_stand_in(part)]
    long = (
        len(part) >= _LONG_PART or (len(part) >= _SHORTEST_IN_PROSE and _is_mixed(part)) for part in parts
    )
    return any(long) or (is_random(token) and not is_stand_in(token))


def is_password(value: str, *, literal: bool) -> bool:
    """Whether a value given for a password is one; `literal` says that it can't be code or prose."""
    if len(value) < _SHORTEST_PASSWORD or _IDENTIFIER.fullmatch(value) or _ALGORITHM.fullmatch(value):
        return False
    mixed, rare = _is_mixed(value), _RARE.search(value) is not None
    if literal:
        looks = mixed or (rare and _LETTERS.search(value) is not None)
    else:
        looks = len(value) >= _SHORTEST_SECRET and ((mixed and rare) or is_random(value))
    return looks and not is_stand_in(value)


def is_said_password(value: str) -> bool:
    """Whether a value after "the password is" is one: `dragon77`, but not `user_id_2` or `argon2id`."""
    if len(value) < _SHORTEST_PASSWORD or _IDENTIFIER.fullmatch(value) or _ALGORITHM.fullmatch(value):
        return False
    return is_password(value, literal=False) or (
        _SAID.fullmatch(value) is not None and not is_stand_in(value)
    )


def is_secret(value: str, *, literal: bool) -> bool:
    """Whether a value given for a token, key or secret is one; `literal` as for a password."""
    if len(value) < (_SHORTEST_SECRET if literal else _SHORTEST_IN_PROSE):
        return False
    parts = _SEPARATOR.split(value)
    looks = is_random(value) or any(_is_code(part, literal=literal) for part in parts)
    return (looks or (literal and _is_numbered(value))) and not is_stand_in(value)


def is_key(value: str) -> bool:
    """Whether a value is a key if only a word before it says so: not a hash, id or name."""
    kinds = (_DIGITS, _SMALL, _CAPITALS)
    return len(value) >= _LONG_PART and all(kind.search(value) for kind in kinds) and is_random(value)


def is_bare_key(value: str) -> bool:
    """Whether a value is a key with nothing around it that says so: long, and of all kinds of letters."""
    if len(value) < _SHORTEST_BARE or not is_key(value) or is_stand_in(value):
        return False
    runs = _RUN.findall(value)
    is_dense = sum(map(len, runs)) / len(runs) <= _MEAN_RUN_BARE
    return is_dense and max(map(len, _SEPARATOR.split(value))) >= _LONG_PART_BARE


def is_random(value: str) -> bool:
    """Whether a value changes between digits and small and capital letters as words don't."""
    runs = _RUN.findall(value)
    if not runs or _is_wordy(value):
        return False
    size = sum(map(len, runs))
    enough = size >= (_SHORTEST_SECRET if _is_mixed(value) else _SHORTEST_OF_LETTERS)
    return enough and size / len(runs) <= _MEAN_RUN


def _is_wordy(value: str) -> bool:
    return _IDENTIFIER.fullmatch(value) is not None or all(
        _WORD.fullmatch(part) for part in _SEPARATOR.split(value)
    )


def _is_mixed(value: str) -> bool:
    return _DIGITS.search(value) is not None and _LETTERS.search(value) is not None


def _is_code(part: str, *, literal: bool) -> bool:
    if len(part) < _SHORTEST_OF_LETTERS:
        return False
    changes = len(_SAME.findall(part)) - 1
    return _FEWEST_DIGITS <= len(_DIGITS.findall(part)) < len(part) and (
        literal or changes >= _FEWEST_CHANGES
    )


def _is_numbered(value: str) -> bool:
    """Whether a value is words and a number, long as a key: `super-secret-jwt-key-2025`."""
    digits = len(_DIGITS.findall(value))
    return _NAME.fullmatch(value) is not None and digits > _FEWEST_DIGITS and not _IDENTIFIER.fullmatch(value)
