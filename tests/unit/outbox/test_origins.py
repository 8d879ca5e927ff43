"""Which projects the outbox stops, on real SQLite files: for whose memories, how long, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mem0_syncd.core.foreign_memories import Stated
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import fingerprint, memory_of, project_of, said_by, user_id
from mem0_syncd.core.outcome import Found, Listed, from_wire, to_wire
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.outbox import Claim, Outbox
from mem0_syncd.outbox.origins import Looked
from mem0_syncd.status.stopped_projects import strangers_problem
from support.builders import NOW, item, prepared

OURS, OTHERS = "a" * 32, "b" * 32
SHOP, BLOG = item("In the shop"), item("In the blog", project="blog")
NEWEST = "2026-01-05T09:00:00+00:00"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with an item of each of two projects on its way."""
    with closing(Outbox.open(tmp_path)) as outbox:
        outbox.destinations.use("platform", "https://mem0.example.org")
        put(outbox, SHOP, BLOG)
        yield outbox


def put(outbox: Outbox, *items: Item) -> None:
    outbox.items.apply(outbox.destinations.get().id, [prepared(it) for it in items], NOW)


def know(outbox: Outbox, origin: str, *, id_is_asked: bool = False) -> None:
    outbox.origins.write("shop", Looked(origin, id_is_asked, "", NOW))


def contact(outbox: Outbox, *stated: Stated, kind: Kind = Kind.DECISION, project: str = "shop") -> None:
    destination, name = outbox.destinations.get().id, user_id(kind, project)
    number = outbox.first_contacts.begin_look(destination, name)
    outbox.first_contacts.write_contact(destination, name, [], NOW, number=number, origins=stated)


def others(count: int = 2, origin: str = OTHERS) -> Stated:
    return Stated(origin, count, NEWEST)


def claim(outbox: Outbox) -> list[Claim]:
    return outbox.queue.claim(outbox.destinations.get().id, NOW, 100, major=False)


def claimed(outbox: Outbox) -> set[str]:
    return {it.entry.project for it in claim(outbox)}


def deliver(outbox: Outbox) -> None:
    destination = outbox.destinations.get().id
    outbox.queue.settle(
        destination, [(it.entry, Receipt((f"m-{it.entry.id}",))) for it in claim(outbox)], NOW
    )


def test_nothing_of_a_stopped_project_is_claimed_and_the_others_go_on(outbox: Outbox) -> None:
    """Neither is what was found there adopted."""
    know(outbox, OURS)
    destination = outbox.destinations.get().id
    number = outbox.first_contacts.begin_look(destination, "shop-decisions")
    there = [(SHOP.sync_key, Found("m-7", SHOP.content_hash))]
    outbox.first_contacts.write_contact(
        destination, "shop-decisions", there, NOW, NEWEST, number=number, origins=[others()]
    )
    contact(outbox, project="blog")
    assert claimed(outbox) == {"blog"}
    assert outbox.queue.live(destination, 100) == {"sending": 1}
    assert outbox.queue.next_due(destination, NOW) == (None, None)


def test_its_other_kinds_and_best_practices_are_stopped_too(outbox: Outbox) -> None:
    """Of the project nothing is sent at all."""
    know(outbox, OURS)
    put(
        outbox,
        item("A pattern of agents", "P-1", kind=Kind.AGENT_PATTERN),
        item("A best practice", "B-1", kind=Kind.BEST_PRACTICE),
    )
    for kind in (Kind.AGENT_PATTERN, Kind.BEST_PRACTICE):
        contact(outbox, kind=kind)
    contact(outbox, others())
    assert claimed(outbox) == set()


def test_it_is_stopped_over_a_restart(outbox: Outbox, tmp_path: Path) -> None:
    """Until its user has said that those are its own."""
    know(outbox, OURS)
    contact(outbox, others())
    outbox.close()
    with closing(Outbox.open(tmp_path)) as again:
        assert claimed(again) == set()
        (stranger,) = again.origins.strangers("shop")
        assert stranger.stated == others()
        again.origins.count_as_same("shop", [OTHERS])
        assert again.origins.strangers() == []
        assert claimed(again) == {"shop"}
        assert again.origins.own("shop") == {OURS, OTHERS}


def test_the_global_scope_stops_nobody(outbox: Outbox) -> None:
    """Every project's best practices are there."""
    know(outbox, OURS)
    contact(outbox, others(), kind=Kind.BEST_PRACTICE)
    contact(outbox)
    assert claimed(outbox) == {"shop"}


