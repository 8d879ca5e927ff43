"""A long log is read piece by piece, and says what it would say in one piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mem0_syncd.sources import Broken, decision_log, document, jsonl
from mem0_syncd.sources.base import parse_json
from mem0_syncd.system.unreadable_file import Unreadable

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
LOGS = st.lists(VALUES, max_size=12)
WINDOWS = st.integers(min_value=4, max_value=40)
SPACES = st.sampled_from(["", " ", "\n", " \r\n\t", " " * 50])


@pytest.fixture(autouse=True)
def _a_small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test sets its own."""
    monkeypatch.setattr(document, "WINDOW", document.WINDOW)


def read(data: bytes) -> list[Any] | str:
    """The values of the log's entries, or what is said of it and where."""
    try:
        return [raw.value for raw in decision_log.split(data)]
    except Unreadable as error:
        return f"{error.what}, {error.place}"


def in_one_piece(data: bytes) -> list[Any] | str:
    """The same by the plain parser."""
    try:
        found = parse_json(data)
    except Unreadable as error:
        return f"{error.what}, {error.place}"
    entries = found.get("decisions") if isinstance(found, dict) else found
    return entries if isinstance(entries, list) else "no list of decisions, decisions"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=LOGS, others=st.dictionaries(TEXTS, VALUES, max_size=3), window=WINDOWS, data=st.data())
def test_a_log_is_the_same_however_it_is_cut(
    log: list[Any], others: dict[str, Any], window: int, data: st.DataObject
) -> None:
    """Wherever a window ends: amid a character, a number, an escape or an entry."""
    document.WINDOW = window
    others.pop("decisions", None)
    members = [*others.items(), ("decisions", log)]
    shape = dict(data.draw(st.permutations(members))) if data.draw(st.booleans()) else log
    text = json.dumps(
        shape, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 2]))
    )
    spaced = f"{data.draw(SPACES)}{text}{data.draw(SPACES)}".encode()
    assert read(spaced) == log
    assert read(b"\xef\xbb\xbf" + spaced) == log


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=LOGS, window=WINDOWS, data=st.data())
def test_a_broken_log_is_broken_at_the_same_place(log: list[Any], window: int, data: st.DataObject) -> None:
    """With a byte taken out, put in or changed, it says what the plain parser says, and where."""
    document.WINDOW = window
    whole = json.dumps({"version": 1, "decisions": log}, ensure_ascii=False).encode()
    at = data.draw(st.integers(0, len(whole)))
    byte = data.draw(
        st.sampled_from([b"", b",", b"}", b"]", b'"', b"{", b"x", b"\n", b"\xff", b"\x00", b"1"])
    )
    broken = whole[:at] + byte + whole[at + data.draw(st.integers(0, 2)) :]
    said, expected = read(broken), in_one_piece(broken)
    if isinstance(expected, str) and "UTF-8" in expected:
        assert isinstance(said, str)
    elif isinstance(said, str) and "doesn't end" in said:
        assert isinstance(expected, str)
        assert expected.startswith("not JSON")
    else:
        assert said == expected


@pytest.mark.parametrize("size", [document.WINDOW - 1, document.WINDOW * 3])
def test_a_text_longer_than_a_window_is_read(size: int) -> None:
    """Also when its characters are many bytes long."""
    log = [{"title": "é" * size}, {"title": "the next one"}]
    assert read(json.dumps(log, ensure_ascii=False).encode()) == log


@pytest.mark.parametrize(
    "entry",
    [
        b'{"title": "' + b"x" * (7 << 20) + b'"}',
        b"[" + b'{"":0},' * 300_000 + b"0]",
        b"[" * 5000 + b"]" * 5000,
        b"9" * 5000,
    ],
    ids=["too long", "of too many parts", "too deep", "a number of too many digits"],
)
def test_an_entry_over_a_limit_costs_no_neighbour(entry: bytes) -> None:
    """In a log as in a file of lines."""
    before, after = {"title": "one"}, {"title": "two"}
    said = read(b'[{"title": "one"}, ' + entry + b', {"title": "two"}]')
    assert isinstance(said, list)
    assert (said[0], said[2]) == (before, after)
    assert isinstance(said[1], Broken | str)
    lines = [raw.value for raw in jsonl.split(b'{"title": "one"}\n' + entry + b'\n{"title": "two"}\n')]
    assert (lines[0], lines[-1]) == (before, after)
    assert isinstance(lines[1], Broken)
