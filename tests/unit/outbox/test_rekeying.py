"""What the released version has queued and sent, under keys and hashes of what its sources say."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Found, Outcome
from mem0_syncd.core.settlement import Receipt, Rules, settle
from mem0_syncd.destinations.base import Remote
from mem0_syncd.destinations.rehashed_memory import renewed
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.late_redaction import look_through
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.system.clock import Clock
from support.builders import NOW, item
from support.released import Left, write

SECRET, OTHER_SECRET, LEFT = (
    "password=hunter2hunter2",
    "password=correct8horse",
    "password=[redacted: password]",
)
LATER = NOW + 24 * 3600.0
CERTAIN = NOW + 1000.0


def pattern(text: str) -> Item:
    """A pattern, which has no id."""
    return Item(Kind.AGENT_PATTERN, "shop", f"Learned that {text} is set", source="agent-patterns")


def decision(text: str) -> Item:
    """A decision with an id and a time, as a log's text has them."""
    return item(f"{text}\n(DEC-1, 2026-01-05T10:00:00Z)")


class Upgraded:
    """An outbox of the released version, taken over; every scan reads all its items."""

    def __init__(self, folder: Path, left: Iterable[Left]) -> None:
        left = list(left)
        write(folder / "state", left, "https://mem0.example.org", folder / "shop")
        self.outbox = Outbox.open(folder / "state")
        self.project = ProjectRow("shop", folder / "shop")
        look_through(self.outbox, Redactor("redact"))
        self.items = [it.item for it in left]
        self.raw = {it.item.revision for it in left} | {it.item.identity for it in left}

    def scan(self, *items: Item) -> int:
        """Read everything anew; returns how many changes that made."""
        intake = Enqueuer(self.outbox, clock=Clock(wall=lambda: NOW))
        return intake.take_in(self.project, items or self.items).changes

    def sent(self) -> list[tuple[Memory, str | None]]:
        """What is sent now, each with the memory that it updates, and delivered."""
        claims = [
            claim for major in (False, True) for claim in self.outbox.queue.claim(1, LATER, 99, major=major)
        ]
        for number, claim in enumerate(claims):
            receipt = Receipt((claim.entry.memory_id or f"new-{number}",))
            self.outbox.queue.settle(1, [(claim.entry, receipt)], NOW)
        return [(claim.entry.memory, claim.entry.memory_id) for claim in claims]

    def settle(self, outcome: Outcome) -> None:
        """Have a look-up of what is under way end."""
        claims = self.outbox.queue.claim(1, CERTAIN, 99, major=False)
        for claim in claims:
            settlement = settle(claim.entry, outcome, Rules(), CERTAIN, random.Random(1))
            self.outbox.queue.settle(1, [(claim.entry, settlement)], CERTAIN)

    def rows(self, table: str) -> list[sqlite3.Row]:
        """All rows of a table."""
        return self.outbox.database.rows(f"SELECT * FROM {table}")

    def check_that_nothing_raw_leaves(self, sent: Iterable[tuple[Memory, str | None]]) -> None:
        """Nothing that is sent carries a hash of what was redacted."""
        for memory, _ in sent:
            redacted = memory.text != memory.text.replace("[redacted: password]", "")
            assert not redacted or memory.content_hash not in self.raw


@pytest.mark.parametrize("make", [pattern, decision])
def test_what_was_delivered_gets_its_new_hashes_once(tmp_path: Path, make: Callable[[str], Item]) -> None:
    """By an update of the memory that the receipt names; and what had no secret is not sent."""
    it, clean = make(SECRET), pattern("nothing")
    upgraded = Upgraded(tmp_path, [Left(it, memory_id="m1"), Left(clean, memory_id="m2")])
    assert upgraded.scan() == 1
    ((memory, memory_id),) = upgraded.sent()
    as_sent = make(LEFT)
    assert (memory_id, memory.sync_key, memory.content_hash) == ("m1", as_sent.identity, as_sent.revision)
    assert upgraded.scan() == 0
    assert upgraded.outbox.items.again(1) == 1
    assert {row["sync_key"] for row in upgraded.rows("item")} == {as_sent.identity, clean.identity}


def test_twins_get_their_new_hashes_each(tmp_path: Path) -> None:
    """And don't change places, whatever is read first."""
    first, second = decision(f"{SECRET} a"), decision(f"{SECRET} b")
    left = [Left(first, memory_id="m1"), Left(second.as_twin(), memory_id="m2")]
    upgraded = Upgraded(tmp_path, left)
    assert upgraded.scan(second, first) == 2
    found = {memory_id: memory.text[:31] for memory, memory_id in upgraded.sent()}
    assert found == {"m1": f"{LEFT} a"[:31], "m2": f"{LEFT} b"[:31]}
    assert upgraded.scan(first, second) == 0


