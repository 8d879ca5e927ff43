"""The plan: what changes, for everything that may be known of an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import permutations, product
from typing import Any

import pytest

from mem0_syncd.core.enqueue_plan import (
    Change,
    Enqueue,
    Known,
    Reject,
    Skip,
    Withdraw,
    Withhold,
    part_twins,
    plan,
)
from mem0_syncd.core.item import LONGEST_TEXT, Item
from mem0_syncd.core.withheld import FORGOTTEN, KEPT_HOME, Why, Withheld
from support.builders import FIRST, SECOND, THIRD, item

A, B, C = item(FIRST), item(SECOND), item(THIRD)
HASH_A, HASH_B = A.content_hash, B.content_hash
LONG = item("x" * (LONGEST_TEXT + 1))


def change(read: Item, known: Known | None = None, marked: Iterable[str] = ()) -> Change | None:
    """What changes for one item, if anything; `marked` are keys."""
    changes = plan([read], {} if known is None else {read.sync_key: known}, marked=frozenset(marked))
    assert len(changes) <= 1
    return changes[0] if changes else None


# The newest revision intended -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "newest"),
    [
        (Known(), None),
        (Known(delivered="r"), "r"),
        (Known(delivered="r", dead="d"), "d"),
        (Known(delivered="r", in_flight="f"), "f"),
        (Known(delivered="r", in_flight="f", waiting="w"), "w"),
        (Known(waiting="w", dead="d"), "w"),
    ],
)
def test_the_newest_revision_intended(known: Known, newest: str | None) -> None:
    """The waiting one, else the one in flight, else the receipt's."""
    assert known.newest == newest


def known_at(*contents: Any, **flags: Any) -> Known:
    """What is known by place, or by the places' names."""
    return Known(*contents, **flags)


def everything_known() -> Iterator[Known]:
    """Each way of holding revision A, revision B or none in each of the five places, and the two flags."""
    contents = (None, HASH_A, HASH_B)
    for *places, withheld, skipped in product(*[contents] * 5, (False, True), (False, True)):
        yield known_at(*places, withheld=withheld, skipped=skipped)


ALL_KNOWN = list(everything_known())


@pytest.mark.parametrize(
    ("reader", "teller", "revises"),
    [
        ("", "", True),
        ("", "/branch", True),
        ("/branch", "/branch", True),
        ("/branch", "", False),
        ("/other", "/branch", False),
    ],
)
def test_a_worktree_revises_only_what_it_said_itself(reader: str, teller: str, *, revises: bool) -> None:
    """And the project's own folder overrules every one."""
    read = item(SECOND)
    known = {read.sync_key: Known(delivered=HASH_A, project="shop", source="", tree=teller)}
    assert bool(plan([read], known, tree=reader)) is revises


@pytest.mark.parametrize(
    "known", [Known(delivered=HASH_A), Known(delivered=HASH_B), Known(delivered=HASH_A, dropped=HASH_A)]
)
def test_what_a_person_wants_restored_is_sent_as_it_is_now(known: Known) -> None:
    """Though it was delivered, or deleted in Mem0; but not what must not leave, or isn't this source's."""
    wanted = replace(known, wanted=True)
    assert change(A, wanted) == Enqueue(A)
    assert change(replace(A, withheld=KEPT_HOME), wanted) is None
    assert plan([A], {A.sync_key: replace(wanted, project="wiki", source="")}) == []


@pytest.mark.parametrize("read", [A, B, LONG, item(FIRST, withheld=Withheld(Why.TOO_SHORT))])
def test_what_is_forgotten_is_not_sent_whatever_else_is_known(read: Item) -> None:
    """In no revision, and also where a repair would restore it; what is in flight is left to itself."""
    for known in ALL_KNOWN:
        found = change(read, replace(known, forgotten=True, wanted=True))
        is_left = known.withheld or known.in_flight is not None
        assert found == (None if is_left else Withhold(read, FORGOTTEN)), known


