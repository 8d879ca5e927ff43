"""An outage of days: it costs a probe a minute at most and a queue that grows, and ends within a minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.core.destination_health import Health, Reach, stand
from mem0_syncd.core.outcome import Later, Stored
from mem0_syncd.core.settlement import Rules, settle
from mem0_syncd.outbox import Claim, Outbox
from support.builders import NOW, item, prepared

DAY, HOUR = 86_400.0, 3600.0
RULES = Rules()


class Outage:
    """Three days at one destination, whose clock is that of the probes."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.rng = outbox, random.Random(1)
        self.number = outbox.destinations.use("platform", "https://mem0.example").id
        self.now, self.items, self.waits = NOW, 0, [0.0]
        self.write()
        look = outbox.first_contacts.begin_look(self.number, "shop-decisions")
        outbox.first_contacts.write_contact(self.number, "shop-decisions", [], NOW, number=look)

    @property
    def standing(self) -> Health:
        """How the destination stands."""
        return self.outbox.destinations.get(self.number).standing

    def write(self) -> None:
        """Somebody decides something."""
        self.items += 1
        fresh = item(f"Use Postgres {self.items} for orders", f"DEC-{self.items}")
        self.outbox.items.apply(self.number, [prepared(fresh)], self.now)

    def claim(self, limit: int) -> list[Claim]:
        """Take what is due."""
        return self.outbox.queue.claim(self.number, self.now, limit, major=False)

    def hear(self, claim: Claim, outcome: Later | Stored) -> None:
        """Take in what came of one."""
        settlement = settle(claim.entry, outcome, RULES, self.now, self.rng)
        self.outbox.queue.settle(self.number, [(claim.entry, settlement)], self.now)
        standing = stand(self.standing, outcome, RULES.backoff, self.now, self.rng)
        self.outbox.destinations.set_standing(self.number, standing)

    def probe(self, outcome: Later | Stored) -> None:
        """Wait for the next probe, and have this come of it."""
        due = self.standing.retry_at or self.now
        self.waits.append(due - self.now)
        self.now = max(self.now, due)
        (claim,) = self.claim(1)
        self.hear(claim, outcome)


@pytest.fixture
def outage(tmp_path: Path) -> Iterator[Outage]:
    """A destination that nothing has been sent to yet."""
    with closing(Outbox.open(tmp_path)) as outbox:
        outbox.database.rows("PRAGMA synchronous = OFF")
        yield Outage(outbox)


@pytest.mark.parametrize("days", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_after_days_of_outage_everything_flows_within_a_minute(outage: Outage, days: int) -> None:
    """No probe is further off than a minute, no attempt is counted, and the first success makes all due."""
    while outage.now < NOW + days * DAY:
        if outage.now > NOW + outage.items * HOUR:
            outage.write()
        outage.probe(Later("refused"))
    assert outage.standing.reach is Reach.UNREACHABLE
    assert max(outage.waits) <= 60.0
    assert outage.items > 23 * days
    assert outage.outbox.queue.live(outage.number, 1000) == {"pending": outage.items}
    back = outage.now
    outage.probe(Stored(("m-1",)))
    assert outage.now <= back + 60.0
    assert outage.standing == Health()
    rest = outage.claim(1000)
    assert len(rest) == outage.items - 1
    assert {(claim.entry.attempts, claim.entry.sends) for claim in rest} == {(0, 1)}
