"""The client's own limit: never more than so many adds in any minute, and room for a major one."""

from __future__ import annotations

import random

import pytest

from mem0_syncd.delivery.pace import WINDOW_SECONDS, Pace


def test_without_a_limit_there_is_always_room() -> None:
    """A local store has none."""
    pace = Pace(None)
    pace.took(0.0, 10_000)
    assert pace.room(0.0, major=False) > 10_000
    assert pace.wait(0.0) == 0.0


def test_a_minute_takes_its_limit_and_no_more() -> None:
    """And room comes back as the adds grow old."""
    pace = Pace(200)
    pace.took(0.0, 100)
    pace.took(30.0, 100)
    assert pace.room(30.0, major=True) == 0
    assert pace.room(WINDOW_SECONDS - 0.001, major=True) == 0
    assert pace.room(WINDOW_SECONDS, major=True) == 100
    assert pace.room(30.0 + WINDOW_SECONDS, major=True) == 200


def test_a_small_share_is_for_major_ones_alone() -> None:
    """A backlog delays no major decision."""
    pace = Pace(900)
    pace.took(0.0, pace.room(0.0, major=False))
    assert pace.room(1.0, major=False) == 0
    assert pace.room(1.0, major=True) == 9
    pace.took(1.0, 9)
    assert pace.room(1.0, major=True) == 0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_smallest_limits_let_something_go(limit: int) -> None:
    """Nothing waits for ever."""
    assert Pace(limit).room(0.0, major=False) >= 1
    assert Pace(limit).room(0.0, major=True) == limit


def test_the_wait_is_until_the_oldest_is_a_minute_old() -> None:
    """Then there is room."""
    pace = Pace(2)
    assert pace.wait(5.0) == 0.0
    pace.took(5.0, 1)
    assert pace.wait(15.0) == pytest.approx(WINDOW_SECONDS - 10.0)
    assert pace.room(15.0 + pace.wait(15.0), major=False) == 1
    assert pace.wait(5.0 + WINDOW_SECONDS) == 0.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_no_minute_sees_more_than_the_limit(limit: int, seed: int) -> None:
    """Whatever comes when."""
    rng, pace = random.Random(seed), Pace(limit)
    now, sent = 0.0, []
    for _ in range(200):
        now += rng.choice([0.0, 0.1, 3.0, 40.0])
        room = pace.room(now, major=rng.random() < 0.2)
        count = rng.randint(0, min(room, 20))
        pace.took(now, count)
        sent += [now] * count
    for first, start in enumerate(sent):
        assert sum(moment < start + 60.0 for moment in sent[first : first + limit + 1]) <= limit
    assert sent
