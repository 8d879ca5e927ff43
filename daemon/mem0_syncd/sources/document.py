"""A JSON document, read value by value: of a long one only a part is ever in memory as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from mem0_syncd.core.position import Position
from mem0_syncd.sources.base import NOT_UTF_8, Broken, complaint, invalid_utf_8
from mem0_syncd.sources.limits import LARGEST_ENTRY, TOO_LARGE_REMEDY, end_of_value, is_too_large, too_large
from mem0_syncd.system.unreadable_file import Unreadable

WINDOW = 256 << 10
"""Bytes that are decoded at a time; a longer value is checked before it is parsed."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = re.compile(r"[ \t\r\n]*+")
_CONTINUES = 0x80
_CONTINUES_MASK = 0xC0
_LONG_LINE = 1 << 20
_MOST_DIGITS = 4300
_MEND = "correct the JSON there, or restore the file from version control"


def _whole_number(digits: str) -> int | str:
    # What Python doesn't take for a number stays a text: otherwise its entry's end couldn't be found.
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


_DECODER = json.JSONDecoder(parse_int=_whole_number)


def _scan(text: str, at: int) -> tuple[Any, int]:
    value, end = _DECODER.raw_decode(text, at)
    return value, end


class Document:
    """One document's bytes, and how far they are read; every method raises `Unreadable`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._origin = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
        self._text, self._at = "", 0
        self._base = self._end = self._origin

    def peek(self) -> str:
        """The next character that isn't white space; '' at the end."""
        while True:
            match = _WHITE_SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._end >= len(self._data):
                return ""
            self._move_to(self._end)

    def members(self) -> Iterator[str]:
        """The names of an object's members; each member's value must be read before the next one."""
        self._at += 1
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                self._fail("Expecting property name enclosed in double quotes")
            name = self.value()
            if self.peek() != ":":
                self._fail("Expecting ':' delimiter")
            self._at += 1
            yield name
            if not self._goes_on("}"):
                return

    def elements(self) -> Iterator[Any]:
        """The values of an array; one that is too large or too deep to be read is `Broken`."""
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        tried = -1
        while True:
            yield self.value()
            end, window = self._at, self._base
            if not self._goes_on("]"):
                return
            self.peek()
            if window != tried and self._base == window:
                tried = window
                if values := self._most_elements(between=self._text[end : self._at + 1]):
                    yield from values
                    self._goes_on("]")

    def value(self) -> Any:
        """The next value; one that is too large or too deep to be read is `Broken`."""
        self.peek()
        while True:
            is_last = self._end >= len(self._data)
            try:
                value, end = _scan(self._text, self._at)
            except json.JSONDecodeError as error:
                failure, at = complaint(error), error.pos
            except RecursionError:
                return self._pass_over(self._offset(self._at))
            else:
                if is_last or end < len(self._text):  # a number may go on behind the window
                    self._at = end
                    return value
                failure, at = "", end
            if is_last:
                self._fail(failure, at)
            if self._at == 0 and self._end - self._base >= WINDOW - 4:
                return self._large_value()
            self._move_to(self._offset(self._at))

    def end(self) -> None:
        """Check that nothing more follows."""
        if self.peek():
            self._fail("Extra data")

    def _goes_on(self, closing: str) -> bool:
        following = self.peek()
        if following not in (",", closing) or not following:
            self._fail("Expecting ',' delimiter")
        self._at += 1
        return following == ","

    def _most_elements(self, between: str) -> list[Any]:
        """Those of an array's next values that are whole within the window, all but the last; or none.

        They are read up to the last place that looks like `between`, which is what is between two values, and
        the beginning of the second. One call for all of them takes a third of the time of one call each.
        """
        end = self._text.rfind(between, self._at)
        text = f"[{self._text[self._at : max(end, self._at)]}]"
        try:
            values, length = _scan(text, 0)
        except (json.JSONDecodeError, RecursionError):
            return []  # what is wrong with which of them is found one by one
        # It is a list as a whole only if the last place was between two values, and not within one.
        if end < 0 or length < len(text):
            return []
        self._at = end
        return list(values)

    def _large_value(self) -> Any:
        start = self._base
        end = end_of_value(self._data, start)
        if end is None:
            raise Unreadable(
                "not JSON: a value doesn't end, or is of too many parts",
                place=self._place(start),
                remedy=_MEND,
            )
        if end - start > LARGEST_ENTRY or is_too_large(self._data[start:end]):
            return self._pass_over(start, end)
        self._move_to(start, end - start)
        try:
            value, self._at = _scan(self._text, 0)
        except json.JSONDecodeError as error:
            self._fail(complaint(error), error.pos)
        except RecursionError:
            return self._pass_over(start, end)
        return value

    def _pass_over(self, start: int, end: int | None = None) -> Broken:
        end_of_it = end if end is not None else end_of_value(self._data, start)
        if end_of_it is None:
            raise Unreadable(
                "not usable JSON: it is nested too deep",
                place=self._place(start),
                remedy="simplify the document",
            )
        self._move_to(end_of_it)
        if end is None or (end - start <= LARGEST_ENTRY and not is_too_large(self._data[start:end])):
            return Broken("it is nested too deep", TOO_LARGE_REMEDY)
        return Broken(too_large("it", end - start), TOO_LARGE_REMEDY)

    def _move_to(self, start: int, size: int = WINDOW) -> None:
        end = min(start + size, len(self._data))
        for _ in range(3):  # no character is split
            if end < len(self._data) and self._data[end] & _CONTINUES_MASK == _CONTINUES:
                end -= 1
        try:
            self._text = self._data[start:end].decode()
        except UnicodeDecodeError as error:
            raise Unreadable(
                invalid_utf_8(error), place=Position(part=f"byte {start + error.start}"), remedy=NOT_UTF_8
            ) from None
        self._at, self._base, self._end = 0, start, end

    def _offset(self, at: int) -> int:
        """Where in the bytes a character of the window is."""
        return self._base + (at if self._text.isascii() else len(self._text[:at].encode()))

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        offset = self._offset(self._at if at is None else at)
        raise Unreadable(f"not JSON: {what}", place=self._place(offset), remedy=_MEND)

    def _place(self, offset: int) -> Position:
        line = self._data.count(b"\n", 0, offset) + 1
        start = max(self._data.rfind(b"\n", 0, offset) + 1, self._origin)
        column = offset - start
        if column < _LONG_LINE:
            column = len(self._data[start:offset].decode("utf-8", "ignore"))
        return Position(line, column + 1)