def test_every_known_field_is_tried() -> None:
    """So that a new field is thought of here; where an item is from has tests of its own."""
    assert [it.name for it in fields(Known)][7:] == ["project", "source", "tree", "wanted", "forgotten"]
    assert len(ALL_KNOWN) == 3**5 * 4


@pytest.mark.parametrize("marked", [(), (A.sync_key,)])
@pytest.mark.parametrize(
    "read", [A, item(FIRST, withheld=Withheld(Why.TOO_SHORT)), LONG], ids=["due", "withheld", "too large"]
)
def test_what_holds_whatever_is_known(read: Item, marked: tuple[str, ...]) -> None:
    """Nothing unchanged, dropped or withheld is sent; a mark counts only where nothing was ever intended."""
    for known in ALL_KNOWN:
        found = change(read, known, marked)
        left_behind = known.dropped is not None or (known.in_flight and known.dead)
        went_back = left_behind and known.newest == read.content_hash
        if read.content_hash in {known.newest, known.dropped} and not went_back:
            assert found is None, known
        if read.withheld:
            assert found is None or isinstance(found, Withhold), known
        if isinstance(found, Skip):
            assert marked, known
            assert known.newest is None, known
        if isinstance(found, Withdraw) and not went_back:
            assert known.waiting, known
            assert known.underlying == read.content_hash, known
        if isinstance(found, Enqueue):
            assert len(read.text) <= LONGEST_TEXT, known


def test_a_revision_of_what_is_known_is_never_passed_over() -> None:
    """Whatever else is known: only a drop of this very revision stops it."""
    for known in ALL_KNOWN:
        if known.newest is not None and HASH_A not in {known.newest, known.dropped}:
            taken_back = known.waiting is not None and known.underlying == HASH_A
            assert change(A, known) == (Withdraw(A) if taken_back else Enqueue(A)), known


# Single changes -------------------------------------------------------------------------------------------


def test_a_new_item_is_enqueued() -> None:
    """Nothing is known of it."""
    assert change(A) == Enqueue(A)


@pytest.mark.parametrize(
    "known", [Known(waiting=HASH_A), Known(in_flight=HASH_A), Known(delivered=HASH_A), Known(dead=HASH_A)]
)
def test_an_unchanged_item_changes_nothing(known: Known) -> None:
    """Wherever it stands; a dead letter isn't tried again by reading it again."""
    assert change(A, known) is None


@pytest.mark.parametrize(
    "known",
    [
        Known(waiting=HASH_A),
        Known(in_flight=HASH_A),
        Known(delivered=HASH_A),
        Known(dead=HASH_A),
        Known(dropped=HASH_A),
    ],
)
def test_a_revision_is_enqueued(known: Known) -> None:
    """Also of a dead letter and of what was dropped: it is a new chance."""
    assert change(B, known) == Enqueue(B)


@pytest.mark.parametrize("place", ["delivered", "in_flight", "waiting"])
def test_back_and_forth_ends_at_the_first_revision(place: str) -> None:
    """A, then B, then A again: A is what Mem0 gets in the end."""
    before = known_at(**{place: HASH_A})
    assert change(B, before) == Enqueue(B)
    between = Known(waiting=HASH_B) if place == "waiting" else known_at(**{place: HASH_A}, waiting=HASH_B)
    expected = Enqueue(A) if place == "waiting" else Withdraw(A)
    assert change(A, between) == expected


def test_back_to_what_was_delivered_while_another_is_in_flight_is_sent_again() -> None:
    """The one in flight can't be taken back."""
    assert change(A, Known(delivered=HASH_A, in_flight=HASH_B)) == Enqueue(A)
    assert change(A, Known(delivered=HASH_A, in_flight=HASH_B, waiting=C.content_hash)) == Enqueue(A)


def test_a_dropped_revision_stays_dropped() -> None:
    """The next scan doesn't bring it back."""
    assert change(A, Known(dropped=HASH_A, withheld=True)) is None
    assert change(A, Known(dropped=HASH_A, delivered=HASH_B)) is None


def test_a_withheld_item_is_counted_once() -> None:
    """Seen, and not sent."""
    kept = item(withheld=KEPT_HOME)
    assert change(kept) == Withhold(kept, KEPT_HOME)
    assert change(kept, Known(withheld=True)) is None


