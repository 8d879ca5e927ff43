"""Limits of reading: bytes of a file, memory of its parts, characters of a memory's fields."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mem0_syncd.errors import Problem

if TYPE_CHECKING:
    from mem0_syncd.core.item import Item

_MIB = 1 << 20

MOST_ENTRIES = 120_000
"""Entries of one file, or of one read of a file that is appended to."""

LARGEST_ENTRY = 6 * _MIB
"""Bytes of one entry. A text that is sent is far shorter (`item.LONGEST_TEXT`)."""

ENTRY_MEMORY = 28 * _MIB
"""Bytes of memory that an entry may take while it is read."""

DOCUMENT_MEMORY = 96 * _MIB
"""The same for a document that is read as one, of which there is never more than one at a time."""

LONGEST_FIELD = 1000
"""Characters of an id, a time, an agent or a category."""

SMALL = 256 << 10
"""Bytes that need no check of their parts: they never take much memory."""

_MOST_QUOTES = 400_000
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STEP = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+("|\Z)|[\[\]{}]', re.DOTALL)
_BARE = re.compile(rb"[^\s,\]}]*+")
_MOST_BRACKETS = 1_000_000


def memory_to_parse(data: bytes) -> int:
    """The most bytes of memory that it takes to parse some JSON, hash it and free it."""
    # Of a text that isn't ASCII a character takes up to four bytes, and twelve once it is written as ASCII.
    width = 4 if data.isascii() and b"\\u" not in data else 8
    return width * len(data) + 30 * data.count(b'"') + _memory_of_values(data)


def _memory_of_values(data: bytes) -> int:
    return 250 * data.count(b"{") + 90 * data.count(b"[") + 60 * data.count(b",")


def is_too_large(entry: bytes) -> bool:
    """Whether an entry is over a limit."""
    if len(entry) <= SMALL:
        return False
    needed = memory_to_parse(entry) if len(entry) <= LARGEST_ENTRY else math.inf
    if ENTRY_MEMORY < needed < math.inf and entry.count(b'"') <= _MOST_QUOTES:
        # Brackets and commas within texts make no values.
        needed += _memory_of_values(_STRING.sub(b"", entry)) - _memory_of_values(entry)
    return needed > ENTRY_MEMORY


def end_of_value(data: bytes, start: int) -> int | None:
    """Where a JSON value ends, without parsing it; None if it doesn't, or has too many parts."""
    if data[start : start + 1] not in (b'"', b"[", b"{"):
        match = _BARE.match(data, start)
        return match.end() if match else None
    depth = 0
    for number, step in enumerate(_STEP.finditer(data, start)):
        if number >= _MOST_BRACKETS:
            return None
        match step.group()[:1]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}":
                depth -= 1
            case _ if not step.group(1):  # a text without an end
                return None
        if depth <= 0:
            return step.end()
    return None


def too_large(noun: str, size: int) -> str:
    """The message for a part of a file that is over a limit, besides its place."""
    if size <= LARGEST_ENTRY:
        return f"{noun} is of too many parts: it would take more than {ENTRY_MEMORY // _MIB} MiB of memory"
    return f"{noun} is too large: {size / _MIB:.1f} MiB, of {LARGEST_ENTRY // _MIB} at most"


TOO_LARGE_REMEDY = "shorten it, or move it elsewhere; the others are read all the same"


def within_limits(item: Item) -> tuple[Item | None, tuple[Problem, ...]]:
    """An item without fields that are too long, and the problems.

    A field that tells items apart is never cut: if it is too long, the whole item is left out.
    """
    where = item.place.within(item.path)
    for name, value in (("id", item.source_id), ("time", item.when), ("agent", item.agent_id)):
        if value is not None and len(value) > LONGEST_FIELD:
            what = f"the {name} has {len(value):,} characters, of {LONGEST_FIELD:,} at most; it is left out"
            return None, (Problem(what, where, f"shorten the {name}"),)
    long = {name: it for name, it in item.metadata.items() if isinstance(it, str) and len(it) > LONGEST_FIELD}
    if not long:
        return item, ()
    cut = {name: value[:LONGEST_FIELD] for name, value in long.items()}
    problems = tuple(
        Problem(
            f"the {name} has {len(value):,} characters, of which {LONGEST_FIELD:,} are sent",
            where,
            f"shorten the {name}",
        )
        for name, value in long.items()
    )
    return replace(item, metadata={**item.metadata, **cut}), problems
