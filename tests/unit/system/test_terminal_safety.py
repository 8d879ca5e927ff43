"""Foreign text for eyes: nothing in it acts, hides or forges, and ordinary writing stays as it is."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0_syncd.system.terminal_safety import visible, visible_lines

HOSTILE = json.loads((Path(__file__).parents[2] / "corpora" / "hostile_texts.json").read_text())
ORDINARY = [
    "Orders live in PostgreSQL: the checkout (v2) writes `orders` & C:\\new\\table",
    "Grüße aus Köln, çedilla, naïve, Điện Biên Phủ, A\u0301 decomposed",
    "注文は PostgreSQL にある。葛\U000e0100城市",
    "الطلبات في قاعدة البيانات",
    "می\u200cخواهم",  # noqa: RUF001 - it is meant
    "क्\u200dष, தமிழ், ไทย",
    "ההזמנות נשמרות",
    "👍🏽 👩\u200d💻 ❤️\u200d🔥 ☎️ 1️⃣ 🇩🇪 ©️",
    "✓ ✗ · ● – ’ …",
    "x² ≤ ∑ → ∞\u00a0€",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_one_line_that_does_nothing(name: str) -> None:
    """Every character left is one that prints."""
    shown = visible(HOSTILE[name])
    assert shown.isprintable() or shown.replace("\ufe0f", "").isprintable()
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_writing_stays_as_it_is(text: str) -> None:
    """Accents, scripts, joined letters and emoji are what people write."""
    assert visible(text) == text


def test_what_is_escaped_is_shown_as_python_and_json_write_it() -> None:
    """A reader sees what was there."""
    assert visible("a\x1b[31m\n\t\x9b\u202e\U000e0041\ud800") == (r"a\x1b[31m\n\t\x9b\u202e\U000e0041\ud800")


def test_a_fifth_accent_on_a_letter_is_shown_beside_it() -> None:
    """A tower of them covers the lines around it."""
    assert visible("Z" + "\u0335" * 6) == "Z" + "\u0335" * 4 + r"\u0335" * 2


def test_a_block_keeps_its_lines_and_nothing_else_that_breaks_one() -> None:
    """A text has lines of its own only where it stands alone."""
    assert visible_lines("a\r\nb\u2028c\x0bd\re\n") == ["a", r"b\u2028c\x0bd\re", ""]


@given(st.text(st.characters()))
def test_no_text_at_all_holds_anything_that_acts(text: str) -> None:
    """Whatever is thrown at it: no control, no direction, no end of line, nothing that can't be written."""
    shown = visible(text)
    kinds = {unicodedata.category(it) for it in shown if it not in "\u200c\u200d"}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(it) in {"LRE", "RLE", "LRO", "RLO", "PDF"} for it in shown)
    shown.encode()
    assert visible(shown) == shown
