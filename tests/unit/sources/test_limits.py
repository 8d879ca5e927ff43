"""What a file may take of the memory is told before it is parsed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.position import Position
from mem0_syncd.sources.base import Raw, Reading, Source, parse_json
from mem0_syncd.sources.limits import (
    DOCUMENT_MEMORY,
    LONGEST_FIELD,
    end_of_value,
    is_too_large,
    memory_to_parse,
    within_limits,
)
from mem0_syncd.system.unreadable_file import Unreadable

SIZE = 300_000

HOSTILE = {
    "objects": b"[" + b"{}," * (SIZE // 3) + b"0]",
    "members": b"[" + b'{"":0},' * (SIZE // 7) + b"0]",
    "arrays": b"[" + b"[]," * (SIZE // 3) + b"0]",
    "nested": b"[" + b"[[],[]]," * (SIZE // 8) + b"0]",
    "numbers": b"[" + b"1.5," * (SIZE // 4) + b"0]",
    "texts": b"[" + b'"ab",' * (SIZE // 5) + b"0]",
    "names": b"{" + b",".join(b'"%d":0' % number for number in range(SIZE // 8)) + b"}",
    "a text": b'"' + b"x" * SIZE + b'"',
    "a wide text": '"\U0001f600'.encode() + b"x" * SIZE + b'"',
    "a wide text by its escape": b'"\\ud83d\\ude00' + b"x" * SIZE + b'"',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_no_document_takes_more_memory_than_was_told(data: bytes) -> None:
    """As text and as objects at once, and hashed, as an entry is."""
    tracemalloc.start()
    try:
        value = json.loads(data.decode())
        json.dumps(value, ensure_ascii=True).encode() if isinstance(value, str) else None
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken <= memory_to_parse(data) + 10_000


def test_prose_is_not_taken_for_structure() -> None:
    """What stands within a text makes no values, however much it looks like it."""
    within = '{"a": [1, 2, {}, []]}, ' * 60_000
    assert not is_too_large(json.dumps({"title": within}).encode())
    assert is_too_large(f"[{within}0]".encode())


def test_a_document_that_would_take_too_much_is_refused_unparsed() -> None:
    """The problem names how much, and the limit."""
    with pytest.raises(Unreadable, match=f"of {DOCUMENT_MEMORY >> 20} at most"):
        parse_json(b"[" + b"{}," * 500_000 + b"0]")


@pytest.mark.parametrize(
    ("data", "rest"),
    [
        (b'{"a": ["]", "\\"}"]}', b", 1"),
        (b'"a\\\\"', b'"'),
        (b"-1.5e3", b",2"),
        (b"true", b"]"),
        (b"[[{}], {}]", b"]"),
    ],
)
def test_a_values_end_is_found_without_parsing_it(data: bytes, rest: bytes) -> None:
    """Brackets and quotes within texts are no ends."""
    assert end_of_value(b"xx" + data + rest, 2) == 2 + len(data)


@pytest.mark.parametrize("data", [b"[" * 10, b'{"a": "', b'"' + b'\\"' * 50_000, b'["' + b"\\"])
def test_a_value_without_an_end_has_none(data: bytes) -> None:
    """In time in proportion to its length."""
    assert end_of_value(data, 0) is None


LONG = "x" * (LONGEST_FIELD + 1)


def item(**fields: object) -> Item:
    values = {
        "kind": Kind.DECISION,
        "project": "shop",
        "text": "Use Postgres",
        "path": "a.json",
        "place": Position(1),
    }
    return Item(**{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["source_id", "when", "agent_id"])
def test_what_tells_items_apart_is_never_cut(name: str) -> None:
    """Cut, two could become one: the item is left out, and that is said."""
    within, (problem,) = within_limits(item(**{name: LONG}))
    assert within is None
    assert problem.where == "a.json: line 1"
    assert f"{LONGEST_FIELD + 1:,}" in problem.what
    assert within_limits(item(**{name: LONG[1:]})) == (item(**{name: LONG[1:]}), ())


def test_a_longer_category_is_cut_and_that_is_said() -> None:
    """The memory is worth more than the end of its label."""
    within, (problem,) = within_limits(item(metadata={"category": LONG, "outcome": "success"}))
    assert within is not None
    assert within.metadata == {"category": LONG[1:], "outcome": "success"}
    assert "category" in problem.what


def fails(_raw: Raw, _project: str) -> Reading:
    raise KeyError("surprise")


def too_deep(raw: Raw, project: str) -> Reading:
    return too_deep(raw, project)


@pytest.mark.parametrize("understand", [fails, too_deep])
def test_an_entry_that_nobody_foresaw_is_a_problem_of_its_own(
    understand: Callable[[Raw, str], Reading],
) -> None:
    """It is named by its place, and its neighbours are read."""
    source = Source("test", "a.json", lambda _: iter(()), understand)
    (problem,) = source.read(Raw(Position(7), {}), "shop").problems
    assert problem.where == "a.json: line 7"