def test_two_that_differ_only_in_their_secret_become_one(tmp_path: Path) -> None:
    """One receipt stays; nothing is added, whatever is read then."""
    one, other = pattern(SECRET), pattern(OTHER_SECRET)
    upgraded = Upgraded(tmp_path, [Left(one, memory_id="m1"), Left(other, memory_id="m2")])
    upgraded.scan()
    assert [memory_id for _, memory_id in upgraded.sent()] == ["m1"]
    assert upgraded.scan() == upgraded.scan(other) == upgraded.scan(other, one) == 0
    assert [row["sync_key"] for row in upgraded.rows("item")] == [pattern(LEFT).identity]


@pytest.mark.parametrize("make", [pattern, decision])
@pytest.mark.parametrize("is_read", [True, False])
def test_what_waits_goes_under_new_hashes(
    tmp_path: Path, make: Callable[[str], Item], *, is_read: bool
) -> None:
    """Whether a file still says it or not, and before any scan."""
    upgraded = Upgraded(tmp_path, [Left(make(SECRET), "pending")])
    if is_read:
        assert upgraded.scan() == 0
    ((memory, memory_id),) = upgraded.sent()
    as_sent = make(LEFT)
    assert memory_id is None
    assert (memory.sync_key, memory.content_hash) == (as_sent.identity, as_sent.revision)
    assert upgraded.scan() == 0


def test_a_twin_that_waits_goes_under_a_new_key(tmp_path: Path) -> None:
    """Though nothing but its key tells that it is one."""
    first, second = decision(f"{SECRET} a"), decision(f"{SECRET} b")
    upgraded = Upgraded(tmp_path, [Left(first, memory_id="m1"), Left(second.as_twin(), "pending")])
    ((memory, _),) = upgraded.sent()
    assert memory.sync_key == decision(f"{LEFT} b").as_twin().identity
    assert upgraded.scan(first, second) == 1


@pytest.mark.parametrize("found", [True, False])
def test_what_is_under_way_is_settled_under_its_own_key_first(tmp_path: Path, *, found: bool) -> None:
    """It is looked up as it was sent; then it is an item like all others, and there once."""
    it = pattern(SECRET)
    upgraded = Upgraded(tmp_path, [Left(it, "unconfirmed")])
    assert upgraded.scan() == 0
    assert [row["sync_key"] for row in upgraded.rows("entry")] == [it.identity]
    upgraded.settle(Found("m1", it.revision) if found else Absent())
    assert upgraded.scan() == 1
    ((memory, memory_id),) = upgraded.sent()
    assert memory_id == ("m1" if found else None)
    assert memory.sync_key == pattern(LEFT).identity
    assert upgraded.scan() == 0


def test_a_second_look_is_taken_under_the_key_that_was_sent_twice(tmp_path: Path) -> None:
    """Or the double would never be found."""
    upgraded = Upgraded(tmp_path, [Left(pattern(SECRET), memory_id="m1")])
    key = pattern(SECRET).identity
    with upgraded.outbox.transaction() as sql:
        sql.execute(
            "INSERT INTO second_look (destination, sync_key, user_id, due_at)"
            " VALUES (1, ?, 'shop-agents', 1)",
            (key,),
        )
    assert upgraded.scan() == 0
    (look,) = upgraded.outbox.first_contacts.second_looks(1, NOW, 9)
    assert look.sync_key == key
    upgraded.outbox.first_contacts.end(1, look)
    assert upgraded.scan() == 1


@pytest.mark.parametrize("tombstone", ["forgotten", "dropped", "deleted in Mem0"])
@pytest.mark.parametrize("make", [pattern, decision])
def test_tombstones_of_before_hold(tmp_path: Path, tombstone: str, make: Callable[[str], Item]) -> None:
    """Over every scan that follows; a revision is a new chance, but for what was forgotten."""
    it = make(SECRET)
    upgraded = Upgraded(
        tmp_path, [Left(it, memory_id=None if tombstone == "dropped" else "m1", tombstone=tombstone)]
    )
    assert upgraded.scan() == upgraded.scan() == 0
    assert upgraded.sent() == []
    is_given_a_chance = tombstone != "forgotten"
    assert upgraded.scan(replace(it, metadata={"outcome": "failed"})) == is_given_a_chance


@pytest.mark.parametrize("make", [pattern, decision])
def test_a_dead_letter_stays_one_under_new_hashes(tmp_path: Path, make: Callable[[str], Item]) -> None:
    """And what goes when a person retries it tells nothing."""
    upgraded = Upgraded(tmp_path, [Left(make(SECRET), "dead")])
    assert upgraded.scan() == 0
    upgraded.outbox.dead_letters.revive([1], NOW)
    ((memory, _),) = upgraded.sent()
    assert (memory.sync_key, memory.content_hash) == (make(LEFT).identity, make(LEFT).revision)


def test_it_is_taken_over_once(tmp_path: Path) -> None:
    """And the scans of every later start find all as it is."""
    upgraded = Upgraded(tmp_path, [Left(pattern(SECRET), memory_id="m1"), Left(decision(SECRET), "pending")])
    upgraded.scan()
    upgraded.check_that_nothing_raw_leaves(upgraded.sent())
    before = [tuple(row) for table in ("item", "identity", "receipt") for row in upgraded.rows(table)]
    look_through(upgraded.outbox, Redactor("redact"))
    assert upgraded.scan() == 0
    assert before == [tuple(row) for table in ("item", "identity", "receipt") for row in upgraded.rows(table)]


