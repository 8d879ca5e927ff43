"""Backoff: exponential, full jitter, a cap, and a floor that the cap doesn't lower."""

from __future__ import annotations

import random

import pytest

from mem0_syncd.core.backoff import Backoff


@pytest.mark.parametrize(
    ("step", "ceiling"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (10_000_000, 60)]
)
def test_the_ceiling_doubles_up_to_the_cap(step: int, ceiling: float) -> None:
    """And no step is too large to reckon with."""
    assert Backoff(base=1.0, cap=60.0).ceiling(step) == ceiling


def test_a_base_above_the_cap_waits_the_cap_at_most() -> None:
    """The cap is the cap."""
    assert Backoff(base=100.0, cap=5.0).ceiling(0) == 5.0


@pytest.mark.parametrize("step", [0, 3, 20])
def test_waits_are_spread_from_nothing_to_the_ceiling(step: int) -> None:
    """Full jitter: every part of the range is as likely as the others."""
    backoff, rng = Backoff(), random.Random(7)
    waits = [backoff.wait(step, rng) / backoff.ceiling(step) for _ in range(4000)]
    assert 0.0 <= min(waits) <= max(waits) <= 1.0
    for tenth in range(10):
        assert 300 < sum(tenth <= 10 * wait < tenth + 1 for wait in waits) < 500


def test_a_floor_is_kept_even_above_the_cap() -> None:
    """Mem0 may ask for more than we would wait of our own accord."""
    rng = random.Random(7)
    assert Backoff().wait(0, rng, at_least=3600.0) == 3600.0
    assert all(5.0 <= Backoff().wait(4, rng, at_least=5.0) <= 16.0 for _ in range(100))


def test_the_same_chance_gives_the_same_wait() -> None:
    """Randomness comes in as an argument."""
    assert Backoff().wait(3, random.Random(1)) == Backoff().wait(3, random.Random(1))
