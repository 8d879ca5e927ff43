"""What a project's own file asks for beyond what was agreed, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.core.consent import Consent, Terms
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.errors import Problem

FILE = ".claude/mem0-syncd.toml"

LONGEST_VALUE = 200
"""Characters of a value in a problem, because a stranger's file may hold any text."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that waits: what holds now, '' if nothing was ever agreed, and what it would be."""

    name: str
    now: str
    asked: str


def differences(consent: Consent, place: Callable[[str | None], str] = str) -> Iterator[Difference]:
    """The values that wait; `place` returns where a destination's name leads, for None that of all."""
    asked, now = consent.waiting, consent.terms if consent.id is not None else None
    if asked.id is not None:
        yield Difference("id", consent.id or "", asked.id)
    if asked.destination is not None:
        yield Difference("destination", place(now.destination) if now else "", place(asked.destination))
    if asked.kinds is not None:
        yield Difference("kinds", _kinds(now.kinds) if now else "", _kinds(asked.kinds))
    if asked.exclude is not None:
        yield Difference("exclude", _patterns(now.exclude) if now else "", _patterns(asked.exclude))


def problem(consent: Consent, folder: Path, name: str, everybodys: str) -> Problem | None:
    """The problem that `status` shows of what waits, if anything does; `name` is the project's."""
    there = list(differences(consent, lambda it: it or everybodys))
    if not there:
        return None
    values = "; ".join(
        f"{it.name} {_short(it.asked)}" + (f" (agreed: {_short(it.now)})" if it.now else "") for it in there
    )
    what = f"the project's own file asks for more than was agreed: {values}"
    if consent.id is None:
        what = f"nothing of the project is sent: its own file asks for what you haven't agreed to: {values}"
    return Problem(what, str(folder / FILE), f"if you agree: mem0-syncd project accept {name}")


def global_problem(count: int, folder: Path, name: str) -> Problem | None:
    """The problem that `status` shows of best practices that wait, if there are some."""
    if not count:
        return None
    some = "a best practice waits" if count == 1 else f"{count} best practices wait"
    return Problem(
        f"{some}: what goes to {GLOBAL_BEST_PRACTICES} turns up in the recall of every project",
        str(folder),
        f"if you agree: mem0-syncd project accept {name}",
    )


def terms_in_words(terms: Terms) -> list[Difference]:
    """The kinds and exclusions that aren't everything, as `project add` shows them."""
    said = []
    if terms.kinds != frozenset(Kind):
        said.append(Difference("kinds", "", _kinds(terms.kinds)))
    if terms.exclude:
        said.append(Difference("exclude", "", _patterns(terms.exclude)))
    return said


def _kinds(kinds: Iterable[Kind]) -> str:
    wanted = set(kinds)
    return ", ".join(it.value for it in Kind if it in wanted) or "none"


def _patterns(patterns: Iterable[str]) -> str:
    return ", ".join(map(repr, patterns)) or "nothing"


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."
