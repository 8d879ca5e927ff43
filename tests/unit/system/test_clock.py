"""The clock: small differences are followed at once, a jump when that is said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mem0_syncd.system.clock import Clock, SteadyClock, rfc3339
from support.builders import NOW

HOUR = 3600.0


@dataclass
class Machine:
    """What a machine's two clocks show."""

    wall: float = NOW
    even: float = 77.0

    def live(self, seconds: float) -> None:
        """Let time pass, in sleep or awake."""
        self.wall += seconds
        self.even += seconds


@pytest.fixture
def machine() -> Machine:
    """A machine whose clock is right."""
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    """The clock of that machine."""
    return SteadyClock(Clock(wall=lambda: machine.wall, even=lambda: machine.even))


def test_it_tells_the_time(machine: Machine, clock: SteadyClock) -> None:
    """A night's sleep is no jump."""
    assert clock.now() == NOW
    machine.live(8 * HOUR)
    assert clock.now() == NOW + 8 * HOUR
    assert clock.jump() == 0.0


def test_it_follows_a_clock_that_is_set_right_a_little(machine: Machine, clock: SteadyClock) -> None:
    """As time servers do again and again, which adds up to no jump."""
    for _ in range(10):
        machine.wall += 1.5
        assert clock.now() == machine.wall
        assert clock.jump() == 0.0


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_a_jump_counts_only_once_it_is_followed(machine: Machine, clock: SteadyClock, seconds: float) -> None:
    """Until then time goes on as if nothing had happened."""
    machine.wall += seconds
    machine.live(5.0)
    assert clock.now() == NOW + 5.0
    assert clock.jump() == seconds
    clock.follow(clock.jump())
    assert clock.now() == machine.wall
    assert clock.jump() == 0.0


@pytest.mark.parametrize(
    ("moment", "text"), [(None, None), (NOW, "2026-01-05T00:00:00Z"), (NOW + 0.9, "2026-01-05T00:00:00Z")]
)
def test_moments_are_rfc_3339_in_utc(moment: float | None, text: str | None) -> None:
    """To the second."""
    assert rfc3339(moment) == text
