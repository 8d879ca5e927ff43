"""What a benchmark finds: a figure beside its budget, or how figures grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its budget; `beside` says what was measured, and the baseline of the same run."""

    what: str
    value: float
    unit: str
    budget: float
    beside: str = ""
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its budget."""
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    @property
    def share(self) -> float:
        """How much of the budget is used: 1 is all of it."""
        used, given = (self.budget, self.value) if self.at_least else (self.value, self.budget)
        return used / given if given else float(used > 0)

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON can carry it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Growth:
    """How figures differ: in most tables with the size of something, which is the first column."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[float | str]]

    def as_dict(self) -> dict[str, Any]:
        """The table as JSON can carry it."""
        return asdict(self)


def number(value: float | str) -> str:
    """A figure with as many digits as say something; words as they are."""
    if isinstance(value, str):
        return value
    if value == int(value):
        return f"{int(value):,}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f}"
