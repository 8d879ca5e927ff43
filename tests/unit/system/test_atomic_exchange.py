"""Two files swap their names in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.system.atomic_exchange import swap


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """The open folder that they are in."""
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle
    os.close(handle)


def test_each_has_the_name_of_the_other(tmp_path: Path, folder: int) -> None:
    """Nobody finds a moment at which either is missing."""
    one, other = tmp_path / "one", tmp_path / "größer"
    one.write_text("1")
    other.write_text("2")
    assert swap(folder, one.name, other.name)
    assert (one.read_text(), other.read_text()) == ("2", "1")


def test_a_link_is_swapped_itself(tmp_path: Path, folder: int) -> None:
    """What it leads to stays as it is."""
    one, link = tmp_path / "one", tmp_path / "link"
    one.write_text("1")
    link.symlink_to("nowhere")
    assert swap(folder, "one", "link")
    assert (link.read_text(), one.readlink()) == ("1", Path("nowhere"))


def test_both_must_be_there(tmp_path: Path, folder: int) -> None:
    """There is nothing to swap else, and what is there stays."""
    one = tmp_path / "one"
    one.write_text("1")
    with pytest.raises(FileNotFoundError, match="one"):
        swap(folder, "one", "other")
    assert one.read_text() == "1"
