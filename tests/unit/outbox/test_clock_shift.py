"""The clock jumps: what the outbox waits for moves with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.core.settlement import SLOWEST_REWRITE, Doubt, Receipt, Rules
from mem0_syncd.outbox import Outbox, Verb
from support.builders import NOW, item, prepared

HOUR = 3600.0
RULES = Rules(timeout=30.0, read_lag=30.0)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with one item in doubt, one that waits, and a destination that isn't reached."""
    with closing(Outbox.open(tmp_path)) as outbox:
        number = outbox.destinations.use("platform", "https://mem0.example").id
        outbox.items.apply(number, [prepared(item())], NOW)
        look = outbox.first_contacts.begin_look(number, "shop-decisions")
        outbox.first_contacts.write_contact(number, "shop-decisions", [], NOW, number=look)
        (claim,) = outbox.queue.claim(number, NOW, 1, major=False)
        doubt = Doubt(NOW + 10.0, RULES.certain_after(NOW))
        outbox.queue.settle(number, [(claim.entry, doubt)], NOW)
        outbox.items.apply(number, [prepared(item("Use MySQL for carts", "DEC-2"))], NOW)
        outbox.destinations.set_standing(number, Health(Reach.UNREACHABLE, "refused", retry_at=NOW + 60.0))
        yield outbox


def entries(outbox: Outbox, now: float) -> dict[str, float]:
    """What is due at a moment, by what is done to it, with when its absence is certain."""
    claims = outbox.queue.claim(1, now, 10, major=False)
    return {claim.verb.value: claim.entry.certain_at for claim in claims}


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_what_is_certain_when_moves_with_the_clock(outbox: Outbox, seconds: float) -> None:
    """Neither earlier, so that something is sent twice, nor an hour later."""
    now = NOW + 5.0 + seconds
    outbox.clock_shift.shift(1, seconds, now)
    assert entries(outbox, now) == {"look": RULES.certain_after(NOW) + seconds, "push": 0.0}
    assert outbox.destinations.get(1).standing.retry_at == NOW + 60.0 + seconds


def test_a_fresh_receipt_moves_with_the_clock(outbox: Outbox) -> None:
    """Mem0 need not show yet what was delivered a moment ago, whatever the clock says by then."""
    (look,) = [it for it in outbox.queue.claim(1, NOW + 10.0, 10, major=False) if it.verb is Verb.LOOK]
    outbox.queue.settle(1, [(look.entry, Receipt(("m1",)))], NOW)
    outbox.clock_shift.shift(1, HOUR, NOW + HOUR)
    (delivered,) = outbox.receipts.delivered(1, "shop", Kind.DECISION)
    assert delivered.delivered_at == NOW + HOUR


def test_a_start_long_before_all_that_is_noted_waits_for_none_of_it(outbox: Outbox) -> None:
    """Whoever set the clock back while no daemon ran has it wait no longer than it may at most."""
    outbox.destinations.set_standing(1, Health(Reach.HELD, "no key", retry_at=NOW, asked_until=NOW))
    start = NOW - 24 * HOUR
    outbox.clock_shift.clamp(1, start, RULES)
    assert entries(outbox, start) == {"look": RULES.certain_after(start), "push": 0.0}
    standing = outbox.destinations.get(1).standing
    assert standing.asked_until == start + HOUR
    assert standing.retry_at == start + HOUR


def test_a_start_heeds_a_wish_that_may_be_meant(outbox: Outbox) -> None:
    """What Mem0 asked for, and is no further off than it may be, stays."""
    outbox.destinations.set_standing(1, Health(Reach.HELD, "429", retry_at=NOW + 9.0, asked_until=NOW + 9.0))
    outbox.clock_shift.clamp(1, NOW + 1.0, RULES)
    assert outbox.destinations.get(1).standing.retry_at == NOW + 9.0


@pytest.mark.parametrize("seconds", [1.0, 24 * HOUR])
def test_an_absence_becomes_certain_anew_at_a_start(outbox: Outbox, seconds: float) -> None:
    """How long ago the outcome was lost isn't known: the clock may have been set forward meanwhile."""
    start = NOW + seconds
    outbox.clock_shift.clamp(1, start, RULES)
    assert entries(outbox, start) == {"look": RULES.certain_after(start), "push": 0.0}


def test_an_add_that_is_rewritten_takes_its_time_anew_as_well(outbox: Outbox) -> None:
    """Mem0's language model may still be at work on it."""
    memory = memory_of(item("Use Kafka for carts", "DEC-4"), infer=True)
    change = replace(prepared(item("Use Kafka for carts", "DEC-4")), memory=memory)
    outbox.items.apply(1, [change], NOW)
    claims = outbox.queue.claim(1, NOW, 9, major=False)
    outbox.queue.settle(1, [(it.entry, Doubt(NOW, NOW + SLOWEST_REWRITE)) for it in claims], NOW)
    outbox.clock_shift.clamp(1, NOW, RULES)
    certain = {
        it.entry.memory.infer: it.entry.certain_at for it in outbox.queue.claim(1, NOW, 9, major=False)
    }
    assert certain == {False: RULES.certain_after(NOW), True: RULES.certain_after(NOW) + SLOWEST_REWRITE}


def test_a_look_speaks_for_what_was_there_when_it_began_whatever_the_clock_says(outbox: Outbox) -> None:
    """Where others write as well: an entry made after it, at an earlier time, is looked for once more."""
    outbox.first_contacts.share(1, ["shop-decisions"])
    number = outbox.first_contacts.begin_look(1, "shop-decisions")
    outbox.items.apply(1, [prepared(item("Use Redis for carts", "DEC-3"))], NOW - 10.0)
    outbox.first_contacts.write_contact(1, "shop-decisions", [], NOW, number=number)
    assert "shop-decisions" in outbox.first_contacts.stale(1, NOW)
    assert [it.entry.memory.text[:9] for it in outbox.queue.claim(1, NOW, 9, major=False)] == ["Use MySQL"]
    number = outbox.first_contacts.begin_look(1, "shop-decisions")
    outbox.first_contacts.write_contact(1, "shop-decisions", [], NOW, number=number)
    assert [it.entry.memory.text[:9] for it in outbox.queue.claim(1, NOW, 9, major=False)] == ["Use Redis"]