# What no file says any more -----------------------------------------------------------------------------


def renew(upgraded: Upgraded, memories: dict[str, Remote]) -> None:
    """Give old memories new hashes, as the courier does it."""
    for old in upgraded.outbox.old_memories.some(1, 20, LATER):
        there = memories.get(old.memory_id)
        memory = (
            None
            if there is None
            else renewed(
                there,
                Redactor("redact"),
                kind=old.kind,
                project=old.project,
                source_id=old.source_id,
                sync_key=old.sync_key,
                was_sent=old.fingerprint,
                keeps_key=old.is_left_over,
            )
        )
        if there is None or memory is None:
            upgraded.outbox.old_memories.leave(1, old)
            continue
        memories[old.memory_id] = replace(there, text=memory.text, metadata=memory.metadata)
        upgraded.outbox.old_memories.renewed(1, old, memory.sync_key, memory.content_hash, NOW)


def remote(left: Left, **changes: Any) -> Remote:
    """A memory of the released version, as Mem0 shows it."""
    sent = left.memory
    there = Remote(left.memory_id or "", sent.text, dict(sent.metadata), "2026-01-05", sent.user_id)
    return replace(there, agent_id=sent.agent_id or "", **changes)


@pytest.mark.parametrize("make", [pattern, decision, lambda text: decision(text).as_twin()])
@pytest.mark.parametrize("is_read_again", [True, False])
def test_what_no_file_says_gets_new_hashes_by_what_it_says_in_mem0(
    tmp_path: Path, make: Callable[[str], Item], *, is_read_again: bool
) -> None:
    """Its text there is what was sent of it; should a file say it again, nothing is to be sent."""
    left = Left(make(SECRET), memory_id="m1")
    upgraded = Upgraded(tmp_path, [left])
    memories = {"m1": remote(left)}
    renew(upgraded, memories)
    as_sent = make(LEFT)
    hashes = {"sync_key": as_sent.identity, "content_hash": as_sent.revision}
    assert hashes.items() <= memories["m1"].metadata.items()
    assert upgraded.outbox.old_memories.some(1, 20, LATER) == []
    assert [(row["sync_key"], row["content_hash"]) for row in upgraded.rows("receipt")] == [
        (as_sent.identity, as_sent.revision)
    ]
    if is_read_again:
        assert upgraded.scan(replace(make(SECRET), is_twin=False)) == 0
        assert len(upgraded.rows("item")) == 1


def test_a_renewal_that_was_not_written_down_is_made_good(tmp_path: Path) -> None:
    """The memory carries the new hashes, and nobody here knows."""
    left = Left(pattern(SECRET), memory_id="m1")
    upgraded = Upgraded(tmp_path, [left])
    as_sent = pattern(LEFT)
    hashes = {"sync_key": as_sent.identity, "content_hash": as_sent.revision}
    there = remote(left)
    renew(upgraded, {"m1": replace(there, metadata={**there.metadata, **hashes})})
    assert [row["sync_key"] for row in upgraded.rows("item")] == [as_sent.identity]


def test_what_a_person_has_edited_or_deleted_is_left_alone(tmp_path: Path) -> None:
    """It isn't what was sent any more."""
    edited, gone = Left(pattern(SECRET), memory_id="m1"), Left(decision(SECRET), memory_id="m2")
    upgraded = Upgraded(tmp_path, [edited, gone])
    memories = {"m1": remote(edited, text="Something else")}
    renew(upgraded, memories)
    assert memories["m1"].metadata["sync_key"] == edited.item.identity
    assert upgraded.outbox.old_memories.some(1, 20, LATER) == []


def test_the_other_memory_of_two_that_became_one_becomes_a_double(tmp_path: Path) -> None:
    """Which a second look removes, for it is equal by then."""
    one, other = Left(pattern(SECRET), memory_id="m1"), Left(pattern(OTHER_SECRET), memory_id="m2")
    upgraded = Upgraded(tmp_path, [one, other])
    memories = {"m1": remote(one), "m2": remote(other)}
    upgraded.scan()
    ((memory, _),) = upgraded.sent()
    renew(upgraded, memories)
    assert memories["m2"].metadata == memory.metadata
    (look,) = upgraded.outbox.first_contacts.second_looks(1, NOW, 9)
    assert look.sync_key == memory.sync_key
    renew(upgraded, memories)
    assert upgraded.outbox.old_memories.some(1, 20, LATER) == []


def test_verify_lists_a_memory_under_a_former_key_as_another_one_of_its_item(tmp_path: Path) -> None:
    """Of another machine with an older version: it is no stranger's, and no true double either."""
    upgraded = Upgraded(tmp_path, [Left(pattern(SECRET), memory_id="m1")])
    upgraded.scan()
    upgraded.sent()
    key = pattern(SECRET).identity
    assert upgraded.outbox.item_keys.present(1, [key, "another"]) == {key: pattern(LEFT).identity}
