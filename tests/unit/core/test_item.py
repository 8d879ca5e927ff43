"""An item's identity and content hash: what they follow from, and what they don't."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind, instant
from support.builders import FIRST, SECOND, item

NOON = "2026-01-05T12:00:00+00:00"


def nameless(kind: Kind = Kind.DECISION, project: str = "shop", text: str = FIRST, **more: Any) -> Item:
    """An item without an id."""
    return Item(kind, project, text, **more)


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-01-05T12:00:00Z",
        "2026-01-05T12:00:00.000Z",
        "2026-01-05T12:00:00.000000000Z",
        "2026-01-05T12:00Z",
        "2026-01-05t12:00:00Z",
        "2026-01-05 12:00:00Z",
        "  2026-01-05T12:00:00Z\n",
        "2026-01-05T12:00:00",
        "2026-01-05T12:00:00-00:00",
        "2026-01-05T13:00:00+01:00",
        "2026-01-05T06:30:00-05:30",
        "2026-01-06T02:00:00+14:00",
        pytest.param(
            "2026-01-05T12:00:00z",
        ),
    ],
)
def test_one_instant_has_one_spelling(spelling: str) -> None:
    """However a writer spells its time, it is one instant and one item."""
    assert instant(spelling) == NOON
    assert item(when=spelling).sync_key == item(when=NOON).sync_key


def test_a_time_without_a_zone_is_utc_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the time of wherever the daemon runs."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert instant("2026-01-05T12:00:00") == NOON
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_is_its_midnight() -> None:
    """Older entries have a date only."""
    assert instant("2026-01-05") == instant("2026-01-05T00:00:00Z")


@pytest.mark.parametrize(
    "when", ["yesterday", "2026-13-05", "5 January", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00+01:00"]
)
def test_a_time_that_cannot_be_parsed_stands_for_itself(when: str) -> None:
    """It tells one item from another all the same."""
    assert instant(f" {when} ") == when
    assert item(when=when).sync_key != item(when="tomorrow").sync_key


@pytest.mark.parametrize("when", [None, "", "  "])
def test_no_time_is_no_time(when: str | None) -> None:
    """Missing and empty are alike."""
    assert item(when=when).sync_key == item(when=None).sync_key


def test_a_fraction_of_a_second_tells_two_items_apart() -> None:
    """Two racing writers give two decisions one id within a second."""
    early, late = item(when="2026-01-05T12:00:00.001Z"), item(when="2026-01-05T12:00:00.002Z")
    assert early.sync_key != late.sync_key


@pytest.mark.parametrize(
    "other",
    [
        {"source_id": "DEC-2"},
        {"when": "2026-01-05T10:00:01Z"},
        {"when": None},
        {"project": "till"},
        {"kind": Kind.BEST_PRACTICE},
    ],
    ids=lambda change: next(iter(change)),
)
def test_kind_project_id_and_time_make_an_item_with_an_id(other: dict[str, Any]) -> None:
    """Ids repeat, and are unique within a project at best."""
    assert item(**other).sync_key != item().sync_key


@pytest.mark.parametrize(
    "other",
    [
        {"text": SECOND},
        {"metadata": {"status": "superseded"}},
        {"agent_id": "ork:backend"},
        {"weighty": True},
        {"withheld": "too short"},
        {"source": "elsewhere"},
        {"path": "a", "place": "b"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_an_item_with_an_id_says_is_no_part_of_its_identity(other: dict[str, Any]) -> None:
    """The same id and time with other content is a revision."""
    assert item(**other).sync_key == item().sync_key


def test_parts_do_not_run_into_each_other() -> None:
    """Where one ends and the next begins is part of the identity."""
    assert item(source_id="a", when="bc").sync_key != item(source_id="ab", when="c").sync_key


def test_an_id_is_not_taken_for_a_text() -> None:
    """An item without an id is none of those that have one."""
    assert nameless(text="DEC-1").sync_key != item("DEC-1", when=None).sync_key


@pytest.mark.parametrize(
    "other",
    [{"kind": Kind.AGENT_PATTERN}, {"project": "till"}, {"text": SECOND}, {"agent_id": "ork:backend"}],
    ids=lambda change: next(iter(change)),
)
def test_kind_scope_agent_and_text_make_an_item_without_an_id(other: dict[str, Any]) -> None:
    """The same text there is the same item, and any other one isn't."""
    assert nameless().sync_key == nameless(metadata={"outcome": "failed"}).sync_key
    assert nameless(**other).sync_key != nameless().sync_key


def test_a_time_does_not_part_items_without_an_id() -> None:
    """One pattern that is found again is one pattern."""
    assert nameless(when="2026-01-05").sync_key == nameless(when="2026-01-06").sync_key


def test_a_best_practice_without_an_id_is_one_for_all_projects() -> None:
    """Its scope is the global one."""
    here, there = (nameless(Kind.BEST_PRACTICE, project) for project in ("shop", "till"))
    assert here.sync_key == there.sync_key


def test_a_twin_has_its_text_in_its_key() -> None:
    """So two entries with one id and time are two items."""
    keys = {item().sync_key, item().as_twin().sync_key, item(SECOND).as_twin().sync_key}
    assert len(keys) == 3
    assert item(SECOND).as_twin().sync_key == item(SECOND, metadata={"status": "x"}).as_twin().sync_key
    assert item(SECOND).as_twin().content_hash == item(SECOND).content_hash


@pytest.mark.parametrize(
    "other",
    [{"text": SECOND}, {"metadata": {"status": "superseded"}}, {"agent_id": "ork:backend"}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_sent_makes_the_content_hash(other: dict[str, Any]) -> None:
    """Text, metadata and agent: a change of any is a revision."""
    assert item(**other).content_hash != item().content_hash


@pytest.mark.parametrize(
    "other",
    [
        {"weighty": True},
        {"withheld": "too short"},
        {"path": "a", "place": "b"},
        {"when": "2026-01-05T11:00:00+01:00"},
        {"source": "elsewhere"},
        {"echo": "e"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_bookkeeping_makes_no_revision(other: dict[str, Any]) -> None:
    """Where an entry stands, and whether it is due, is not what it says."""
    assert item(**other).content_hash == item().content_hash


def test_the_order_of_metadata_makes_no_revision() -> None:
    """A writer may sort its fields anew."""
    one, other = {"category": "api", "status": "x"}, {"status": "x", "category": "api"}
    assert item(metadata=one).content_hash == item(metadata=other).content_hash


def test_keys_are_the_same_on_every_machine() -> None:
    """They are in Mem0's metadata: a change of how they are made would send everything again."""
    assert item().sync_key == "486f1a280cd8497220c9b902e72ad7e3"
    assert item().content_hash == "b4d6adfd5138a01fcb7305d50e5f601a"
    assert replace(item("Über 日本 🙂"), source_id=None).sync_key == "195bb580de1919be1ecba6739a52257f"
