"""Compaction: the outbox gives back what it doesn't need, and keeps what it knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.core.enqueue_plan import Enqueue
from mem0_syncd.core.outcome import Found
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.plan_writes import Prepared
from support.builders import NOW, item, prepared

ITEMS = 600
LONG = "what was said at length " * 400


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with a destination that was looked at."""
    outbox = Outbox.open(tmp_path)
    outbox.destinations.use("platform", "https://mem0.example")
    outbox.first_contacts.write_contact(
        1, "shop-decisions", [], NOW, number=outbox.first_contacts.begin_look(1, "shop-decisions")
    )
    yield outbox
    outbox.close()


def change(number: int) -> Prepared:
    """A new decision with a long text."""
    return prepared(Enqueue(item(f"Decision {number}: {LONG}", f"DEC-{number}")))


def deliver_all(outbox: Outbox) -> None:
    """Write a receipt for everything that waits."""
    while claims := outbox.queue.claim(1, NOW + 1, 100, major=False):
        outbox.queue.settle(1, [(it.entry, Receipt((f"m-{it.entry.id}",))) for it in claims], NOW + 1)


def size(outbox: Outbox) -> int:
    """How large the file is, with its log folded in."""
    outbox.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return outbox.database.path.stat().st_size


def test_a_backlog_that_was_delivered_takes_no_more_room(outbox: Outbox) -> None:
    """What was sent goes with its receipt; the file shrinks at the next compaction."""
    outbox.items.apply(1, map(change, range(ITEMS)), NOW)
    deliver_all(outbox)
    before = size(outbox)
    given_back = outbox.vacuum.run()
    assert given_back > 0
    assert size(outbox) == before - given_back
    assert outbox.vacuum.run() == 0


def test_what_is_known_of_the_items_stays(outbox: Outbox) -> None:
    """Receipts, keys and what waits are as they were."""
    outbox.items.apply(1, map(change, range(ITEMS)), NOW)
    deliver_all(outbox)
    outbox.items.apply(1, [change(ITEMS)], NOW)
    keys = [item(f"Decision {number}: {LONG}", f"DEC-{number}").sync_key for number in range(ITEMS + 1)]
    before = outbox.items.known(1, keys), outbox.items.counts(1)
    outbox.vacuum.run()
    assert (outbox.items.known(1, keys), outbox.items.counts(1)) == before
    assert len(outbox.queue.claim(1, NOW + 1, 100, major=False)) == 1


def test_a_memory_that_was_found_is_remembered_until_its_item_is_delivered(outbox: Outbox) -> None:
    """The item may come with a later pull."""
    mine, absent = item("Decision that is here", "DEC-1"), item("Decision of a colleague", "DEC-2")
    found = [(it.sync_key, Found(f"m-{it.source_id}", it.content_hash)) for it in (mine, absent)]
    outbox.first_contacts.write_contact(
        1, "shop-decisions", found, NOW, number=outbox.first_contacts.begin_look(1, "shop-decisions")
    )
    for it in (mine, absent):
        outbox.items.apply(1, [prepared(it)], NOW)
        (claim,) = outbox.queue.claim(1, NOW + 1, 100, major=False)
        assert claim.entry.memory_id == f"m-{it.source_id}"
        outbox.queue.settle(1, [(claim.entry, Receipt((claim.entry.memory_id,)))], NOW + 1)
        outbox.vacuum.run()
    assert outbox.database.rows("SELECT * FROM adoptable") == []
