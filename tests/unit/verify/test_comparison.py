"""What differs between what was delivered and what Mem0 holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mem0_syncd.core.delivered import Delivered
from mem0_syncd.core.duplicate_memories import Double, Kept
from mem0_syncd.verify.comparison import Comparison, Match, Variants, compare

ITEM = Delivered("key", "shop", "decision", "DEC-1", ("m1",), "hash", "said", 5.0)
MEMORY = Kept("m1", "shop-decisions", "mem0-syncd", "key", "hash", "2026-01-05T10:00:00+00:00", "said")
LATER = "2026-01-05T11:00:00+00:00"
KNOWN = {"key"}


def test_what_is_as_it_was_sent_differs_in_nothing() -> None:
    """Also where the receipt is older than fingerprints."""
    assert compare([ITEM], KNOWN, [MEMORY]) == Comparison(checked=1)
    assert compare([replace(ITEM, fingerprint="")], KNOWN, [MEMORY]) == Comparison(checked=1)


def test_what_is_nowhere_is_missing() -> None:
    """Neither under its id nor under its key."""
    other = replace(MEMORY, id="m2", sync_key="another")
    assert compare([ITEM], KNOWN, [other]) == Comparison(1, missing=[ITEM], foreign=[other])


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "edited"}, {"content_hash": "another"}, {"source": ""}, {"sync_key": ""}],
    ids=str,
)
def test_what_is_there_and_says_something_else_is_altered(change: dict[str, str]) -> None:
    """Even if somebody has taken its key away."""
    memory = replace(MEMORY, **change)
    assert compare([ITEM], KNOWN, [memory]) == Comparison(1, altered=[Match(ITEM, memory)])


def test_what_has_another_id_by_now_has_moved() -> None:
    """Nothing is lost; unless it says something else there."""
    there = replace(MEMORY, id="m2")
    assert compare([ITEM], KNOWN, [there]) == Comparison(1, moved=[Match(ITEM, there)])
    edited = replace(there, fingerprint="edited")
    assert compare([ITEM], KNOWN, [edited]) == Comparison(1, altered=[Match(ITEM, edited)])


def test_true_doubles_are_doubled_and_the_rest_is_unlike() -> None:
    """Of what isn't equal in everything none may go; the one that the receipt names counts as the item."""
    double = replace(MEMORY, id="m0", created_at=LATER)
    older = replace(MEMORY, id="m3", content_hash="older", created_at="2026-01-04T00:00:00+00:00")
    assert compare([ITEM], KNOWN, [older, double, MEMORY]) == Comparison(
        1, doubled=[Double(MEMORY, (double,))], unlike=[Variants(MEMORY.sync_key, MEMORY, (older,))]
    )


def test_several_memories_of_one_add_are_no_doubles() -> None:
    """Mem0's language model makes as many of one item as it likes."""
    both = replace(ITEM, memory_ids=("m1", "m2"), fingerprint="")
    second = replace(MEMORY, id="m2", fingerprint="something else")
    assert compare([both], KNOWN, [MEMORY, second]) == Comparison(checked=1)


def test_what_nobody_here_knows_is_foreign() -> None:
    """What another daemon has sent, and what another program has; even what is there twice."""
    theirs = [replace(MEMORY, id=f"m{number}", sync_key="theirs") for number in (5, 6)]
    plain = replace(MEMORY, id="m7", source="", sync_key="", content_hash="")
    assert compare([ITEM], KNOWN, [MEMORY, *theirs, plain]) == Comparison(1, foreign=[*theirs, plain])


def test_what_is_known_and_not_delivered_is_neither_missing_nor_foreign() -> None:
    """What is on its way, or was forgotten here."""
    assert compare([], KNOWN, [MEMORY]) == Comparison()
    assert compare([], KNOWN, []) == Comparison()


def test_what_an_incomplete_listing_does_not_show_is_not_missing() -> None:
    """It could not be compared; what is shown was."""
    there = replace(ITEM, sync_key="there", memory_ids=("m2",))
    comparison = compare([ITEM, there], {"key", "there"}, [replace(MEMORY, id="m2", sync_key="there")])
    comparison.pass_over_missing()
    assert comparison == Comparison(checked=1, unlisted=1)


def test_an_origin_is_compared_where_both_sides_say_one() -> None:
    """An earlier version said none, and a rewritten history has several."""
    ours = replace(ITEM, origins=frozenset({"a" * 32, "b" * 32}))
    for origin in ("", "a" * 32, "b" * 32):
        assert compare([ours], KNOWN, [replace(MEMORY, origin=origin)]) == Comparison(checked=1)
    other = replace(MEMORY, origin="c" * 32)
    assert compare([ours], KNOWN, [other]) == Comparison(1, altered=[Match(ours, other)])
    assert compare([ITEM], KNOWN, [other]) == Comparison(checked=1)
