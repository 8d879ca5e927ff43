"""What another machine's detector has redacted better is told from what merely says something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.core.outcome import RedactedThere
from mem0_syncd.destinations.base import Remote
from mem0_syncd.destinations.redacted_there import covers, redacted_there
from support.builders import item

MARK = "[redacted: password]"
RAW = item("The login is admin / hunter2hunter2 for now", metadata={"category": "hunter2hunter2"})
REDACTED = item(f"The login is admin / {MARK} for now", metadata={"category": MARK})


@pytest.mark.parametrize(
    ("listed", "ours"),
    [
        (f"a {MARK} b", "a secret b"),
        (f"{MARK}", "secret"),
        (f"{MARK} b", "secret b"),
        (f"a {MARK}", "a secret"),
        (f"a {MARK}, {MARK}", "a one, two, three"),
        (f"a {MARK}{MARK} b", "a secret b"),
        (f"a {MARK} b {MARK}", f"a secret b {MARK}"),
        (f"a {MARK} b", "a [redacted: another kind] b"),
        (f"a {MARK} b", "  a secret b\n"),
        ("a b", "a b"),
        (None, None),
        (True, True),
    ],
)
def test_a_mark_may_stand_for_any_stretch(listed: object, ours: object) -> None:
    """The rest must be equal, in its order."""
    assert covers(listed, ours)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listed", "ours"),
    [
        (f"a {MARK} b", "a secret c"),
        (f"a {MARK} b", "c secret b"),
        (f"a {MARK} b", "a  b"),
        (f"a {MARK} b", "a b"),
        (f"{MARK}{MARK}", "x"),
        (f"x{MARK}x", "x"),
        (f"x{MARK}x", "xx"),
        (f"a {MARK}, {MARK}", "a secret"),
        (f"a {MARK} b, {MARK}", "a secret, b"),
        ("a secret b", f"a {MARK} b"),
        (f"a secret {MARK}", f"a {MARK} secret"),
        ("a", "b"),
        (MARK, None),
        (MARK, True),
        ("1", 1),
    ],
)
def test_what_says_something_else_is_not_covered(listed: object, ours: object) -> None:
    """Nor what has less redacted, or nothing where the mark is."""
    assert not covers(listed, ours)  # type: ignore[arg-type]


def test_a_hostile_memory_is_gone_through_once() -> None:
    """Whoever writes to the same user id can't stop a courier by many marks, or by what nearly fits."""
    ours = "ab" * 500_000
    assert covers(f"{'ab' * 10}{MARK}" * 20_000, ours)
    assert not covers(f"{'ab' * 10}{MARK}" * 20_000 + f"c{MARK}b", ours)
    assert not covers(f"a{MARK}{'ab' * 100_000}c{MARK}b", ours)


def remote(memory: Memory, **changes: Any) -> Remote:
    """A memory as Mem0 shows it."""
    there = Remote("m1", memory.text, dict(memory.metadata), "2026-01-05", memory.user_id)
    return replace(there, agent_id=memory.agent_id or "", **changes)


def test_a_better_redaction_of_the_same_is_found_with_what_a_receipt_needs() -> None:
    """Its own hash and fingerprint: `verify` compares with those."""
    there = memory_of(REDACTED)
    found = redacted_there(remote(there), memory_of(RAW))
    assert found == RedactedThere("m1", there.content_hash, there.fingerprint)


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(remote(memory_of(RAW)), id="the same"),
        pytest.param(remote(memory_of(REDACTED), text=f"The login is {MARK} for now"), id="edited"),
        pytest.param(remote(memory_of(REDACTED), user_id="another"), id="another user id"),
        pytest.param(remote(memory_of(item(REDACTED.text, "DEC-2"))), id="another item"),
        pytest.param(remote(memory_of(replace(REDACTED, metadata={}))), id="other metadata"),
        pytest.param(remote(memory_of(replace(REDACTED, agent_id="me"))), id="another agent"),
        pytest.param(remote(memory_of(item("Something else", metadata=RAW.metadata))), id="other text"),
    ],
)
def test_anything_else_is_updated(there: Remote) -> None:
    """A revision, what a person has edited, another item's."""
    assert redacted_there(there, memory_of(RAW)) is None


def test_a_memory_with_a_hash_of_what_was_redacted_is_updated() -> None:
    """As earlier versions sent it: that hash must go."""
    old = remote(memory_of(REDACTED))
    old.metadata["content_hash"] = item("The login is admin / correct8horse for now").revision
    assert redacted_there(old, memory_of(RAW)) is None


def test_a_text_that_a_language_model_wrote_is_not_compared() -> None:
    """It is none of ours."""
    assert redacted_there(remote(memory_of(REDACTED)), memory_of(RAW, infer=True)) is None
