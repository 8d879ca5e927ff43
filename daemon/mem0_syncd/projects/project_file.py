"""A project's own file, `.claude/mem0-syncd.toml`: what it asks for."""

from __future__ import annotations

import tomllib
from typing import Any

from mem0_syncd.core.consent import SILENT, Asked
from mem0_syncd.core.destination_kinds import NAMES
from mem0_syncd.core.item import Kind
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.system.unreadable_file import RefusedFile
from mem0_syncd.system.untrusted_folder import LONGEST_SETTINGS, UntrustedFolder

PATH = ".claude/mem0-syncd.toml"

_KINDS = {kind.value: kind for kind in Kind}


class BadProjectFile(Exception):
    """The file can't be used; `problem` says why, for when what was agreed holds, and `remedy` what helps."""

    def __init__(
        self, what: str, place: str = "", remedy: str = "correct it", *, needs_you: bool = True
    ) -> None:
        super().__init__(what)
        self.remedy = remedy
        where = f"{PATH}: {place}" if place else PATH
        self.problem = Problem(what, where, f"{remedy}; what was agreed holds until then", needs_you)


def read(folder: UntrustedFolder) -> Asked:
    """What a project's own file asks for; raises `BadProjectFile`, and `OSError` if file handles run out."""
    try:
        said = tomllib.loads(folder.read(PATH, LONGEST_SETTINGS).decode())
    except (FileNotFoundError, NotADirectoryError):
        return SILENT
    except RefusedFile as error:
        raise BadProjectFile(error.what, remedy=error.remedy, needs_you=error.needs_you) from None
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
    if destination not in (None, *NAMES):
        raise BadProjectFile(
            f"{destination!r} isn't a destination; there are {', '.join(NAMES)}", "destination"
        )
    exclude = _texts(said["exclude"], "exclude") if "exclude" in said else None
    return Asked(name, _kinds(said["kinds"]) if "kinds" in said else None, exclude, destination)


def _kinds(value: Any) -> frozenset[Kind]:
    names = _texts(value, "kinds")
    for name in names:
        if name not in _KINDS:
            raise BadProjectFile(f"{name!r} isn't a kind; there are {', '.join(_KINDS)}", "kinds")
    return frozenset(_KINDS[name] for name in names)


def _texts(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise BadProjectFile("it must be a list of texts", place)
    return tuple(value)
