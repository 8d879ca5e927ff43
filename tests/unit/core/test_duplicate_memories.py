"""What is a true double, and which of the two stays."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from mem0_syncd.core.duplicate_memories import Double, Kept, find_doubles, is_double_of

FIRST = Kept("m2", "shop-decisions", "mem0-syncd", "key", "hash", "2026-01-05T10:00:00+00:00", "said")
SECOND = replace(FIRST, id="m1", created_at="2026-01-05T10:01:00+00:00")
THIRD = replace(SECOND, id="m3")


def test_the_oldest_stays_then_the_one_with_the_lowest_id() -> None:
    """In whatever order they are listed, and however often."""
    for memories in itertools.permutations([FIRST, SECOND, THIRD, FIRST]):
        assert find_doubles(memories) == [Double(FIRST, (SECOND, THIRD))]
    assert find_doubles([THIRD, SECOND]) == [Double(SECOND, (THIRD,))]


@pytest.mark.parametrize(
    "difference",
    [
        {"user_id": "wiki-decisions"},
        {"source": "somebody"},
        {"source": ""},
        {"sync_key": "another"},
        {"content_hash": "another"},
        {"fingerprint": "edited"},
    ],
    ids=str,
)
def test_what_differs_in_anything_is_no_double(difference: dict[str, str]) -> None:
    """Not even of its revision."""
    other = replace(SECOND, **difference)
    assert find_doubles([FIRST, other]) == []
    assert not is_double_of(other, FIRST)


@pytest.mark.parametrize("nothing", ["source", "sync_key", "content_hash"])
def test_what_says_nothing_of_itself_is_no_double(nothing: str) -> None:
    """Two memories without a key are two memories."""
    assert find_doubles([replace(FIRST, **{nothing: ""}), replace(SECOND, **{nothing: ""})]) == []


def test_only_the_younger_one_may_go() -> None:
    """And nothing for its own sake."""
    assert is_double_of(SECOND, FIRST)
    assert not is_double_of(FIRST, SECOND)
    assert not is_double_of(FIRST, FIRST)


def test_what_says_another_repository_is_no_double() -> None:
    """What says none, for it is of an earlier version, is one of what says the only one."""
    ours, theirs = replace(SECOND, origin="a" * 32), replace(THIRD, origin="b" * 32)
    assert find_doubles([FIRST, ours]) == [Double(FIRST, (ours,))]
    assert find_doubles([ours, theirs]) == []
    assert find_doubles([FIRST, ours, theirs]) == []
    assert is_double_of(ours, FIRST)
    assert not is_double_of(theirs, ours)
