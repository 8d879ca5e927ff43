"""Which folder is scanned next: news first, a few side by side, and what is large last and alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from mem0_syncd.daemon.due_scans import SIDE_BY_SIDE, DueScan, DueScans

NOW = 100.0


@pytest.fixture
def due() -> DueScans:
    """Nothing is due yet."""
    return DueScans()


def scan(name: str, *, changed_only: bool = True, due: float = NOW, is_urgent: bool = False) -> DueScan:
    return DueScan(Path(name), changed_only, due, is_urgent)


def taken(due: DueScans, *under_way: str, now: float = NOW, has_large: bool = False) -> str | None:
    found = due.take(set(map(Path, under_way)), now, has_large=has_large)
    return str(found.folder) if found else None


def test_news_go_before_what_is_only_looked_at(due: DueScans) -> None:
    """However long that has waited."""
    for it in (scan("routine"), scan("news", is_urgent=True)):
        due.add(it)
    assert [taken(due), taken(due), taken(due)] == ["news", "routine", None]


def test_two_scans_of_one_folder_become_one_that_serves_both(due: DueScans) -> None:
    """The earlier, the more thorough, and the more urgent of both counts."""
    due.add(scan("shop", changed_only=False, due=NOW + 5))
    due.add(scan("shop", changed_only=True, is_urgent=True))
    due.add(scan("shop", due=NOW + 9))
    assert due.take(set(), NOW, has_large=False) == scan("shop", changed_only=False, is_urgent=True)
    assert taken(due, now=NOW + 10) is None


def test_what_is_not_due_yet_waits_and_keeps_nobody_up(due: DueScans) -> None:
    """The others are taken meanwhile."""
    due.add(scan("later", due=NOW + 1))
    due.add(scan("now"))
    assert due.earliest() == NOW
    assert [taken(due), taken(due), taken(due, now=NOW + 1)] == ["now", None, "later"]
    assert due.earliest() is None


def test_a_folder_that_is_being_scanned_is_not_begun_again(due: DueScans) -> None:
    """Its next scan comes after that."""
    due.add(scan("shop"))
    assert taken(due, "shop") is None
    assert taken(due) == "shop"


def test_some_are_scanned_side_by_side_and_of_those_without_news_half_as_many(due: DueScans) -> None:
    """So that one with news always finds a place."""
    others = [str(number) for number in range(SIDE_BY_SIDE)]
    due.add(scan("routine"))
    assert taken(due, *others[: SIDE_BY_SIDE // 2]) is None
    due.add(scan("news", is_urgent=True))
    assert taken(due, *others) is None
    assert taken(due, *others[:-1]) == "news"


def test_what_took_long_goes_last_alone_and_not_before_its_rest_is_over(due: DueScans) -> None:
    """Else one large project would keep the small ones waiting."""
    for it in (scan("large", is_urgent=True), scan("huge", is_urgent=True), scan("small")):
        due.add(it)
    due.rest(Path("large"), NOW + 3)
    due.rest(Path("huge"), NOW)
    assert taken(due) == "small"
    assert taken(due, "small", has_large=True) is None
    large = due.take(set(), NOW, has_large=False)
    assert large is not None
    assert (large.folder, large.is_large) == (Path("huge"), True)
    assert taken(due) is None
    assert due.earliest() == NOW + 3
    due.rest(Path("large"), None)
    assert taken(due) == "large"