def test_an_item_that_is_no_longer_withheld_is_sent() -> None:
    """Its writer has made it longer, or has shared it."""
    assert change(A, Known(withheld=True)) == Enqueue(A)


def test_what_turns_local_before_it_is_sent_stays() -> None:
    """`sharing_scope: local` must not leave the machine, so what waits is taken back."""
    kept = item(withheld=KEPT_HOME)
    assert change(kept, Known(waiting=HASH_A)) == Withhold(kept, KEPT_HOME)
    assert change(kept, Known(waiting=HASH_B)) == Withhold(kept, KEPT_HOME)


@pytest.mark.parametrize(
    "known", [Known(waiting=HASH_B, delivered=HASH_A), Known(waiting=HASH_B, in_flight=HASH_A)]
)
def test_a_revision_that_turns_local_before_it_is_sent_is_taken_back(known: Known) -> None:
    """What Mem0 has of it already can't be."""
    assert change(item(SECOND, withheld=KEPT_HOME), known) is not None


@pytest.mark.parametrize("known", [Known(in_flight=HASH_A), Known(delivered=HASH_A), Known(dead=HASH_A)])
def test_what_turns_local_when_it_is_gone_sends_nothing_more(known: Known) -> None:
    """Its later revisions stay."""
    assert change(item(SECOND, withheld=KEPT_HOME), known) is None


def test_what_is_no_longer_agreed_to_is_taken_back_before_it_is_sent() -> None:
    """What narrows holds at once; another project's waiting best practice is none of it."""
    kept = item(withheld=Withheld(Why.EXCLUDED, "it"))
    assert change(kept, Known(waiting=HASH_A)) == Withhold(kept, Withheld(Why.EXCLUDED, "it"))
    assert change(kept, Known(waiting=HASH_A, delivered=HASH_B)) == Withdraw(kept)
    assert change(kept, Known(waiting=HASH_A, project="another", source="decision-log")) is None
    assert change(kept, Known(in_flight=HASH_A)) is None


def test_what_others_marked_is_skipped() -> None:
    """It is counted, once."""
    assert change(A, marked=[A.sync_key]) == Skip(A)
    assert change(A, Known(skipped=True), [A.sync_key]) is None
    assert change(A, marked=["another"]) == Enqueue(A)


def test_a_mark_that_is_taken_back_makes_the_item_due() -> None:
    """Others unmark what they lost."""
    assert change(A, Known(skipped=True)) == Enqueue(A)


@pytest.mark.parametrize("place", ["waiting", "in_flight", "dead", "delivered"])
def test_a_mark_does_not_stop_a_revision_of_our_own(place: str) -> None:
    """What we have sent, or were about to, is ours."""
    assert change(B, known_at(**{place: HASH_A}), [B.sync_key]) == Enqueue(B)


@pytest.mark.parametrize(
    ("source", "project", "revises"),
    [("first", "shop", True), ("second", "shop", True), ("third", "shop", False), ("second", "till", False)],
)
def test_only_the_source_of_record_revises(source: str, project: str, *, revises: bool) -> None:
    """A later file doesn't, nor does another project that says the same best practice."""
    ranks = {"first": 0, "second": 1, "third": 2}
    other = item(SECOND, source=source, project=project)
    known = {other.sync_key: Known(delivered=HASH_A, project="shop", source="second")}
    assert plan([other], known, ranks) == ([Enqueue(other)] if revises else [])


@pytest.mark.parametrize(
    "known", [None, Known(delivered=HASH_A), Known(waiting=HASH_A), Known(in_flight=HASH_A)]
)
def test_a_text_that_is_too_large_is_rejected_with_its_size(known: Known | None) -> None:
    """A dead letter from the start, instead of a push that Mem0 must refuse."""
    found = change(LONG, known)
    assert isinstance(found, Reject)
    assert "100,001 characters, of 100,000 at most" in found.reason
    assert change(item("x" * LONGEST_TEXT), known) == Enqueue(item("x" * LONGEST_TEXT))


