"""Everything goes wrong at once: a short form of `make chaos` and of `make poison`."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import poison
from chaos.course import Course
from chaos.seeded import BUGS


def test_nothing_is_lost_or_doubled_in_a_storm(tmp_path: Path) -> None:
    """With every fault of Mem0 at random, and daemon and courier killed again and again."""
    reckoning = Course(tmp_path, "a storm", items=120, pause=0.2).run()
    assert reckoning.is_well, reckoning.table()


def test_what_mem0_refuses_delays_nobody(tmp_path: Path) -> None:
    """Every good item arrives, and every refused one is a dead letter that says why."""
    delivered = poison.deliver(tmp_path, good=225, poison=10)
    assert sorted(delivered.arrived) == list(range(1, 226))
    assert delivered.dead.total() == 10
    assert "" not in delivered.dead


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_storm_finds_a_bug_that_is_put_in(bug: str, tmp_path: Path) -> None:
    """Each mistake that would break a promise is seen in the reckoning, or keeps it from ever coming."""
    course = Course(tmp_path, "a storm", items=400, patience=30.0, rate=2.0, bug=BUGS[bug])
    try:
        is_well = course.run().is_well
    except AssertionError:  # it never came to rest
        is_well = False
    assert not is_well
