"""Whatever a file holds, no parser fails, no neighbour is lost, and every item can be stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.sources import Reading, Source, Unreadable, decision_log
from mem0_syncd.sources.agent_patterns import SOURCE as AGENT_PATTERNS
from mem0_syncd.sources.cross_file_merge import merge
from mem0_syncd.sources.decision_records import LOG, RECORDS
from mem0_syncd.sources.memory_queue import SOURCE as MEMORY_QUEUE
from mem0_syncd.sources.session_summary import summarise

LINED = (AGENT_PATTERNS, MEMORY_QUEUE, RECORDS, LOG)
EVERY_SOURCE = (decision_log.SOURCE, *LINED)
MARK = "the good entry among all the others"

# The names that parsers look for, so that arbitrary values turn up where they are read.
NAMES = """
    id decision_id title summary decision description status category timestamp date impact importance
    rationale context alternatives metadata agent agent_id pattern text outcome generalizable pending_sync
    user_id content what why constraints tradeoffs type kind is_generalizable sharing_scope scope
    current_task task next_steps session_id resolved
"""
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=30)
    | st.sampled_from(["local", "high", "failed", "shop-agents", "orchestkit-global-x", "2026-01-01", "ork:"])
)
KEYS = st.sampled_from([*NAMES.split(), "unknown"])
LISTS = st.lists(SCALARS | st.dictionaries(KEYS, SCALARS, max_size=2), max_size=3)
OBJECTS = st.dictionaries(KEYS, SCALARS | LISTS, max_size=5)
ENTRIES = st.dictionaries(KEYS, SCALARS | LISTS | OBJECTS, max_size=8)
VALUES = ENTRIES | SCALARS | LISTS
BYTES_IN_LINE = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b""))


def read(source: Source, data: bytes) -> Reading:
    readings = [source.understand(raw, "shop") for raw in source.split(data)]
    items = tuple(item for reading in readings for item in reading.items)
    return Reading(items, tuple(problem for reading in readings for problem in reading.problems))


def summary_of(state: bytes) -> Reading:
    return summarise(state, None, project="shop")


def blockers_of(blockers: bytes) -> Reading:
    return summarise(None, blockers, project="shop")


READERS: list[Callable[[bytes], Reading]] = [
    *(partial(read, source) for source in EVERY_SOURCE),
    summary_of,
    blockers_of,
]
BY_NAME = pytest.mark.parametrize(
    "reader", READERS, ids=[*(source.name for source in EVERY_SOURCE), "state", "blockers"]
)


def check(reading: Reading) -> None:
    """Everything that is said of an item or a problem can be stored, hashed, frozen and shown."""
    for item in reading.items:
        for text in (
            item.text,
            item.source_id or "",
            item.when or "",
            item.agent_id or "",
            item.withheld.stored if item.withheld else "",
        ):
            assert "\0" not in text
            text.encode()
        assert item.text.strip()
        assert item.sync_key == item.sync_key.lower() != item.content_hash
        memory = memory_of(item)
        assert Memory.thaw(memory.freeze()) == memory
        memory.freeze().encode()
    for problem in reading.problems:
        assert problem.what
        assert problem.where.startswith(".claude/")
        assert problem.remedy
        str(problem.as_dict()).encode()
    assert {item.sync_key for item in merge(reading.items)} <= {item.sync_key for item in reading.items}


@BY_NAME
@given(data=st.binary(max_size=300))
def test_no_bytes_make_a_parser_fail(reader: Callable[[bytes], Reading], data: bytes) -> None:
    """At worst the file as a whole is unreadable."""
    with suppress(Unreadable):
        check(reader(data))


@BY_NAME
@given(entries=st.lists(VALUES, max_size=5), pretty=st.booleans())
def test_no_json_makes_a_parser_fail(
    reader: Callable[[bytes], Reading], entries: list[Any], *, pretty: bool
) -> None:
    """Whatever stands where a text, a list or an object belongs."""
    indent = 2 if pretty else None
    data = "\n".join(json.dumps(entry, indent=indent) for entry in entries).encode()
    document = json.dumps({"decisions": entries}).encode()
    for form in (data, document):
        try:
            first = reader(form)
        except Unreadable:
            continue
        check(first)
        again = reader(form)
        keys = [(item.sync_key, item.content_hash) for item in first.items]
        assert keys == [(item.sync_key, item.content_hash) for item in again.items]


@given(before=st.lists(VALUES, max_size=4), after=st.lists(VALUES, max_size=4))
def test_a_good_decision_is_read_among_any_others(before: list[Any], after: list[Any]) -> None:
    """No entry of the log costs a neighbour."""
    data = json.dumps([*before, {"title": MARK}, *after]).encode()
    assert MARK in {item.text for item in read(decision_log.SOURCE, data).items}


@pytest.mark.parametrize("source", LINED, ids=[source.name for source in LINED])
@given(
    before=st.lists(BYTES_IN_LINE, max_size=5),
    after=st.lists(BYTES_IN_LINE, max_size=5),
    ends=st.booleans(),
)
def test_a_good_line_is_read_among_any_others(
    source: Source, before: list[bytes], after: list[bytes], *, ends: bool
) -> None:
    """No line costs a neighbour, whatever its bytes, and also where the file's end is still missing."""
    good = {"pattern": MARK, "text": MARK, "user_id": "shop-decisions", "content": MARK, "summary": MARK}
    lines = [*before, json.dumps(good).encode(), *after]
    data = b"\n".join(lines) + (b"\n" if ends else b"")
    assert MARK in {item.text for item in read(source, data).items}


@pytest.mark.parametrize("source", LINED, ids=[source.name for source in LINED])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=4), data=st.data())
def test_a_file_that_grows_never_says_less(source: Source, entries: list[Any], data: st.DataObject) -> None:
    """Read at any moment of an append, it says a beginning of what it will say, and nothing is wrong."""
    whole = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
    cut = data.draw(st.integers(0, len(whole)))
    early, late = read(source, whole[:cut]), read(source, whole)
    assert late.items[: len(early.items)] == early.items
    assert late.problems[: len(early.problems)] == early.problems
