"""The unit tests stand where their modules do: that of `core/item.py` is `tests/unit/core/test_item.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

import mem0_syncd

UNIT = Path(__file__).parent
PACKAGE = Path(mem0_syncd.__file__).parent
WHOLE = {"test_docs", "test_mirror", "test_one_way_in", "test_time_is_handed_in"}
"""What looks at all of it, and so at no module."""

FILES = sorted(it.relative_to(UNIT) for it in UNIT.rglob("test_*.py") if it.stem not in WHOLE)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_test_is_called_like_its_module(file: Path) -> None:
    """Or like its folder, where it is of the whole folder; the tests' own parts have tests as well."""
    name = file.stem.removeprefix("test_")
    tested = (PACKAGE / file.parent, UNIT.parent / file.parent)
    assert name == file.parent.name or any(
        (folder / f"{name}.py").is_file() or (folder / name).is_dir() for folder in tested
    )
