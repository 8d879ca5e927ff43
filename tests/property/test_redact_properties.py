"""Whatever stands around it, a secret goes; whatever a text says, redacting it once is enough."""

import json
import random
import re
import string
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mem0_syncd.redact import Finding, find, redact
from mem0_syncd.redact.detect_secrets_plugins import CHOSEN, known_tokens, patterns_of
from mem0_syncd.redact.vendor_key_search import marked_keys, vendor_keys
from mem0_syncd.redact.vendor_key_table import MARKED_KEYS, VENDOR_KEYS

CORPORA = Path(__file__).parents[1] / "corpora"
CREDENTIALS = json.loads((CORPORA / "credentials.json").read_text("utf-8"))
PLANTED = [(each["text"], "".join(each["secret"])) for each in CREDENTIALS]
KNOWN_BY_CONTEXT = {"password", "secret", "url-password", "authorization"}
CONTEXTS = ("AccountKey=", "AWS.", "hooks.slack.com")
TOKENS = [
    "".join(each["secret"])
    for each in CREDENTIALS
    if each["kind"] not in KNOWN_BY_CONTEXT and not any(context in each["text"] for context in CONTEXTS)
]

TRIES = 10

PIECES = st.sampled_from(
    [
        *(
            "password",
            "api_key",
            "token",
            "--secret",
            "Bearer ",
            "authorization",
            "://",
            "user",
            "@",
            ":",
            "=",
        ),
        *(
            '"',
            "'",
            "`",
            "\\",
            " ",
            "\n",
            "[redacted: jwt]",
            "[redacted: ",
            "]",
            "eyJ",
            ".",
            "sk-",
            "m0-",
            "is ",
        ),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "S3cr3t!pa55",
            "a1b2c3d4e5f6a7b8",
            "${VAR}",
            "<your-key>",
            "|",
            ">",
            "</",
        ),
        *TOKENS,
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)
AROUND_A_WORD = st.sampled_from([" ", "\n", "\t", '"', "'", "`", "(", ")", ",", ";", "<", ">", "|"])


def holds_a_piece(secret: str, text: str) -> bool:
    size = min(8, len(secret))
    return any(secret[start : start + size] in text for start in range(len(secret) - size + 1))


@pytest.fixture(scope="module", autouse=True)
def _detectors_are_loaded() -> None:
    """The first token imports them, which takes longer than Hypothesis grants an example."""
    for name in CHOSEN:
        patterns_of(name)


@given(TEXTS)
def test_what_is_redacted_has_nothing_left_to_redact(text: str) -> None:
    """Redacting twice is redacting once."""
    clean, _ = redact(text)

    assert redact(clean) == (clean, [])


@given(TEXTS)
def test_a_text_without_findings_is_returned_itself(text: str) -> None:
    """It is not even copied; and where something is found, the text changes."""
    clean, kinds = redact(text)

    assert (clean is text) == (kinds == []) == (find(text) == [])


@given(TEXTS)
def test_findings_are_in_order_apart_and_inside_the_text(text: str) -> None:
    """So that each can be cut out without moving another."""
    places = [place for found in find(text) for place in (found.start, found.end)]

    assert places == sorted(set(places))
    assert all(0 <= place <= len(text) for place in places)


@given(st.sampled_from(TOKENS), st.text(), AROUND_A_WORD, AROUND_A_WORD, st.text())
def test_a_token_is_found_wherever_it_stands(
    token: str, before: str, left: str, right: str, after: str
) -> None:
    """Any text may stand before and behind it."""
    assert not holds_a_piece(token, redact(f"{before}{left}{token}{right}{after}")[0])


@given(st.sampled_from(PLANTED), TEXTS, TEXTS)
def test_a_credential_in_its_context_is_found_on_any_line(
    planted: tuple[str, str], before: str, after: str
) -> None:
    """What is known by the words around it is found between any other lines, even suspicious ones."""
    context, secret = planted
    others = redact(f"{before}\n\n{after}")[0]
    clean, _ = redact(f"{before}\n{context.replace('{secret}', secret)}\n{after}")

    assert not holds_a_piece(secret, clean) or holds_a_piece(secret, others)


@pytest.mark.parametrize("name", CHOSEN)
@settings(max_examples=20)
@given(data=st.data())
def test_a_sign_misses_nothing_that_its_detector_finds(name: str, data: st.DataObject) -> None:
    """Whatever a detector of the installed detect-secrets matches, it is asked about."""
    for pattern in patterns_of(name):
        token = data.draw(st.from_regex(pattern, fullmatch=True))
        assert [found for found in known_tokens(f"({token})") if found.kind == CHOSEN[name][0]]


@pytest.mark.parametrize(("kind", "prefix", "body"), VENDOR_KEYS)
def test_a_vendors_key_is_found_by_its_prefix(kind: str, prefix: str, body: str) -> None:
    """Any key that the vendor's form allows is found, whatever its digits."""
    bot = "1234567890" if prefix.startswith(":") else ""
    for seed in range(TRIES):
        key = bot + prefix + made(body, seed)
        assert kind in {found.kind for found in vendor_keys(f"the key {key} is new")}, key


@pytest.mark.parametrize(("kind", "mark", "before", "behind"), MARKED_KEYS)
def test_a_vendors_key_is_found_by_its_mark(kind: str, mark: str, before: str, behind: str) -> None:
    """The same for what is known by a mark within it: it goes whole."""
    for seed in range(TRIES):
        key = made(before, seed) + mark + made(behind, seed + TRIES)
        assert Finding(kind, 8, 8 + len(key)) in list(marked_keys(f"the key {key} is new")), key


def made(pattern: str, seed: int) -> str:
    """A text that a pattern of the tables allows, as random as keys are."""
    dice, whole, parsed = random.Random(seed), re.compile(pattern, re.ASCII), _parsed(pattern)
    for _ in range(100):
        text = _made(parsed, dice)
        if whole.match(text):
            return text
    raise AssertionError(pattern)


@cache
def _parsed(pattern: str) -> Any:
    return import_module("re._parser").parse(pattern)


def _made(parsed: Any, dice: random.Random) -> str:
    parts = []
    for what, value in parsed:
        name = str(what)
        if name == "LITERAL":
            parts.append(chr(value))
        elif name == "IN":
            parts.append(dice.choice(_members(_class(value))))
        elif name in ("MAX_REPEAT", "POSSESSIVE_REPEAT", "MIN_REPEAT"):
            least, most, inner = value
            parts += [_made(inner, dice) for _ in range(min(least or 1, most))]
        elif name == "SUBPATTERN":
            parts.append(_made(value[-1], dice))
        elif name == "BRANCH":
            parts.append(_made(dice.choice(value[1]), dice))
        elif name not in ("ASSERT", "ASSERT_NOT"):
            raise AssertionError(name)
    return "".join(parts)


@cache
def _members(written: str) -> str:
    return "".join(it for it in string.printable if re.match(written, it, re.ASCII))


def _class(members: Any) -> str:
    """A class of characters of a parsed pattern, as it is written."""
    written = []
    for what, value in members:
        if str(what) == "RANGE":
            written.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif str(what) == "CATEGORY":
            written.append({"CATEGORY_DIGIT": "\\d", "CATEGORY_WORD": "\\w"}[str(value)])
        else:
            written.append(re.escape(chr(value)))
    return f"[{''.join(written)}]"
