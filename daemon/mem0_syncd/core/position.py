"""A position in a file."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A line, maybe a column of it, both counted from 1; else the `part` of the file, by its name.

    0 and '' mean that it isn't known.
    """

    line: int = 0
    column: int = 0
    part: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.part
        return f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"

    def further_by(self, lines: int) -> Position:
        """The position of what begins `lines` lines further on in its file."""
        return self._replace(line=self.line + lines) if self.line else self

    def within(self, path: str) -> str:
        """The file with the position in it, as a person reads it."""
        return f"{path}: {self}" if self != NOWHERE else path


NOWHERE = Position()
