"""JSON Lines as they are found: by writers that take no lock, and crash in mid-line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mem0_syncd.core.position import Position
from mem0_syncd.sources.base import Broken, Raw, complaint, invalid_utf_8
from mem0_syncd.sources.limits import LARGEST_ENTRY, TOO_LARGE_REMEDY, is_too_large, too_large

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A file system that lost power may leave NULs where a line was to be; the next one is appended to them.
_PADDING = b"\x00\r"
_BLANK = re.compile(rb"(?:[ \t\r\x00]*+\n)++")
_WHITE_SPACE = re.compile(r"[ \t\r\n]*+")
_DECODER = json.JSONDecoder()

_MOST_HELD = 1000
"""Entries of a block that wait for its end at most, until it shows whether they are broken."""


def split(data: bytes) -> Iterator[Raw]:
    """The file's entries: one a line, or a pretty-printed object over several lines.

    What isn't JSON is an entry whose value is `Broken`. At the end of a file without a final newline it isn't
    an entry yet, because a writer is still at work.
    """
    is_growing = bool(data[data.rfind(b"\n") + 1 :].strip(_PADDING + b" \t"))
    block = _Block()
    for number, line in _lines(data):
        # A pretty-printed object has its brace at the margin, and its members further in.
        if line.startswith(b"{"):
            yield from block.end()
            block = _Block()
        yield from block.add(number, line)
    yield from block.end(is_growing=is_growing)


def start_of_last_block(data: bytes) -> int:
    """Where the lines begin that may be one object without its end."""
    return data.rfind(b"\n{", 0, max(0, data.rfind(b"\n"))) + 1


class _Block:
    """The lines from one brace at the margin to the next.

    They are one pretty-printed object only if the first of them isn't JSON by itself.
    """

    def __init__(self) -> None:
        self._first = 0
        self._lines: list[bytes] | None = []
        self._size = 0
        self._held: list[Raw] = []

    def add(self, number: int, line: bytes) -> Iterator[Raw]:
        """Add a line; yields what is an entry already."""
        self._first = self._first or number
        if self._lines is not None:
            self._lines.append(line)
            self._size += len(line) + 1
        for raw in _values(line, Position(number)):
            is_broken = isinstance(raw.value, Broken)
            if not is_broken and not self._held:
                self._lines = None
                yield raw
                continue
            self._held.append(raw)
            if len(self._held) > _MOST_HELD and self._lines is None:
                yield from self._held
                self._held = []
        if self._size > LARGEST_ENTRY or len(self._held) > LARGEST_ENTRY // 64:
            self._lines = None

    def end(self, *, is_growing: bool = False) -> Iterator[Raw]:
        """The other entries, when the block is whole, or its writer is still at work."""
        if self._held and self._lines is not None and len(self._lines) > 1:
            whole = list(_values(b"\n".join(self._lines), Position(self._first)))
            if len(whole) == 1 and isinstance(whole[0].value, dict):
                yield whole[0]
                return
        for raw in self._held:
            if not (is_growing and isinstance(raw.value, Broken)):
                yield raw


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that aren't blank, with their numbers, without padding."""
    at, number = 0, 1
    while at < len(data):
        if blank := _BLANK.match(data, at):
            number += data.count(b"\n", at, blank.end())
            at = blank.end()
            continue
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end].strip(_PADDING).removeprefix(_BYTE_ORDER_MARK)
        if line:
            yield number, line
        at, number = end + 1, number + 1


def _values(line: bytes, place: Position) -> Iterator[Raw]:
    # Usually one, or none. Several objects on a line are from a writer that left its newline out.
    if is_too_large(line):
        yield Raw(place, Broken(too_large("the line", len(line)), TOO_LARGE_REMEDY))
        return
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        yield Raw(place, Broken(invalid_utf_8(error), "save the line as UTF-8, or remove it"))
        return
    at, is_first = _next(text, 0), True
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield Raw(place, _not_json(f"{complaint(error)}, column {error.colno}"))
            return
        except (RecursionError, ValueError) as error:
            yield Raw(place, _not_json(str(error)))
            return
        following = _next(text, end)
        if following < len(text) and not isinstance(value, dict):
            yield Raw(place, _not_json(f"more than one value, column {following + 1}"))
            return
        yield Raw(place if is_first else place._replace(column=at + 1), value)
        at, is_first = following, False


def _next(text: str, at: int) -> int:
    match = _WHITE_SPACE.match(text, at)
    return match.end() if match else at


def _not_json(why: str) -> Broken:
    return Broken(f"not JSON: {why}", "correct the line, or remove it")
