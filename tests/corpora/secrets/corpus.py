"""The corpus of secrets and of texts without any, from which redaction is tuned and measured.

All secrets are invented: the files hold formats, not values. A case belongs to a family, which is a
format for those that stand under a name or bare, and a context for those that a command, a header, an
address, a file or an encoding gives away. A third of the families, by a hash of their names, is held out:
none of their cases is looked at while rules are tuned, and what is published is measured on them.
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from corpora.secrets.invention import INVISIBLE, invented

HERE = Path(__file__).parent
GROUPS = ("named", "bare", "command", "header", "url", "file", "encoded")
SHORTEST_PIECE = 6
"""So many characters of a secret in a row are worth guessing by, and none may be left."""

_NAMED_EACH, _BARE_EACH, _VALUES_EACH = {"own_form": 2, "needs_name": 4, "passwords": 8}, 2, 2
_LITERAL = re.compile(r"\{\w+\}|\{\w+:|\}")
_GLUE = re.compile(rf"[\s\"'\\+{INVISIBLE}]+")


@dataclass(frozen=True, slots=True)
class Case:
    """A text with one secret in it; `open_part` is what of the secret everybody knows."""

    family: str
    group: str
    kind: str
    text: str
    secret: str
    open_part: str

    @property
    def is_held_out(self) -> bool:
        """Whether it belongs to the third that is never looked at."""
        return is_held_out(self.family)

    def survivors(self, clean: str) -> set[str]:
        """The pieces of the secret, as written or without what splits it, that a cleaned text still holds."""
        parts, plain = [part for part in _GLUE.split(self.secret) if part], _GLUE.sub("", clean)
        left = {piece for part in parts for piece in _pieces(part) if piece in clean}
        if len(parts) > 1:
            left |= {piece for piece in _pieces("".join(parts)) if piece in plain}
        return {piece for piece in left if piece not in self.open_part}


def is_held_out(family: str) -> bool:
    """Whether a family is of the third that is kept apart: its name decides, and nobody chooses."""
    return hashlib.sha256(family.encode()).digest()[0] % 3 == 0


@cache
def cases() -> tuple[Case, ...]:
    """Every secret in its place, always the same."""
    return tuple(_named_and_bare()) + tuple(_in_contexts())


@cache
def benign() -> tuple[tuple[str, bool], ...]:
    """Texts without a secret, and whether they use the words (key, token, salt, ...) for something else."""
    tables = _read("benign.toml")
    texts = dict.fromkeys(tables["plain"], False)
    texts |= dict.fromkeys(tables["words"]["texts"], True)
    for name in tables["words"]["names"]:
        dice = random.Random(name)
        for template in dice.sample(tables["words"]["templates"], 6):
            value = dice.choice(tables["words"]["values"])
            texts[_named(template, name, "").replace("{s}", value)] = True
    return tuple(texts.items())


def _named_and_bare() -> Iterator[Case]:
    formats, placements = _read("formats.toml"), _read("placements.toml")
    for form, groups in formats.items():
        for group, rows in groups.items():
            for kind, name, words, template in rows:
                dice = random.Random(kind)
                count = _NAMED_EACH[group if group == "passwords" else form]
                for placement in dice.sample(sorted(placements["named"]), count):
                    text = _named(placements["named"][placement], name, words)
                    yield _case(kind, "named", group, placement, text, template)
                if group == "passwords":
                    continue
                for placement in dice.sample(
                    sorted(placements["bare"]), _BARE_EACH if form == "own_form" else 1
                ):
                    text = placements["bare"][placement].replace("{{", "{").replace("}}", "}")
                    yield _case(
                        kind, "bare", group if form == "own_form" else "no form", placement, text, template
                    )


def _in_contexts() -> Iterator[Case]:
    for group, contexts in _read("contexts.toml").items():
        for name, (template, text) in contexts.items():
            for number in range(_VALUES_EACH):
                seed = f"{group}/{name}/{number}"
                around = invented(text.replace("{s}", "\0"), f"{seed}/around").replace("\0", "{s}")
                yield _case(f"{group}/{name}", group, group, str(number), around, template)


def _case(family: str, group: str, kind: str, placement: str, text: str, template: str) -> Case:
    secret = invented(template, f"{family}/{placement}")
    open_part = " ".join(_LITERAL.split(template))
    return Case(family, group, kind, text.replace("{s}", secret), secret, open_part)


def _named(template: str, name: str, words: str) -> str:
    parts = name.lower().split("_")
    camel = parts[0] + "".join(part.capitalize() for part in parts[1:])
    names = {"N": name, "n": name.lower(), "c": camel, "k": "-".join(parts), "w": words or " ".join(parts)}
    names["C"] = camel[:1].upper() + camel[1:]
    for letter, value in names.items():
        template = template.replace(f"{{{letter}}}", value)
    return template.replace("{{", "{").replace("}}", "}")


def _pieces(part: str) -> set[str]:
    return {part[start : start + SHORTEST_PIECE] for start in range(len(part) - SHORTEST_PIECE + 1)}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text("utf-8"))
