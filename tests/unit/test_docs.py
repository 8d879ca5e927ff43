"""The documentation says what the code does, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.cli import cli
from support import log_events
from support.reference import COMMANDS, SETTINGS, commands, commands_page, settings_page

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
MOST_WORDS = 32
"""Of a sentence, and of a cell; docs/style.md asks for some twenty."""
UNUSED_WORDS = re.compile(r"\b(anew|amiss|mend(s|ed|ing)?|nobody's|befalls?|hears)\b", re.IGNORECASE)
COMMAND_NAMES = {name for name, _, _ in commands(cli)}

_CODE = re.compile(r"^(```.*?^```|~~~.*?^~~~)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")


def prose(page: Path) -> str:
    """What a page says outside of its blocks of code."""
    return _CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, spelled as GitHub spells them; a repeated heading is numbered."""
    found: dict[str, int] = {}
    for title in re.findall(r"^#+ (.*?)\s*$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        name = re.sub(r"[^\w -]", "", text).replace(" ", "-")
        found[name] = found.get(name, -1) + 1
    return {
        name for first in found for name in (first, *(f"{first}-{i}" for i in range(1, found[first] + 1)))
    }


def links(page: Path) -> Iterator[str]:
    """Where a page's links and pictures lead."""
    yield from _LINK.findall(prose(page))


def sentences(page: Path) -> Iterator[str]:
    """A page's sentences, cells and headings, without links' targets; code is one word."""
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "CODE", prose(page)))
    for part in re.split(r"\n\s*\n|\n\s*(?=[-*] |\d+\. |#)|\||\n(?=#)", text):
        yield from re.split(r"(?<=[.?!])[)\"*]*\s+(?=mem0-syncd|git |[A-Z0-9(*\"\[])", " ".join(part.split()))


@pytest.mark.parametrize(("page", "made"), [(SETTINGS, settings_page), (COMMANDS, commands_page)])
def test_what_is_made_from_the_code_is_as_the_code_is(page: Path, made: object) -> None:
    """`make docs` was run after the last change of a setting or a command."""
    assert callable(made)
    assert page.read_text(encoding="utf-8") == made()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link within the repository names a file that is there, and a heading of it; others are https."""
    for target in links(page):
        if ":" in target:
            assert target.startswith(("https://", "mailto:")), f"{page.name} links to {target}"
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not heading or heading in anchors(file), f"{page.name} links to {target}"


def test_every_page_can_be_found() -> None:
    """From the README, by following links; so can every picture and schema."""
    seen, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page not in seen:
            seen.add(page)
            paths = (
                [it.partition("#")[0] for it in links(page) if ":" not in it] if page.suffix == ".md" else []
            )
            left += [(page.parent / it).resolve() for it in paths if it]
    files = {it for it in (ROOT / "docs").rglob("*") if it.is_file()}
    assert not {str(it.relative_to(ROOT)) for it in files - seen}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    """What stands in code after the program's name is one of its commands, or an option."""
    text = page.read_text(encoding="utf-8")
    code = [*re.findall(r"`([^`\n]+)`", prose(page)), *"\n".join(_CODE.findall(text)).splitlines()]
    for line in code:
        for first, second in re.findall(r"(?:^|[ $/])mem0-syncd ([a-z][a-z-]+)(?: ([a-z]+)\b)?", line):
            assert f"mem0-syncd {first}" in COMMAND_NAMES, f"{page.name}: {line}"
            group = [name for name in COMMAND_NAMES if name.startswith(f"mem0-syncd {first} ")]
            assert not (group and second) or f"mem0-syncd {first} {second}" in group, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_short_and_plain(page: Path) -> None:
    """As docs/style.md says, which has the bad examples."""
    told = [it for it in sentences(page) if page.name != "style.md"]
    assert not [it for it in told if len(re.findall(r"\S*\w\S*", it)) > MOST_WORDS]
    assert not [it for it in told if UNUSED_WORDS.search(it)]


def test_every_event_of_the_log_is_in_its_table() -> None:
    """By name, level and fields; and the table has no other events."""
    table = log_events.documented()
    assert {call.name for call in log_events.calls()} == table.keys()
    for call in log_events.calls():
        assert call.name
        row = table[call.name]
        assert call.level == row.level, call.place
        assert call.fields <= row.fields if call.has_more else call.fields == row.fields, call.place


def test_log_events_have_names_that_can_be_searched_for() -> None:
    """A constant in snake_case, never a sentence."""
    for call in log_events.calls():
        assert call.name, call.place
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", call.name), call.place


def test_the_table_of_log_events_is_in_order() -> None:
    """By name."""
    names = list(log_events.documented())
    assert names == sorted(names)
