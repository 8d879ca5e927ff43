"""Whether the memories under a project's id are another repository's: the pure decision."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = ""
"""The origin of what isn't in git, or whose first commit can't be read; no memory carries it."""

MOST = 20
"""The most origins that are told apart in one user id."""

_FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Stated:
    """How many memories of a user id carry an origin; `newest` is Mem0's time of the newest."""

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
    """The origin that a memory carries; `UNKNOWN` for anything that isn't one."""
    return said if isinstance(said, str) and _FORM.fullmatch(said) else UNKNOWN


class OriginCounts:
    """Counts the origins of some memories, one by one."""

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

    An unknown origin on either side is equal to everything if the id is the folder's name or the user's
    choice. It is equal to nothing if a file asked for the id. If the project `has_delivered`, memories
    without an origin may be its own.
    """
    if stated in project.same or (stated == project.origin != UNKNOWN):
        return False
    if stated == UNKNOWN:
        return project.id_is_asked and not has_delivered
    return project.origin != UNKNOWN or project.id_is_asked
