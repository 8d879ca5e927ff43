"""Wishes for repairs, and letting go of doubles: what the outbox makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mem0_syncd.core.duplicate_memories import Double, Kept
from mem0_syncd.core.enqueue_plan import Reject, plan
from mem0_syncd.core.item import Item
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Found, Outcome, Stored
from mem0_syncd.core.settlement import Rules, settle
from mem0_syncd.outbox import Claim, Outbox, Verb
from mem0_syncd.outbox.receipts import Move
from mem0_syncd.outbox.resend_requests import ResendRequest
from support.builders import FIRST, NOW, SECOND, item, prepared

ITEM = item()
KEY = ITEM.sync_key
USER_ID = "shop-decisions"
GONE = ResendRequest(KEY, ("m-1",), "restore")
ALTERED = ResendRequest(KEY, ("m-1",), "overwrite")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with one item, delivered as the memory m-1."""
    outbox = Outbox.open(tmp_path)
    number = outbox.destinations.use("platform", "https://mem0.example.org").id
    assert number == 1
    outbox.first_contacts.write_contact(
        1, USER_ID, [], NOW, number=outbox.first_contacts.begin_look(1, USER_ID)
    )
    read(outbox, ITEM)
    end(outbox, claim(outbox), Stored(("m-1",)))
    yield outbox
    outbox.close()


def read(outbox: Outbox, it: Item) -> None:
    """Read an item as the scan does."""
    changes = plan([it], outbox.items.known(1, [KEY]))
    outbox.items.apply(1, [prepared(change) for change in changes], NOW)


def claim(outbox: Outbox, now: float = NOW) -> Claim:
    """The only thing that is due."""
    (claimed,) = outbox.queue.claim(1, now, 100, major=False)
    return claimed


def end(outbox: Outbox, claimed: Claim, outcome: Outcome) -> None:
    """Settle a claim with an outcome."""
    settlement = settle(claimed.entry, outcome, Rules(), NOW, random.Random(1))
    outbox.queue.settle(1, [(claimed.entry, settlement)], NOW)


def receipts(outbox: Outbox) -> list[tuple[str, ...]]:
    """The memory ids of all receipts."""
    return [it.memory_ids for it in outbox.receipts.delivered(1, "shop", ITEM.kind)]


def test_what_is_to_be_restored_is_looked_up_and_then_added(outbox: Outbox) -> None:
    """Not sent to the memory that is gone; a later look makes sure that it is there once."""
    outbox.resend_requests.add(1, [GONE])
    read(outbox, ITEM)
    assert outbox.resend_requests.end(1) == set()
    look = claim(outbox)
    assert look.verb is Verb.LOOK
    end(outbox, look, Absent())
    push = claim(outbox)
    assert (push.verb, push.entry.memory_id) == (Verb.PUSH, None)
    end(outbox, push, Stored(("m-2",)))
    assert receipts(outbox) == [("m-2",)]
    assert outbox.first_contacts.next_second_look(1) is not None


def test_what_is_there_after_all_is_not_sent(outbox: Outbox) -> None:
    """The look that comes first finds it."""
    outbox.resend_requests.add(1, [GONE])
    read(outbox, ITEM)
    end(outbox, claim(outbox), Found("m-3", ITEM.content_hash))
    assert receipts(outbox) == [("m-3",)]
    assert outbox.queue.claim(1, NOW, 100, major=False) == []


def test_what_is_to_be_overwritten_is_an_update(outbox: Outbox) -> None:
    """Of the memory that the receipt names, which may have been moved to where the item is."""
    outbox.receipts.move(1, [Move(KEY, ("m-1",), "m-4")])
    outbox.resend_requests.add(1, [replace(ALTERED, memory_ids=("m-4",))])
    read(outbox, ITEM)
    push = claim(outbox)
    assert (push.verb, push.entry.memory_id) == (Verb.PUSH, "m-4")


def test_a_wish_waits_for_a_source_that_fulfils_it(outbox: Outbox) -> None:
    """With whatever it says by then; or it is given up."""
    outbox.resend_requests.add(1, [GONE])
    read(outbox, item(SECOND))
    assert claim(outbox).entry.memory.text == SECOND
    assert outbox.resend_requests.end(1) == set()