def test_a_stopped_project_is_not_listed_again_and_again(outbox: Outbox) -> None:
    """Although others write there, and something of it is due."""
    know(outbox, OURS)
    contact(outbox)
    destination = outbox.destinations.get().id
    outbox.first_contacts.share(destination, ["shop-decisions"])
    later = NOW + 3600
    assert outbox.first_contacts.stale(destination, later)
    contact(outbox, others())
    assert not outbox.first_contacts.stale(destination, later)


def test_an_origin_that_becomes_known_later_is_compared_with_what_was_seen(outbox: Outbox) -> None:
    """For a folder's own name it goes on until then."""
    contact(outbox, others())
    know(outbox, "")
    assert outbox.origins.strangers() == []
    know(outbox, OURS)
    assert claimed(outbox) == set()
    know(outbox, OTHERS)
    assert claimed(outbox) == {"shop"}


def test_what_an_earlier_version_delivered_stops_nothing(outbox: Outbox) -> None:
    """Its memories say no origin; an id that a file asked for is the project's by then."""
    contact(outbox)
    deliver(outbox)
    know(outbox, OURS, id_is_asked=True)
    put(outbox, item("In the shop, revised"))
    contact(outbox, others(1, ""))
    assert claimed(outbox) == {"shop"}


def test_for_an_id_that_a_file_asked_for_memories_without_an_origin_are_strangers(outbox: Outbox) -> None:
    """As long as none of them can be the project's own."""
    know(outbox, OURS, id_is_asked=True)
    contact(outbox, others(1, ""))
    (stranger,) = outbox.origins.strangers()
    problem = strangers_problem("shop", "/code/shop", [stranger])
    assert "which don't say of which repository they are (1 in shop-decisions" in problem.what
    outbox.origins.count_as_same("shop", [""])
    assert claimed(outbox) == {"shop"}


def test_another_repository_in_the_folder_is_stopped_by_what_the_first_one_delivered(outbox: Outbox) -> None:
    """Its id is the same, and this machine's own receipts say it."""
    know(outbox, OURS)
    contact(outbox)
    deliver(outbox)
    know(outbox, OTHERS)
    (stranger,) = outbox.origins.strangers("shop")
    assert (stranger.user_id, stranger.stated.origin, stranger.stated.count) == ("shop-decisions", OURS, 1)


def test_a_second_destination_is_judged_by_what_is_there(outbox: Outbox) -> None:
    """Where the project's own memories are alone it goes on."""
    know(outbox, OURS)
    contact(outbox, others())
    outbox.destinations.use("server", "https://mem0.example.com")
    put(outbox, SHOP)
    contact(outbox, others(3, OURS))
    assert claimed(outbox) == {"shop"}


def test_an_audit_tells_whose_memories_are_there_as_well(outbox: Outbox) -> None:
    """It sees what came after the first contact."""
    know(outbox, OURS)
    contact(outbox)
    outbox.origins.state(outbox.destinations.get().id, "shop-decisions", [others()])
    assert claimed(outbox) == set()


def test_what_a_look_has_shown_outlives_the_courier() -> None:
    """The origins come over its line as they were."""
    listed = Listed((("key", "m-1", "hash"),), NEWEST, (others(), others(1, "")))
    assert from_wire(json.loads(json.dumps(to_wire(listed)))) == listed


def test_an_origin_is_in_no_hash() -> None:
    """Nothing that was delivered before is sent again for it."""
    without, with_it = memory_of(SHOP), memory_of(SHOP, origin=OURS)
    assert with_it.metadata == {**without.metadata, "origin": OURS}
    assert (with_it.sync_key, with_it.content_hash) == (without.sync_key, without.content_hash)
    assert with_it.fingerprint == without.fingerprint == fingerprint(SHOP.text, with_it.metadata)
    assert said_by(with_it) == said_by(without)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_user_id_tells_its_project(kind: Kind) -> None:
    """The shared one is nobody's."""
    expected = None if kind is Kind.BEST_PRACTICE else "my-shop"
    assert project_of(user_id(kind, "my-shop")) == expected
    assert project_of("somebody") is None


def test_many_entries_that_are_stopped_hide_no_neighbours(
    outbox: Outbox,
) -> None:
    """Each of them is passed over, and the neighbour's is found."""
    know(outbox, OURS)
    put(
        outbox,
        *(replace(SHOP, source_id=f"DEC-{number}", text=f"{number} in the shop") for number in range(500)),
    )
    contact(outbox, others())
    contact(outbox, project="blog")
    put(outbox, item("The newest in the blog", "DEC-9", project="blog"))
    assert claimed(outbox) == {"blog"}
