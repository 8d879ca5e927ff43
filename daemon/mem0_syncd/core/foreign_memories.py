"""Whose memories are under a project's id: the pure decision of whether they are another repository's."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = ""
"""The origin of what isn't in git, or whose first commit can't be told; no memory says it."""

MOST = 20
"""OriginCounts that are told apart in one user id."""

_FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Stated:
    """How many memories of a user id say an origin; `newest` is when the newest was made, as Mem0 says."""

    origin: str
    count: int
    newest: str


@dataclass(frozen=True, slots=True)
class Whose:
    """A project's origin, those that count as the same, and whether a file asked for the project's id."""

    origin: str = UNKNOWN
    same: frozenset[str] = frozenset()
    id_is_asked: bool = False


def understood(said: object) -> str:
    """The origin that a memory says; `UNKNOWN` for whatever isn't one."""
    return said if isinstance(said, str) and _FORM.fullmatch(said) else UNKNOWN


class OriginCounts:
    """The origins among some memories, as one after the other is added."""

    def __init__(self) -> None:
        self._found: dict[str, Stated] = {}

    def add(self, origin: str, created_at: str) -> None:
        """Add a memory, which Mem0 made at `created_at`."""
        before = self._found.get(origin, Stated(origin, 0, ""))
        if before.count or len(self._found) < MOST:
            self._found[origin] = Stated(origin, before.count + 1, max(before.newest, created_at))

    @property
    def stated(self) -> tuple[Stated, ...]:
        """Each origin, that of most memories first."""
        return tuple(sorted(self._found.values(), key=lambda it: (-it.count, it.origin)))


def are_strangers(stated: str, project: Whose, *, has_delivered: bool) -> bool:
    """Whether memories of an origin under a project's id are another project's.

    What is unknown on either side is equal to everything for an id that is the folder's name or the user's
    word, and to nothing for one that a file asked for. Where the project `has_delivered`, what says no
    origin may be its own.
    """
    if stated in project.same or (stated == project.origin != UNKNOWN):
        return False
    if stated == UNKNOWN:
        return project.id_is_asked and not has_delivered
    return project.origin != UNKNOWN or project.id_is_asked