def test_what_no_source_fulfils_is_given_up(outbox: Outbox) -> None:
    """Afterwards the item is what it was."""
    outbox.resend_requests.add(1, [GONE])
    assert outbox.resend_requests.end(1) == {KEY}
    read(outbox, ITEM)
    assert outbox.queue.claim(1, NOW, 100, major=False) == []


@pytest.mark.parametrize("wish", [replace(GONE, memory_ids=("m-0",)), replace(GONE, sync_key="another")])
def test_what_has_changed_meanwhile_is_not_wished_for(outbox: Outbox, wish: ResendRequest) -> None:
    """The receipt is another one than the one that was compared."""
    outbox.resend_requests.add(1, [wish])
    assert outbox.resend_requests.end(1) == set()


def test_what_is_on_its_way_is_not_wished_for(outbox: Outbox) -> None:
    """It is delivered anyway."""
    read(outbox, item(SECOND))
    outbox.resend_requests.add(1, [GONE])
    assert outbox.resend_requests.end(1) == set()


def test_what_must_not_be_sent_any_more_is_no_restored_item(outbox: Outbox) -> None:
    """It becomes a dead letter, of which nothing is sent."""
    outbox.resend_requests.add(1, [GONE])
    rejected = prepared(Reject(ITEM, "it holds a credential"))
    empty = Memory(USER_ID, "", None, {"sync_key": KEY, "content_hash": ITEM.content_hash})
    outbox.items.apply(1, [replace(rejected, memory=empty)], NOW)
    assert outbox.queue.claim(1, NOW, 100, major=False) == []
    assert [it.reason for it in outbox.dead_letters.newest(1)] == ["it holds a credential"]


# Letting go of doubles ------------------------------------------------------------------------------------

ELDER = Kept("m-0", USER_ID, "mem0-syncd", KEY, ITEM.content_hash, "2026-01-05T10:00:00+00:00", "said")
YOUNGER = replace(ELDER, id="m-1", created_at="2026-01-05T11:00:00+00:00")
STRANGER = replace(YOUNGER, id="m-9")


def test_the_receipt_names_what_stays_before_the_other_may_go(outbox: Outbox) -> None:
    """Whichever of them it named."""
    assert outbox.first_contacts.let_go(1, Double(ELDER, (YOUNGER, STRANGER)))
    assert receipts(outbox) == [("m-0",)]
    assert outbox.first_contacts.let_go(1, Double(ELDER, (YOUNGER,)))
    assert receipts(outbox) == [("m-0",)]


def test_what_the_receipt_says_to_be_of_another_content_stays(outbox: Outbox) -> None:
    """The listing was older than the receipt; of other memories it says nothing."""
    stale = replace(YOUNGER, content_hash="older")
    assert not outbox.first_contacts.let_go(1, Double(replace(ELDER, content_hash="older"), (stale,)))
    assert outbox.first_contacts.let_go(
        1, Double(replace(ELDER, content_hash="older"), (replace(stale, id="m-9"),))
    )
    assert receipts(outbox) == [("m-1",)]


def test_nothing_goes_while_the_item_is_under_way(outbox: Outbox) -> None:
    """What an update is just writing to is no double any more."""
    read(outbox, item(SECOND))
    claim(outbox)
    assert not outbox.first_contacts.let_go(1, Double(ELDER, (YOUNGER,)))
    assert outbox.database.rows("SELECT memory_ids FROM receipt")[0]["memory_ids"] == '["m-1"]'


def test_what_a_language_model_made_of_one_add_stays(tmp_path: Path) -> None:
    """The receipt names several memories."""
    outbox = Outbox.open(tmp_path)
    outbox.destinations.use("platform", "https://mem0.example.org")
    outbox.first_contacts.write_contact(
        1, USER_ID, [], NOW, number=outbox.first_contacts.begin_look(1, USER_ID)
    )
    read(outbox, item(FIRST))
    end(outbox, claim(outbox), Stored(("m-0", "m-1")))
    assert not outbox.first_contacts.let_go(1, Double(ELDER, (YOUNGER,)))
    assert receipts(outbox) == [("m-0", "m-1")]
    outbox.close()
