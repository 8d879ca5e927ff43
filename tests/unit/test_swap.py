"""Two files swap their names in one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from mem0_syncd.swap import swap


def test_each_has_the_name_of_the_other(tmp_path: Path) -> None:
    """Nobody finds a moment at which either is missing."""
    one, other = tmp_path / "one", tmp_path / "größer"
    one.write_text("1")
    other.write_text("2")
    assert swap(one, other)
    assert (one.read_text(), other.read_text()) == ("2", "1")


def test_both_must_be_there(tmp_path: Path) -> None:
    """There is nothing to swap else, and what is there stays."""
    one = tmp_path / "one"
    one.write_text("1")
    with pytest.raises(FileNotFoundError, match="one"):
        swap(one, tmp_path / "other")
    assert one.read_text() == "1"
