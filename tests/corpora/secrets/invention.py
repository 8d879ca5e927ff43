"""Invented values: what a template of `formats.toml` describes, made with a seed, so always the same."""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Callable
from urllib.parse import quote

_LETTERS, _DIGITS = string.ascii_letters, string.digits
_ALPHABETS = {
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "a": _LETTERS + _DIGITS,
    "l": string.ascii_lowercase + _DIGITS,
    "u": string.ascii_uppercase + _DIGITS,
    "c": string.ascii_uppercase,
    "w": _LETTERS + _DIGITS + "-_",
    "b": _LETTERS + _DIGITS + "+/",
    "d": _DIGITS,
    "r": string.ascii_uppercase + "234567",
}
_WORDS = (
    *("amber", "blanket", "canyon", "dolphin", "ember", "falcon", "garden", "harbour", "island", "jungle"),
    *("kettle", "lantern", "meadow", "nectar", "orchid", "pepper", "quartz", "river", "summer", "thunder"),
    *("umbrella", "velvet", "winter", "yellow", "zebra", "dragon", "monkey", "sunshine", "shadow", "winner"),
)
_LEET = str.maketrans("aeios", "43105")
_MARKS = "!-_.*+~$^"
_PIECE = re.compile(r"\{([A-Za-z])(\d+)\}|\{(uuid|jwt|pem|pw|words)\}")
_WRAPPED = re.compile(r"\{(b64|hex|pct|split|zw|zwj|shy|wj|uni|html):")
_ZERO_WIDTH = {"zw": "\u200b", "zwj": "\u200d", "shy": "\u00ad", "wj": "\u2060"}
INVISIBLE = "".join(_ZERO_WIDTH.values())


def invented(template: str, seed: str) -> str:
    """The value that a template describes, the same for the same seed."""
    return _filled(template, random.Random(seed))


def _filled(template: str, dice: random.Random) -> str:
    """Wrappers from the outside in, then the pieces; `{{` and `}}` stand for braces."""
    match = _WRAPPED.search(template)
    if match:
        end = _closing(template, match.start())
        inner = template[match.end() : end]
        wrapped = _wrap(match[1], inner, dice)
        head, tail = template[: match.start()], template[end + 1 :]
        return _filled(head, dice) + wrapped + _filled(tail, dice)
    whole = _PIECE.sub(lambda piece: _piece(piece, dice), template)
    return whole.replace("{{", "{").replace("}}", "}")


def _closing(template: str, start: int) -> int:
    depth = 0
    for at in range(start, len(template)):
        depth += {"{": 1, "}": -1}.get(template[at], 0)
        if depth == 0:
            return at
    raise ValueError(template)


def _piece(piece: re.Match[str], dice: random.Random) -> str:
    if piece[3]:
        return _SPECIAL[piece[3]](dice)
    return _text(_ALPHABETS[piece[1]], int(piece[2]), dice)


def _text(alphabet: str, length: int, dice: random.Random) -> str:
    return "".join(dice.choice(alphabet) for _ in range(length))


def _wrap(how: str, inner: str, dice: random.Random) -> str:
    if how == "split":
        glue, _, inner = inner.partition(":")
        value = _filled(inner, dice)
        parts = 3 if len(value) > 60 else 2
        size = -(-len(value) // parts)
        return glue.join(value[start : start + size] for start in range(0, len(value), size))
    value = _filled(inner, dice)
    if how in _ZERO_WIDTH:
        mark, step = _ZERO_WIDTH[how], dice.choice((1, 4, 7))
        return mark.join(value[start : start + step] for start in range(0, len(value), step))
    return _ENCODED[how](value)


def _uuid(dice: random.Random) -> str:
    digits = _text("0123456789abcdef", 32, dice)
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:]))


def _jwt(dice: random.Random) -> str:
    claims = f'{{"sub":"{_text(_DIGITS, 6, dice)}","role":"service","iat":17{_text(_DIGITS, 8, dice)}}}'
    head, body = (
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in ('{"alg":"HS256","typ":"JWT"}', claims)
    )
    return f"{head}.{body}.{_text(_ALPHABETS['w'], 43, dice)}"


def _pem(dice: random.Random) -> str:
    kind = dice.choice(("RSA ", "EC ", "", "OPENSSH "))
    lines = "\n".join(_text(_ALPHABETS["b"], 64, dice) for _ in range(dice.randrange(3, 9)))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


def _password(dice: random.Random) -> str:
    one, two = dice.choice(_WORDS), dice.choice(_WORDS)
    digits, mark = _text(_DIGITS, dice.choice((2, 3, 4)), dice), dice.choice(_MARKS)
    return dice.choice(
        (
            f"{one.capitalize()}{digits}{mark}",
            f"{one}{digits}",
            f"{one}-{two}-{digits}",
            f"{one.capitalize()}{two.capitalize()}{digits}",
            f"{one.translate(_LEET)}{mark}{two.translate(_LEET)}",
            f"{mark}{one.capitalize()}{mark}{digits}",
            _text(_ALPHABETS["a"], 10, dice) + digits,
            _text(_ALPHABETS["a"] + _MARKS, 14, dice) + digits,
            _text(_ALPHABETS["l"], 9, dice) + digits,
        )
    )


def _words(dice: random.Random) -> str:
    return " ".join(dice.sample(_WORDS, 12))


_SPECIAL: dict[str, Callable[[random.Random], str]] = {
    "uuid": _uuid,
    "jwt": _jwt,
    "pem": _pem,
    "pw": _password,
    "words": _words,
}
_ENCODED: dict[str, Callable[[str], str]] = {
    "b64": lambda value: base64.b64encode(value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "pct": lambda value: quote(value, safe=""),
    "uni": lambda value: "".join(f"\\u{ord(it):04x}" for it in value),
    "html": lambda value: "".join(f"&#{ord(it)};" for it in value),
}
