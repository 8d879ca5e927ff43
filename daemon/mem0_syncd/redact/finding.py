"""A finding: the place and kind of a secret, never the secret itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_TAIL = re.compile(r"[\w+=~%-]*(?:\.[\w+=~-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Finding:
    """One stretch of a text that must not leave; it holds positions only, so it is safe to log."""

    kind: str
    start: int
    end: int


def tokens(
    kind: str, pattern: re.Pattern[str], text: str, accepts: Callable[[str], bool] = bool
) -> Iterator[Finding]:
    """The tokens that start as the pattern says, each to its very end.

    Patterns know how long a token is today. The rest of the same word is taken with it. The search goes on
    after the word, so that any text takes linear time.
    """
    at = 0
    while match := pattern.search(text, at):
        tail = _TAIL.match(text, match.end())
        at = tail.end() if tail else match.end()
        if accepts(text[match.start() : at]):
            yield Finding(kind, match.start(), at)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in their order in the text, adjacent ones merged under the first one's kind."""
    union: list[tuple[int, Finding]] = []
    for rank, found in sorted(enumerate(findings), key=lambda ranked: ranked[1].start):
        if union and found.start <= union[-1][1].end:
            best, before = union.pop()
            kind = before.kind if best <= rank else found.kind
            union.append((min(best, rank), Finding(kind, before.start, max(before.end, found.end))))
        else:
            union.append((rank, found))
    return [found for _, found in union]
