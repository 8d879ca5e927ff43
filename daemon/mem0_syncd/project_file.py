"""A project's own settings, `.claude/mem0-syncd.toml`: its id, what of it is delivered, and where to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.item import Item, Kind
from mem0_syncd.unreadable import Refused
from mem0_syncd.watched_folder import LONGEST_SETTINGS, WatchedFolder

PATH = ".claude/mem0-syncd.toml"

DESTINATIONS = ("platform", "server", "embedded")
"""What a project may name as its own; each is reached as the user's settings say."""

_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What the file says; without one, everything is delivered.

    `exclude` holds shell patterns: an item is withheld whose id, category or file matches one of them.
    """

    id: str | None = None
    kinds: frozenset[Kind] = frozenset(Kind)
    exclude: tuple[str, ...] = ()
    destination: str | None = None

    def reason_to_withhold(self, item: Item) -> str | None:
        """Why the project doesn't want an item delivered, if so."""
        if item.kind not in self.kinds:
            return f"{PATH} doesn't list {item.kind.value}"
        names = (item.source_id or "", str(item.metadata.get("category", "")), item.path)
        for pattern in self.exclude:
            if any(fnmatchcase(name, pattern) for name in names if name):
                return f"{PATH} excludes {pattern}"
        return None


EVERYTHING = ProjectFile()


class BadProjectFile(Exception):
    """The file can't be used; `problem` says why."""

    def __init__(self, what: str, place: str = "", remedy: str = "mend it") -> None:
        super().__init__(what)
        where = f"{PATH}: {place}" if place else PATH
        self.problem = Problem(
            what, where, f"{remedy}; until then what it said last holds, or nothing is sent"
        )


def read(folder: WatchedFolder) -> ProjectFile:
    """A project's own settings; raises `BadProjectFile`, and `OSError` for want of file handles."""
    try:
        said = tomllib.loads(folder.read(PATH, LONGEST_SETTINGS).decode())
    except (FileNotFoundError, NotADirectoryError):
        return EVERYTHING
    except Refused as error:
        raise BadProjectFile(error.what, remedy=error.remedy) from None
    except (OSError, ValueError, RecursionError) as error:
        if is_want_of_handles(error):
            raise
        raise BadProjectFile(f"not TOML, or not to be read: {error}") from None
    unknown = sorted(said.keys() - {"id", "kinds", "exclude", "destination"})
    if unknown:
        raise BadProjectFile(f"unknown: {', '.join(unknown)}", unknown[0])
    name = said.get("id")
    if name is not None and not isinstance(name, str):
        raise BadProjectFile("the id is a text", "id")
    destination = said.get("destination")
    if destination not in (None, *DESTINATIONS):
        raise BadProjectFile(
            f"{destination!r} is no destination; there are {', '.join(DESTINATIONS)}", "destination"
        )
    exclude = _texts(said.get("exclude", []), "exclude")
    return ProjectFile(name, _kinds(said.get("kinds")), exclude, destination)


def _kinds(value: Any) -> frozenset[Kind]:
    if value is None:
        return frozenset(Kind)
    names = _texts(value, "kinds")
    for name in names:
        if name not in _KINDS:
            raise BadProjectFile(f"{name!r} is no kind; there are {', '.join(_KINDS)}", "kinds")
    return frozenset(_KINDS[name] for name in names)


def _texts(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise BadProjectFile("a list of texts is wanted", place)
    return tuple(value)
