"""What a source is: how its file is split into entries, and what an entry says.

Splitting and understanding are two steps so that an entry which hasn't changed since the last scan needs only
the first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mem0_syncd.core.item import Item
from mem0_syncd.core.position import Position
from mem0_syncd.errors import Problem
from mem0_syncd.sources.limits import DOCUMENT_MEMORY, SMALL, memory_to_parse, within_limits
from mem0_syncd.system.unreadable_file import Unreadable

NOT_UTF_8 = "save the file as UTF-8"


class Raw(NamedTuple):
    """One entry of a file, before it is understood: where it is in the file, and its JSON value.

    `at` is its place, or its number in the list of decisions: of very many entries few are ever asked.
    """

    at: Position | int
    value: Any

    @property
    def place(self) -> Position:
        """Its place in the file."""
        return self.at if isinstance(self.at, Position) else Position(part=f"decisions[{self.at}]")


@dataclass(frozen=True, slots=True)
class Broken:
    """The value of an entry that can't be split off cleanly: why, and the way out."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of one entry, or one file: its items, and its problems."""

    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One format: where its file is, and the two pure steps from its bytes to items.

    `path` is relative to the project's root, with forward slashes. `split` yields entries one by one, and
    raises `Unreadable`, maybe after some of them; `understand` takes an entry and the project's id. An
    `appended` file is one of lines that grows at its end.
    """

    name: str
    path: str
    split: Callable[[bytes], Iterator[Raw]]
    understand: Callable[[Raw, str], Reading]
    appended: bool = False

    def read(self, raw: Raw, project: str) -> Reading:
        """The content of an entry within the limits of its fields; raises nothing, for any entry."""
        try:
            reading = self.understand(raw, project)
        except Exception as error:  # noqa: BLE001 - no entry costs a neighbour
            what = f"it can't be understood ({type(error).__name__})"
            return fault(self.path, raw, what, "correct or remove the entry, and please report it")
        return within_limits_of(reading)


def within_limits_of(reading: Reading) -> Reading:
    """A reading without the fields that are too long, and the problems of these."""
    items, problems = [], reading.problems
    for item in reading.items:
        within, said = within_limits(item)
        items += [] if within is None else [within]
        problems += tuple(it for it in said if it not in problems)
    return Reading(tuple(items), problems)


def parse_json(data: bytes) -> Any:
    """The JSON document that `data` holds; raises `Unreadable` with line and column."""
    check_not_empty(data)
    if len(data) > SMALL and (needed := memory_to_parse(data)) > DOCUMENT_MEMORY:
        raise Unreadable(
            f"too much to be read: it could take {needed >> 20:,} MiB of memory,"
            f" of {DOCUMENT_MEMORY >> 20} at most",
            remedy="shorten it, or move it away",
        )
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        place = Position(part=f"byte {error.start}")
        raise Unreadable(invalid_utf_8(error), place=place, remedy=NOT_UTF_8) from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"not JSON: {complaint(error)}",
            place=Position(error.lineno, error.colno),
            remedy="correct the JSON there, or restore the file from version control",
        ) from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"not usable JSON: {error}", remedy="simplify the document") from None


def check_not_empty(data: bytes) -> None:
    """Raise `Unreadable` for a file without content."""
    if not data or data.isspace():
        raise Unreadable("the file is empty", remedy="restore it from version control, or delete it")


def invalid_utf_8(error: UnicodeDecodeError) -> str:
    """The message for bytes that aren't text, besides their place."""
    return f"invalid UTF-8 (byte {error.object[error.start]:#04x})"


_WITHOUT_PLACE = {
    "Unterminated string starting at": "Unterminated string",
    "Invalid control character at": "Invalid control character",
}


def complaint(error: json.JSONDecodeError) -> str:
    """The parser's message, without the words about the place."""
    return _WITHOUT_PLACE.get(error.msg, error.msg)


def fault(path: str, raw: Raw, what: str, remedy: str) -> Reading:
    """The reading of an entry without an item: only its problem, and where it is."""
    return Reading(problems=(Problem(what, raw.place.within(path), remedy),))


def not_an_object(path: str, raw: Raw, noun: str) -> Reading:
    """The reading of an entry that is broken, or isn't a JSON object where `noun` should be one."""
    if isinstance(raw.value, Broken):
        return fault(path, raw, raw.value.what, raw.value.remedy)
    what = f"{noun} is an object, not {_json_type(raw.value)}"
    return fault(path, raw, what, "remove or correct the entry")


def text_of(value: object) -> str:
    """A value as clean text: trimmed, without NULs or lone surrogates; '' for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    # SQLite, Mem0 and PostgreSQL each refuse one of these two; JSON allows both.
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode("utf-8").strip()


def first_text(entry: Mapping[str, Any], *names: str) -> str:
    """The first of the named fields that holds text, else ''."""
    return next(filter(None, (text_of(entry.get(name)) for name in names)), "")


def fields_of(value: object) -> Mapping[str, Any]:
    """The fields of a value that may be an object; none if it isn't one."""
    return value if isinstance(value, dict) else {}


def texts_of(value: object) -> list[str]:
    """The texts of a list whose members are texts, or objects with one; a single text counts."""
    members = value if isinstance(value, list) else [value]
    found = []
    for member in members:
        if isinstance(member, dict):
            member = first_text(member, "option", "name", "title", "alternative", "description", "what")
        found.append(text_of(member))
    return [text for text in found if text]


def _json_type(value: object) -> str:
    names = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "null")
