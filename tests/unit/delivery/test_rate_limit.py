"""The client's own limit: never more than so many adds in any minute, and room for a major one."""

from __future__ import annotations

import math
import random

import pytest

from mem0_syncd.delivery.rate_limit import WINDOW_SECONDS, RateLimit


def pass_(pace: RateLimit, count: int, now: float) -> None:
    """So many adds go and end at a moment."""
    pace.took(count)
    for _ in range(count):
        pace.ended(now)


def test_without_a_limit_there_is_always_room() -> None:
    """A local store has none."""
    pace = RateLimit(None)
    pass_(pace, 10_000, 0.0)
    assert pace.room(0.0, major=False) > 10_000
    assert pace.wait(0.0) == 0.0


def test_a_minute_takes_its_limit_and_no_more() -> None:
    """And room comes back as the adds grow old."""
    pace = RateLimit(200)
    pass_(pace, 100, 0.0)
    pass_(pace, 100, 30.0)
    assert pace.room(30.0, major=True) == 0
    assert pace.room(WINDOW_SECONDS - 0.001, major=True) == 0
    assert pace.room(WINDOW_SECONDS, major=True) == 100
    assert pace.room(31.0 + WINDOW_SECONDS, major=True) == 200


def test_an_add_counts_until_a_minute_after_its_end() -> None:
    """For Mem0 may count it at any moment of its way; one that never went doesn't count."""
    pace = RateLimit(1)
    pace.took(1)
    assert pace.room(1000.0, major=True) == 0
    assert pace.wait(1000.0) == math.inf
    pace.ended(1000.0)
    assert pace.wait(1010.0) == pytest.approx(WINDOW_SECONDS - 10.0)
    assert pace.room(1000.0 + WINDOW_SECONDS, major=True) == 1
    pace.took(1)
    pace.ended(2000.0, was_sent=False)
    assert pace.room(2000.0, major=True) == 1


def test_a_small_share_is_for_major_ones_alone() -> None:
    """A backlog delays no major decision."""
    pace = RateLimit(900)
    pace.took(pace.room(0.0, major=False))
    assert pace.room(1.0, major=False) == 0
    assert pace.room(1.0, major=True) == 9
    pace.took(9)
    assert pace.room(1.0, major=True) == 0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_smallest_limits_let_something_go(limit: int) -> None:
    """Nothing waits for ever."""
    assert RateLimit(limit).room(0.0, major=False) >= 1
    assert RateLimit(limit).room(0.0, major=True) == limit


def test_the_wait_is_until_the_oldest_is_a_minute_old() -> None:
    """Then there is room."""
    pace = RateLimit(2)
    assert pace.wait(5.0) == 0.0
    pass_(pace, 1, 5.0)
    assert pace.wait(15.0) == pytest.approx(WINDOW_SECONDS - 10.0)
    assert pace.room(15.0 + pace.wait(15.0), major=False) == 1
    assert pace.wait(5.0 + WINDOW_SECONDS) == 0.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("window", ["sliding", "fixed"])
def test_no_minute_of_mem0s_sees_more_than_the_limit(limit: int, seed: int, window: str) -> None:
    """Whatever goes when, and takes how long to arrive: by no minute that slides, nor by the clock's."""
    rng, pace = random.Random(seed), RateLimit(limit)
    now, counted = 0.0, list[float]()
    under_way = list[float]()
    for _ in range(400):
        now += rng.choice([0.0, 0.1, 3.0, 40.0])
        for sent in [it for it in under_way if it < now]:
            if rng.random() < 0.7:
                under_way.remove(sent)
                counted.append(rng.uniform(sent, now))
                pace.ended(now)
        room = pace.room(now, major=rng.random() < 0.2)
        count = rng.randint(0, min(room, 20))
        pace.took(count)
        under_way += [now] * count
    counted.sort()
    assert len(counted) > limit
    if window == "fixed":
        by_minute = [int((it + 17.0) // 60.0) for it in counted]
        assert max(map(by_minute.count, set(by_minute))) <= limit
    for first, start in enumerate(counted):
        assert sum(moment < start + 60.0 for moment in counted[first : first + limit + 1]) <= limit


@pytest.mark.parametrize("latency", [0.001, 0.1])
def test_a_backlog_drains_at_the_limits_own_pace(latency: float) -> None:
    """N adds by 32 at a time take N minutes by the limit, and at most 2 % more."""
    limit, left, now = 900, 9000, 0.0
    pace = RateLimit(limit)
    while left:
        count = min(left, 32, pace.room(now, major=False))
        if not count:
            now += pace.wait(now)
            continue
        pace.took(count)
        now += latency
        for _ in range(count):
            pace.ended(now)
        left -= count
    assert now <= 1.02 * 60.0 * 9000 / limit
