"""Where in a file something stands, as values and as a person reads it."""

from __future__ import annotations

import pytest

from mem0_syncd.core.position import NOWHERE, Position


@pytest.mark.parametrize(
    ("position", "said"),
    [
        (Position(3), "a.jsonl: line 3"),
        (Position(3, 7), "a.jsonl: line 3, column 7"),
        (Position(part="decisions[2]"), "a.jsonl: decisions[2]"),
        (NOWHERE, "a.jsonl"),
    ],
)
def test_a_position_is_read_with_its_file(position: Position, said: str) -> None:
    """And the file alone where nothing more is known."""
    assert position.within("a.jsonl") == said


def test_what_was_read_from_further_on_is_counted_from_the_beginning() -> None:
    """Its column stays, and so does what has no line."""
    assert Position(3, 7).further_by(100) == Position(103, 7)
    assert Position(part="decisions[2]").further_by(100) == Position(part="decisions[2]")
