"""What is claimed at once: as much as the threads, the pace and the destination allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.settlement import Doubt
from mem0_syncd.delivery.claims import AHEAD, Claims
from mem0_syncd.outbox import Claim, Outbox, Verb
from support.builders import NOW, item, prepared

LATER = NOW + 1.0


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with one destination, to whose user id things may be added."""
    with closing(Outbox.open(tmp_path)) as outbox:
        number = outbox.destinations.use("platform", "https://mem0.example").id
        outbox.first_contacts.share(number, ["shop-decisions"])
        look = outbox.first_contacts.begin_look(number, "shop-decisions")
        outbox.first_contacts.write_contact(number, "shop-decisions", [], NOW, number=look)
        yield outbox


def queued(outbox: Outbox, count: int, *, major: bool = False, first: int = 0) -> None:
    """Have some decisions wait."""
    numbers = range(first, first + count)
    fresh = [item(f"Use Postgres {number} for orders", f"DEC-{number}") for number in numbers]
    outbox.items.apply(1, [prepared(it, major=major) for it in fresh], NOW)


def take(outbox: Outbox, under_way: list[Claim], threads: int = 1, limit: int | None = None) -> list[Claim]:
    """What is claimed beside what is under way."""
    return Claims(outbox.queue, limit, lambda: 0.0).take(
        outbox.destinations.get(1), under_way, threads, LATER
    )


def test_each_thread_has_some_ahead_and_no_more(outbox: Outbox) -> None:
    """The rest stays where a revision can still replace it."""
    queued(outbox, 100)
    assert len(take(outbox, [], threads=2)) == 2 * AHEAD


def test_the_courier_is_refilled_when_it_is_half_empty(outbox: Outbox) -> None:
    """So that many entries share a transaction."""
    queued(outbox, 100)
    claims = take(outbox, [])
    assert take(outbox, claims[: AHEAD // 2 + 1]) == []
    assert len(take(outbox, claims[: AHEAD // 2])) == AHEAD // 2


def test_a_major_one_goes_at_once_beside_a_full_courier(outbox: Outbox) -> None:
    """A backlog takes none of its room."""
    queued(outbox, 100)
    claims = take(outbox, [])
    queued(outbox, 1, major=True, first=100)
    (major,) = take(outbox, claims)
    assert major.entry.major


def test_no_more_is_added_than_the_limit_allows(outbox: Outbox) -> None:
    """What is claimed together counts together, the major ones first."""
    queued(outbox, 10)
    queued(outbox, 3, major=True, first=10)
    claims = take(outbox, [], limit=5)
    assert [it.entry.major for it in claims[:3]] == [True] * 3
    assert len(claims) <= 5


def test_a_destination_in_trouble_gets_one_probe(outbox: Outbox) -> None:
    """A major one, if there is one."""
    queued(outbox, 10)
    queued(outbox, 1, major=True, first=10)
    outbox.destinations.set_standing(1, Health(Reach.UNREACHABLE, "refused", retry_at=NOW))
    (probe,) = take(outbox, [])
    assert probe.entry.major
    (probe,) = take(outbox, [])
    assert not probe.entry.major


def test_probes_take_turns(outbox: Outbox) -> None:
    """Look-ups that fail for good mustn't keep every push back."""
    queued(outbox, 2)
    outbox.queue.settle(1, [(it.entry, Doubt(NOW, NOW)) for it in take(outbox, [])], NOW)
    queued(outbox, 1, first=2)
    seen = []
    for step in range(2):
        outbox.destinations.set_standing(1, Health(Reach.UNREACHABLE, "refused", retry_at=NOW, step=step))
        (probe,) = take(outbox, [])
        seen.append(probe.verb)
    assert seen == [Verb.LOOK, Verb.PUSH]