def test_each_item_changes_on_its_own_and_in_order() -> None:
    """No neighbour matters."""
    kept, other = item(withheld=KEPT_HOME, source_id="DEC-2"), item(source_id="DEC-3")
    known = {A.sync_key: Known(delivered=HASH_A)}
    assert plan([A, kept, other], known) == [Withhold(kept, KEPT_HOME), Enqueue(other)]


# Twins ----------------------------------------------------------------------------------------------------


def read_in_turn(reads: Iterable[Sequence[Item]]) -> tuple[dict[str, str], list[list[str]]]:
    """What each key holds after some reads, each delivered before the next; and the keys each changed."""
    held: dict[str, str] = {}
    changed = []
    for read in reads:
        known = known_of(held)
        changes = plan(part_twins(read, known), known)
        assert all(isinstance(it, Enqueue) for it in changes)
        changed.append([it.item.text for it in changes])
        held |= {it.item.sync_key: it.item.content_hash for it in changes}
    return held, changed


def known_of(held: Mapping[str, str]) -> dict[str, Known]:
    return {key: Known(delivered=content) for key, content in held.items()}


@pytest.mark.parametrize("first", list(permutations((A, B, C))))
@pytest.mark.parametrize("second", list(permutations((A, B, C))))
def test_twins_are_items_of_their_own_in_any_order(first: Sequence[Item], second: Sequence[Item]) -> None:
    """All of them are sent once, and another order changes nothing."""
    held, changed = read_in_turn([first, second])
    assert sorted(held.values()) == sorted(it.content_hash for it in first)
    assert changed == [[it.text for it in first], []]


@pytest.mark.parametrize("left", [(A,), (B,), (C,), (B, C), (C, B), (A, C)])
def test_a_twin_that_disappears_changes_none_of_the_others(left: Sequence[Item]) -> None:
    """A log that shrinks deletes nothing, and renames nothing."""
    held, changed = read_in_turn([(A, B, C), left, (C, B, A)])
    assert changed[1:] == [[], []]
    assert len(held) == 3


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_a_twin_that_turns_up_later_joins_its_text_to_its_key(order: Sequence[Item]) -> None:
    """The one that is known keeps the plain key, wherever the new one stands."""
    held, changed = read_in_turn([(A,), order])
    assert changed == [[FIRST], [SECOND]]
    assert held == {A.sync_key: HASH_A, B.as_twin().sync_key: HASH_B}


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_the_first_of_new_twins_keeps_the_plain_key(order: Sequence[Item]) -> None:
    """The later one's text joins its key."""
    first, second = order
    assert part_twins(order, {}) == [first, second.as_twin()]


@pytest.mark.parametrize("order", [(C, B), (B, C)])
def test_a_revised_twin_is_told_from_its_unchanged_one(order: Sequence[Item]) -> None:
    """A and B were read; now A says C: the key of A has a revision, and B is as it was."""
    held, changed = read_in_turn([(A, B), order])
    assert changed[1] == [THIRD]
    assert held == {A.sync_key: C.content_hash, B.as_twin().sync_key: HASH_B}


def test_other_metadata_of_a_twin_is_its_revision() -> None:
    """Its key is its text, so it is found again."""
    revised = item(SECOND, metadata={"status": "superseded"})
    held, changed = read_in_turn([(A, B), (A, revised)])
    assert changed[1] == [SECOND]
    assert held[B.as_twin().sync_key] == revised.content_hash


def test_entries_of_one_text_are_one_item_and_the_last_counts() -> None:
    """An appended line revises the one before it; items without an id can have no twins."""
    revised = item(metadata={"status": "superseded"})
    assert part_twins([A, revised], {}) == [revised]
    nameless = item(source_id=None)
    assert part_twins([nameless, nameless], {}) == [nameless]


def test_items_with_keys_of_their_own_are_left_alone() -> None:
    """Parting is for twins."""
    several = [A, item(source_id="DEC-2"), item(source_id=None)]
    assert part_twins(several, {}) == several
