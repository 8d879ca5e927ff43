"""The power fails after any call: what was synced is enough. `make power-loss` does it after every call."""

from __future__ import annotations

import random

import pytest

from crash.board import shim
from crash.outage import BUGS, OFTEN, judge, recorded, start_after_some
from crash.paths import add, found, update

pytestmark = pytest.mark.skipif(shim() is None, reason="no C compiler (cc) for the library that writes down")

WALKS = (add, update, found, update)


def test_whatever_a_power_cut_leaves_is_enough() -> None:
    """No receipt is gone, nothing that Mem0 holds would be sent again, and a start makes all well."""
    rng = random.Random(1)
    with recorded(OFTEN, WALKS) as (recording, shop):
        looked, wrong = judge(recording, rng, every=9)
        assert wrong == []
        assert looked > 100
        assert not any(start_after_some(recording, shop, rng, 3))


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_the_model_finds_an_outbox_that_does_not_sync(bug: str) -> None:
    """An outbox that trusts the disk's cache forgets what it told."""
    with recorded(BUGS[bug], WALKS) as (recording, _):
        assert judge(recording, random.Random(1), every=9)[1] != []
