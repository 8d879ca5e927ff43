"""Outcomes cross the pipe between courier and daemon as JSON, and come out as they went in."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from mem0_syncd.core.outcome import (
    Absent,
    Accepted,
    Found,
    Gone,
    Held,
    Later,
    Listed,
    ListOutcome,
    LookOutcome,
    Outcome,
    PushOutcome,
    Refused,
    Stored,
    Unknown,
    from_wire,
    to_wire,
)

EACH: list[Outcome | Listed] = [
    Stored(("m-1",)),
    Stored(("m-1", "m-2")),
    Stored(()),
    Later("429"),
    Later("429", 1.5),
    Unknown("503: „zu viel“ \n🙂"),
    Unknown("503", 30.0),
    Unknown("empty results", by_text=True),
    Accepted("e-1"),
    Refused("400"),
    Held("401", "check the key"),
    Gone("404"),
    Found("m-1", "a1"),
    Absent(),
    Listed(()),
    Listed((("key", "m-1", "a1"), ("other", "m-2", ""))),
]


@pytest.mark.parametrize("outcome", EACH, ids=repr)
def test_an_outcome_survives_the_wire(outcome: Outcome | Listed) -> None:
    """Through a line of JSON and back."""
    line = json.dumps(to_wire(outcome))
    assert "\n" not in line
    back = from_wire(json.loads(line))
    assert back == outcome
    assert hash(back) == hash(outcome)


def test_every_outcome_is_tried() -> None:
    """So that a new one is thought of here."""
    assert {type(outcome) for outcome in EACH} == {
        *get_args(PushOutcome),
        *get_args(LookOutcome),
        *get_args(ListOutcome),
    }
