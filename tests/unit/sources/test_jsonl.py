"""JSON Lines fall into entries, and what is broken or half-written costs no neighbour."""

from __future__ import annotations

import json

import pytest

from mem0_syncd.core.position import Position
from mem0_syncd.sources.base import Broken, Raw
from mem0_syncd.sources.jsonl import split

PRETTY = b'{\n  "a": [\n    {},\n    {"b": 1}\n  ]\n}'
PRETTY_VALUE = {"a": [{}, {"b": 1}]}


def entries(data: bytes) -> list[tuple[str, object]]:
    return [(str(raw.place), "broken" if isinstance(raw.value, Broken) else raw.value) for raw in split(data)]


def test_every_line_is_an_entry_with_its_number() -> None:
    """Blank lines are counted and skipped."""
    assert entries(b'{"a": 1}\n\n  {"b": 2}\r\n') == [("line 1", {"a": 1}), ("line 3", {"b": 2})]


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\t\n", b"\x00\x00", b"\xef\xbb\xbf"])
def test_a_file_without_content_has_no_entries(data: bytes) -> None:
    """Nothing, white space, NULs and a lone byte order mark say nothing, and nothing is wrong."""
    assert list(split(data)) == []


@pytest.mark.parametrize("cut", range(1, len(b'{"caf\xc3\xa9": 1}')))
def test_a_half_written_last_line_waits_wherever_it_is_cut(cut: int) -> None:
    """It is no entry and no problem, even when it is cut within a character."""
    assert entries(b'{"a": 1}\n' + b'{"caf\xc3\xa9": 1}'[:cut]) == [("line 1", {"a": 1})]


def test_a_whole_last_line_counts_without_its_newline() -> None:
    """A writer that never ends its lines is read as well."""
    assert entries(b'{"a": 1}\n{"b": 2}') == [("line 1", {"a": 1}), ("line 2", {"b": 2})]


def test_a_line_that_follows_one_without_newline_is_read() -> None:
    """What was a whole last line and what was appended to it are both entries."""
    assert entries(b'{"a": 1}{"b": 2} {"c": 3}\n') == [
        ("line 1", {"a": 1}),
        ("line 1, column 9", {"b": 2}),
        ("line 1, column 18", {"c": 3}),
    ]


def test_a_broken_line_costs_no_neighbour() -> None:
    """Neither one that isn't JSON nor one that isn't UTF-8."""
    data = b'{"a": 1}\n{oops\n\xff\n{"b": 2}\n'
    assert entries(data) == [
        ("line 1", {"a": 1}),
        ("line 2", "broken"),
        ("line 3", "broken"),
        ("line 4", {"b": 2}),
    ]


def test_a_broken_line_says_what_and_which_way_out() -> None:
    """The cause has the column or the byte."""
    assert list(split(b'{oops\n\xff\n{"a": "b\n')) == [
        Raw(
            Position(1),
            Broken(
                "not JSON: Expecting property name enclosed in double quotes, column 2",
                "correct the line, or remove it",
            ),
        ),
        Raw(Position(2), Broken("invalid UTF-8 (byte 0xff)", "save the line as UTF-8, or remove it")),
        Raw(Position(3), Broken("not JSON: Unterminated string, column 7", "correct the line, or remove it")),
    ]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\n"])
def test_a_file_may_be_one_pretty_printed_object(end: bytes) -> None:
    """It is one entry, in the line where it starts."""
    assert entries(PRETTY + end) == [("line 1", PRETTY_VALUE)]


def test_lines_appended_to_a_pretty_printed_object_are_read() -> None:
    """The object stays one entry, and so does the next one."""
    data = PRETTY + b'\n{"b": 2}\n{oops\n' + PRETTY + b"\n"
    assert entries(data) == [
        ("line 1", PRETTY_VALUE),
        ("line 7", {"b": 2}),
        ("line 8", "broken"),
        ("line 9", PRETTY_VALUE),
    ]


def test_a_pretty_printed_object_still_being_written_waits() -> None:
    """None of its lines is a problem yet."""
    half = b'{\n  "agent": "backend",\n  "patt'
    assert entries(b'{"b": 2}\n' + half) == [("line 1", {"b": 2})]


def test_a_good_line_after_an_opening_brace_is_not_swallowed() -> None:
    """An object that was never closed ends where the next one starts."""
    assert entries(b'{\n"a": 1,\n{"b": 2}\n') == [
        ("line 1", "broken"),
        ("line 2", "broken"),
        ("line 3", {"b": 2}),
    ]


def test_what_a_power_cut_left_costs_nothing() -> None:
    """NULs before a line that was appended later are no part of it."""
    assert entries(b'\x00\x00\x00{"a": 1}\n\x00') == [("line 1", {"a": 1})]


@pytest.mark.parametrize("line", [b"[" * 100_000, b"9" * 5000, b"1 " * 100_000])
def test_a_line_that_no_parser_takes_is_one_broken_entry(line: bytes) -> None:
    """Too deep, too long a number, or very many values."""
    assert entries(line + b'\n{"a": 1}\n') == [("line 1", "broken"), ("line 2", {"a": 1})]


def test_a_line_of_many_megabytes_is_read() -> None:
    """Nothing is cut."""
    line = json.dumps({"pattern": "x" * 5_000_000}).encode()
    assert [len(raw.value["pattern"]) for raw in split(line + b"\n" + line)] == [5_000_000] * 2


@pytest.mark.parametrize("line", [b"{", b'{"a":', b"oops", b"{}{}{}"])
def test_a_file_of_nothing_but_odd_lines_takes_time_in_proportion(line: bytes) -> None:
    """Were it not so, this test would go on for hours."""
    places = {raw.place.line for raw in split((line + b"\n") * 20_000)}
    assert len(places) == 20_000
