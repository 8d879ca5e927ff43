"""The outbox on real SQLite files: known, applied, claimed, settled, recovered, counted and kept."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.core.enqueue_plan import Enqueue, Known, Reject, Skip, Withdraw, Withhold, part_twins, plan
from mem0_syncd.core.entry import Entry, State
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.core.outcome import (
    Absent,
    Accepted,
    Found,
    Gone,
    Held,
    Later,
    Outcome,
    Refused,
    Stored,
    Unknown,
)
from mem0_syncd.core.settlement import (
    MOST_SENDS,
    SLOWEST_REWRITE,
    Await,
    Bury,
    Doubt,
    Receipt,
    Requeue,
    Retarget,
    Rules,
    Settlement,
    settle,
)
from mem0_syncd.core.withheld import KEPT_HOME, Why, Withheld
from mem0_syncd.delivery.courier_messages import request_of
from mem0_syncd.errors import OutboxUnusable, Problem
from mem0_syncd.outbox import Claim, Outbox, ProjectRow, Verb, database
from mem0_syncd.outbox.plan_writes import Prepared
from mem0_syncd.system.state_folder import OUTBOX
from support.builders import FIRST, NOW, SECOND, THIRD, item, prepared

A, B, C = item(FIRST), item(SECOND), item(THIRD)
KEY = A.sync_key
HASH_A, HASH_B, HASH_C = A.content_hash, B.content_hash, C.content_hash
USER_ID = "shop-decisions"
RULES = Rules()
RECOUNT = """
    SELECT project, kind, status, COUNT(*) AS n FROM item WHERE destination = ?
    GROUP BY project, kind, status
"""


@contextmanager
def opened(folder: Path, *, contacted: bool = True) -> Iterator[Outbox]:
    """An outbox with a destination in use, where nothing of ours was found at the first contact."""
    outbox = Outbox.open(folder)
    try:
        outbox.destinations.use("platform", "https://mem0.example.org")
        if contacted:
            meet(outbox)
        yield outbox
    finally:
        outbox.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """A new outbox; at the end of every test its counts are those of a recount."""
    with opened(tmp_path) as outbox:
        yield outbox
        check(outbox)


def check(outbox: Outbox) -> None:
    """What the design promises of every outbox at any time."""
    rows = outbox.database.rows
    recount: dict[tuple[str, str], Counter[str]] = {}
    for row in rows(RECOUNT, (destination(outbox),)):
        recount.setdefault((row["project"], row["kind"]), Counter())[row["status"]] = row["n"]
    assert outbox.items.counts(destination(outbox)) == recount
    for states in (("sending", "unconfirmed", "accepted"), ("pending",), ("dead",)):
        marks = ", ".join("?" * len(states))
        double = (
            f"SELECT 1 FROM entry WHERE state IN ({marks}) GROUP BY destination, sync_key HAVING COUNT(*) > 1"
        )
        assert rows(double, states) == []
    delivered_with_entry = (
        "SELECT 1 FROM item JOIN entry USING (destination, sync_key) WHERE status = 'delivered'"
    )
    assert rows(delivered_with_entry) == []
    unproven = (
        "SELECT 1 FROM item LEFT JOIN receipt USING (destination, sync_key)"
        " WHERE status = 'delivered' AND memory_ids IS NULL"
    )
    assert rows(unproven) == []
    assert rows("PRAGMA foreign_key_check") == []


def meet(outbox: Outbox, *found: tuple[str, Found], user_id: str = USER_ID) -> None:
    """The first contact with a user id."""
    number = outbox.first_contacts.begin_look(destination(outbox), user_id)
    outbox.first_contacts.write_contact(destination(outbox), user_id, found, NOW, number=number)


def destination(outbox: Outbox) -> int:
    """The destination in use."""
    return outbox.destinations.get().id


def put(outbox: Outbox, *changes: Item | Prepared, now: float = NOW) -> None:
    """Apply changes; an item alone is to be delivered."""
    ready = [it if isinstance(it, Prepared) else prepared(it) for it in changes]
    outbox.items.apply(destination(outbox), ready, now)


def read(outbox: Outbox, *items: Item, now: float = NOW) -> int:
    """Read items as the scan does; returns how many changed."""
    keys = [key for it in items for key in (it.sync_key, it.as_twin().sync_key)]
    known = outbox.items.known(destination(outbox), keys)
    changes = plan(part_twins(items, known), known)
    put(outbox, *(prepared(change) for change in changes), now=now)
    return len(changes)


def claim(outbox: Outbox, now: float = NOW, limit: int = 100, *, major: bool = False) -> list[Claim]:
    """What is due."""
    return outbox.queue.claim(destination(outbox), now, limit, major=major)


def claim_one(outbox: Outbox, now: float = NOW) -> Claim:
    """The only thing that is due."""
    (claimed,) = claim(outbox, now)
    return claimed


def end(outbox: Outbox, claimed: Claim, outcome: Outcome, now: float = NOW) -> None:
    """Settle a claim with an outcome."""
    settlement = settle(claimed.entry, outcome, RULES, now, random.Random(1))
    outbox.queue.settle(destination(outbox), [(claimed.entry, settlement)], now)


def deliver(outbox: Outbox, memory_id: str = "m-1", now: float = NOW) -> Claim:
    """Push the only thing that is due."""
    claimed = claim_one(outbox, now)
    assert claimed.verb is Verb.PUSH
    end(outbox, claimed, Stored((memory_id,)), now)
    return claimed


def known(outbox: Outbox, key: str = KEY) -> Known:
    """What is known of a key, without where it is from."""
    found = outbox.items.known(destination(outbox), [key])
    return replace(found[key], project=None, source=None) if key in found else Known()


def counts(outbox: Outbox) -> dict[str, int]:
    """The counts of the project's decisions."""
    return outbox.items.counts(destination(outbox)).get(("shop", "decision"), {})


# The file -------------------------------------------------------------------------------------------------


def test_what_is_committed_survives_a_power_cut(outbox: Outbox) -> None:
    """A write-ahead log, synced at every commit."""
    (mode,) = outbox.database.rows("PRAGMA journal_mode")
    (synchronous,) = outbox.database.rows("PRAGMA synchronous")
    assert (mode[0], synchronous[0]) == ("wal", 2)


def test_the_file_is_for_its_owner_alone(outbox: Outbox, tmp_path: Path) -> None:
    """With the two files that SQLite puts beside it, whatever the umask."""
    put(outbox, A)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{OUTBOX}*")}
    assert modes == dict.fromkeys((OUTBOX, f"{OUTBOX}-wal", f"{OUTBOX}-shm"), 0o600)


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    """Entries, receipts, facts and projects."""
    with opened(tmp_path) as outbox:
        put(outbox, A, item(source_id="DEC-2"))
        end(outbox, claim(outbox, limit=1)[0], Stored(("m-1",)))
        outbox.projects.add(ProjectRow("shop", tmp_path))
    with opened(tmp_path) as outbox:
        assert counts(outbox) == {"delivered": 1, "pending": 1}
        assert outbox.projects.all() == [ProjectRow("shop", tmp_path)]
        assert outbox.queue.last_delivery(destination(outbox)) == NOW


def test_what_a_killed_process_committed_is_there(tmp_path: Path) -> None:
    """Nothing was closed: the write-ahead log is read at the next start."""
    child = os.fork()
    if child == 0:
        killed = Outbox.open(tmp_path)
        killed.destinations.use("platform", "https://mem0.example.org")
        put(killed, A)
        os._exit(0)
    os.waitpid(child, 0)
    with opened(tmp_path) as outbox:
        assert counts(outbox) == {"pending": 1}


@pytest.mark.parametrize("migrate", [True, False])
def test_a_newer_schema_is_refused_untouched(tmp_path: Path, *, migrate: bool) -> None:
    """To write, and to read."""
    with opened(tmp_path) as outbox:
        put(outbox, A)
        newest = outbox.database.version
    with closing(sqlite3.connect(tmp_path / OUTBOX)) as connection:
        connection.execute(f"PRAGMA user_version = {newest + 1}")
    before = (tmp_path / OUTBOX).read_bytes()
    with pytest.raises(OutboxUnusable, match=f"schema {newest + 1}") as caught:
        Outbox.open(tmp_path, migrate=migrate)
    with pytest.raises(OutboxUnusable):
        Outbox.open_to_read(tmp_path)
    assert "upgrade" in caught.value.problem.remedy
    assert (tmp_path / OUTBOX).read_bytes() == before


def test_only_the_holder_of_the_lock_migrates(tmp_path: Path) -> None:
    """Others are told whom to restart."""
    with pytest.raises(OutboxUnusable, match="no outbox"):
        Outbox.open(tmp_path, migrate=False)


def test_a_file_that_is_no_database_is_reported_and_left_alone(tmp_path: Path) -> None:
    """With the way out."""
    (tmp_path / OUTBOX).write_bytes(b"this is no database at all, but long enough to look like one" * 20)
    before = (tmp_path / OUTBOX).read_bytes()
    for open_ in (partial(Outbox.open, migrate=False), Outbox.open_to_read):
        with pytest.raises(OutboxUnusable, match="damaged"):
            open_(tmp_path)
    assert (tmp_path / OUTBOX).read_bytes() == before


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Where there is no outbox yet, or an empty file."""
    assert Outbox.open_to_read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / OUTBOX).touch()
    assert Outbox.open_to_read(tmp_path) is None


def test_a_reader_sees_what_is_written_meanwhile_and_writes_nothing(outbox: Outbox, tmp_path: Path) -> None:
    """`status` beside a daemon."""
    reader = Outbox.open_to_read(tmp_path)
    assert reader is not None
    with closing(reader):
        put(outbox, A)
        assert counts(reader) == {"pending": 1}
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.facts.set("paused", "yes")


def test_what_is_read_at_one_moment_belongs_together(outbox: Outbox, tmp_path: Path) -> None:
    """`status` reads table after table, while a daemon may begin to use another destination."""
    reader = Outbox.open_to_read(tmp_path)
    assert reader is not None
    with closing(reader):
        with reader.database.at_one_moment():
            assert counts(reader) == {}
            put(outbox, A)
            assert counts(reader) == {}
        assert counts(reader) == {"pending": 1}


def test_a_reader_needs_no_permission_to_write() -> None:
    """`status` opens the outbox read-only, also where it can't write."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with opened(folder) as outbox:
            put(outbox, A)
        (folder / OUTBOX).chmod(0o444)
        folder.chmod(0o555)
        try:
            if root:  # may write anywhere, so somebody else reads
                os.seteuid(65534)
            if not os.access(database.__file__, os.R_OK, effective_ids=True):
                pytest.skip("nobody else may read this checkout")
            reader = Outbox.open_to_read(folder)
            assert reader is not None
            with closing(reader):
                assert counts(reader) == {"pending": 1}
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o700)


def test_a_transaction_is_all_or_nothing(outbox: Outbox) -> None:
    """Changes of one scan, and whatever is written with them."""
    with suppress(RuntimeError), outbox.transaction():
        put(outbox, A)
        outbox.facts.set("paused", "yes")
        raise RuntimeError
    assert counts(outbox) == {}
    assert outbox.facts.get("paused") is None


def test_threads_share_an_outbox(outbox: Outbox) -> None:
    """Every change of every thread is there in the end, once."""
    failed: list[Exception] = []

    def write(thread: int) -> None:
        try:
            for number in range(10):
                put(outbox, item(source_id=f"DEC-{thread}-{number}"))
                claim(outbox, limit=1)
        except Exception as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert counts(outbox) == {"pending": 40}
    assert outbox.queue.live(destination(outbox), 1_000) == {"sending": 40}


# What is known --------------------------------------------------------------------------------------------


def test_nothing_is_known_of_what_was_never_seen(outbox: Outbox) -> None:
    """Nor of what another destination has."""
    put(outbox, A)
    deliver(outbox)
    assert outbox.items.known(destination(outbox), ["unheard of"]) == {}
    outbox.destinations.use("embedded", "/somewhere")
    assert outbox.items.known(destination(outbox), [KEY]) == {}


def test_thousands_of_keys_may_be_asked_for_at_once(outbox: Outbox) -> None:
    """A big log is read as one."""
    items = [item(source_id=f"DEC-{number}") for number in range(601)]
    put(outbox, *items)
    assert len(outbox.items.known(destination(outbox), [it.sync_key for it in items])) == 601


def test_what_is_known_follows_an_item_through_its_life(outbox: Outbox) -> None:
    """Waiting, in flight, both, delivered, dead, dropped."""
    put(outbox, A)
    assert known(outbox) == Known(waiting=HASH_A)
    first = claim_one(outbox)
    assert known(outbox) == Known(in_flight=HASH_A)
    put(outbox, B)
    assert known(outbox) == Known(in_flight=HASH_A, waiting=HASH_B)
    end(outbox, first, Stored(("m-1",)))
    assert known(outbox) == Known(delivered=HASH_A, waiting=HASH_B)
    end(outbox, claim_one(outbox), Refused("422"))
    assert known(outbox) == Known(delivered=HASH_A, dead=HASH_B)
    outbox.dead_letters.drop([outbox.queue.newest_id()])
    assert known(outbox) == Known(delivered=HASH_A, dropped=HASH_B, withheld=True)


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Accepted("e-1")], ids=repr)
def test_what_may_be_stored_is_in_flight(outbox: Outbox, outcome: Outcome) -> None:
    """Unconfirmed or accepted."""
    put(outbox, A)
    end(outbox, claim_one(outbox), outcome)
    assert known(outbox) == Known(in_flight=HASH_A)


# Waiting --------------------------------------------------------------------------------------------------


def test_a_revision_replaces_the_one_that_waits(outbox: Outbox) -> None:
    """Only the newest is sent."""
    put(outbox, A)
    put(outbox, B)
    claimed = deliver(outbox)
    assert claimed.entry.memory.text == SECOND
    assert claim(outbox) == []
    assert counts(outbox) == {"delivered": 1}


def test_a_revision_that_waits_is_not_claimed_while_another_is_in_flight(outbox: Outbox) -> None:
    """Whatever became of that one, until it is settled."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, B)
    assert claim(outbox) == []
    end(outbox, first, Unknown("timeout"))
    look = claim_one(outbox, NOW + 60)
    assert (look.verb, look.entry.content_hash) == (Verb.LOOK, HASH_A)
    end(outbox, look, Found("m-1", HASH_A))
    second = claim_one(outbox, NOW + 60)
    assert (second.entry.content_hash, second.entry.memory_id) == (HASH_B, "m-1")


def test_what_is_in_flight_is_never_replaced(outbox: Outbox) -> None:
    """The revision joins behind it, and a third takes the second's place."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, B)
    put(outbox, C)
    assert known(outbox) == Known(in_flight=HASH_A, waiting=HASH_C)
    end(outbox, first, Stored(("m-1",)))
    assert deliver(outbox).entry.memory.text == THIRD


def test_a_withdrawn_revision_is_not_sent(outbox: Outbox) -> None:
    """A was delivered, B waited, and the source says A again."""
    put(outbox, A)
    deliver(outbox)
    put(outbox, B)
    assert counts(outbox) == {"pending": 1}
    put(outbox, prepared(Withdraw(A)))
    assert claim(outbox) == []
    assert counts(outbox) == {"delivered": 1}


def test_a_withdrawn_revision_leaves_what_is_in_flight(outbox: Outbox) -> None:
    """It counts as what that one counts."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    put(outbox, B)
    put(outbox, prepared(Withdraw(A)))
    assert known(outbox) == Known(in_flight=HASH_A)
    assert counts(outbox) == {"unconfirmed": 1}


@pytest.mark.parametrize("resend", [True, False])
def test_what_was_not_stored_gives_way_to_the_revision_that_waits(outbox: Outbox, *, resend: bool) -> None:
    """The older one isn't sent any more."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, B)
    outbox.queue.settle(destination(outbox), [(first.entry, Requeue(resend=resend))], NOW)
    assert known(outbox) == Known(waiting=HASH_B)
    assert deliver(outbox).entry.memory_id is None


def test_a_refused_revision_gives_way_to_the_one_that_waits(outbox: Outbox) -> None:
    """No dead letter for what nobody says any more."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, B)
    end(outbox, first, Refused("422"))
    assert known(outbox) == Known(waiting=HASH_B)
    assert outbox.dead_letters.newest(destination(outbox)) == []


def test_withheld_and_skipped_items_are_counted_and_not_sent(outbox: Outbox) -> None:
    """Until they are due."""
    put(outbox, prepared(Withhold(A, Withheld(Why.TOO_SHORT))), prepared(Skip(item(source_id="DEC-2"))))
    assert counts(outbox) == {"withheld": 1, "skipped": 1}
    assert claim(outbox) == []
    assert known(outbox) == Known(withheld=True)
    assert known(outbox, item(source_id="DEC-2").sync_key) == Known(skipped=True)
    put(outbox, A)
    assert counts(outbox) == {"pending": 1, "skipped": 1}


# Claiming -------------------------------------------------------------------------------------------------


def test_a_claimed_push_is_durably_sending(outbox: Outbox, tmp_path: Path) -> None:
    """Before anything is sent, and to every other process."""
    put(outbox, A)
    claimed = claim_one(outbox)
    assert (claimed.verb, claimed.entry.state, claimed.entry.sends) == (Verb.PUSH, State.SENDING, 1)
    reader = Outbox.open_to_read(tmp_path)
    assert reader is not None
    with closing(reader):
        assert reader.queue.live(destination(reader), 100) == {"sending": 1}
    assert counts(outbox) == {"pending": 1}
    assert claim(outbox) == []


def test_the_oldest_goes_first_and_majors_are_claimed_apart(outbox: Outbox) -> None:
    """Up to the limit."""
    put(outbox, *(prepared(item(source_id=f"DEC-{number}"), major=number % 3 == 0) for number in range(9)))
    majors = claim(outbox, limit=2, major=True)
    assert [it.entry.id for it in majors] == [1, 4]
    assert [it.entry.id for it in claim(outbox, limit=3)] == [2, 3, 5]
    assert [it.entry.id for it in claim(outbox)] == [6, 8, 9]
    assert all(it.entry.major for it in majors)


def test_look_ups_go_before_pushes_and_are_not_counted_as_such(outbox: Outbox) -> None:
    """The client's own limit is of adds."""
    put(outbox, *(item(source_id=f"DEC-{number}") for number in range(4)))
    for lost in claim(outbox, limit=2):
        end(outbox, lost, Unknown("timeout"))
    claims = outbox.queue.claim(destination(outbox), NOW + 60, 10, major=False, pushes=1)
    assert [it.verb for it in claims] == [Verb.LOOK, Verb.LOOK, Verb.PUSH]
    assert outbox.queue.claim(destination(outbox), NOW + 60, 10, major=False, pushes=0) == []


def test_a_look_up_that_was_claimed_is_not_claimed_again(outbox: Outbox) -> None:
    """Until its outcome, or the next start."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    assert claim_one(outbox, NOW + 60).verb is Verb.LOOK
    assert claim(outbox, NOW + 61) == []
    assert counts(outbox) == {"unconfirmed": 1}


@pytest.mark.parametrize("by_text", [False, True])
def test_how_an_entry_is_looked_for_outlives_a_restart_and_further_doubts(
    outbox: Outbox, *, by_text: bool
) -> None:
    """Also the doubts that say nothing of it; whatever words went with the first one."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("it answered nothing", by_text=by_text))
    for later in (60, 10_000):
        found = claim_one(outbox, NOW + later)
        assert request_of(found)["by_text"] is by_text
        end(outbox, found, Unknown("timeout"))


def test_what_an_earlier_version_wanted_looked_for_by_its_text_is(outbox: Outbox) -> None:
    """It stored the reason, and nothing else that tells it."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    with outbox.database.transaction() as sql:
        sql.execute("UPDATE entry SET reason = 'Mem0 answered success with empty results'")
    assert request_of(claim_one(outbox, NOW + 60))["by_text"] is True


def test_what_is_not_due_is_not_claimed(outbox: Outbox) -> None:
    """Its own backoff, in its row."""
    put(outbox, A)
    first = claim_one(outbox)
    outbox.queue.settle(destination(outbox), [(first.entry, Doubt(NOW + 10, NOW + 90))], NOW)
    assert claim(outbox, NOW + 9.9) == []
    assert claim_one(outbox, NOW + 10).entry.attempts == 1


def test_another_destination_claims_nothing_of_this_one(outbox: Outbox) -> None:
    """Entries belong to their destination, and moving back finds them."""
    put(outbox, A)
    first = destination(outbox)
    second = outbox.destinations.use("embedded", "/somewhere").id
    assert outbox.queue.claim(second, NOW, 10, major=False) == []
    assert outbox.destinations.use("platform", "https://mem0.example.org").id == first
    assert len(claim(outbox)) == 1


def test_the_payload_is_frozen_and_resent_byte_for_byte(outbox: Outbox) -> None:
    """From the enqueueing on."""
    put(outbox, A)
    first = claim_one(outbox)
    assert first.entry.frozen == prepared(A).memory.freeze()  # type: ignore[union-attr]
    end(outbox, first, Unknown("timeout"))
    end(outbox, claim_one(outbox, NOW + 60), Absent(), NOW + 100)
    again = claim_one(outbox, NOW + 100)
    assert (again.verb, again.entry.sends, again.entry.frozen) == (Verb.PUSH, 2, first.entry.frozen)


# Updates --------------------------------------------------------------------------------------------------


def test_a_revision_updates_the_memory_that_the_receipt_names(outbox: Outbox) -> None:
    """It doesn't add."""
    put(outbox, A)
    deliver(outbox, "m-1")
    put(outbox, B)
    assert deliver(outbox, "m-1").entry.memory_id == "m-1"
    assert known(outbox) == Known(delivered=HASH_B)


def test_an_update_keeps_the_memory_that_it_was_first_sent_to(outbox: Outbox) -> None:
    """Also when the receipt has changed since."""
    put(outbox, A)
    deliver(outbox, "m-1")
    put(outbox, B)
    end(outbox, claim_one(outbox), Later("429"))
    with outbox.transaction() as sql:
        sql.execute("""UPDATE receipt SET memory_ids = '["m-2"]'""")
    assert claim_one(outbox).entry.memory_id == "m-1"


def test_an_add_that_may_be_stored_stays_an_add(outbox: Outbox) -> None:
    """A receipt that turns up meanwhile makes no update of what was already sent as an add."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    with outbox.transaction() as sql:
        sql.execute("INSERT INTO receipt VALUES (?, ?, '[\"m-2\"]', 'x', 0, '')", (destination(outbox), KEY))
    end(outbox, claim_one(outbox, NOW + 60), Absent(), NOW + 100)
    assert claim_one(outbox, NOW + 100).entry.memory_id is None


def test_an_update_whose_outcome_is_unknown_is_repeated(outbox: Outbox) -> None:
    """It carries the whole content."""
    put(outbox, A)
    deliver(outbox)
    put(outbox, B)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    again = claim_one(outbox, NOW + 60)
    assert (again.verb, again.entry.memory_id, again.entry.memory.text) == (Verb.PUSH, "m-1", SECOND)


def test_a_late_update_cannot_undo_the_next_revision(outbox: Outbox) -> None:
    """What waits behind a repeated update waits until the first attempt can take no more effect."""
    put(outbox, A)
    deliver(outbox)
    put(outbox, B)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    put(outbox, C)
    end(outbox, claim_one(outbox, NOW + 30), Stored(("m-1",)), NOW + 30)
    assert claim(outbox, NOW + 89) == []
    assert claim_one(outbox, NOW + 90).entry.content_hash == HASH_C


def test_an_update_that_may_take_effect_stays_in_flight_through_an_outage(outbox: Outbox) -> None:
    """Nothing overtakes it."""
    put(outbox, A)
    deliver(outbox)
    put(outbox, B)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    put(outbox, C)
    end(outbox, claim_one(outbox, NOW + 10), Later("refused"), NOW + 10)
    assert known(outbox) == Known(delivered=HASH_A, in_flight=HASH_B, waiting=HASH_C)


def test_a_memory_that_is_gone_is_looked_up_and_adopted(outbox: Outbox) -> None:
    """Found elsewhere with other content, that one is updated."""
    put(outbox, A)
    deliver(outbox, "m-1")
    put(outbox, B)
    end(outbox, claim_one(outbox), Gone("404"))
    look = claim_one(outbox, NOW + 60)
    assert (look.verb, look.entry.target_gone) == (Verb.LOOK, True)
    end(outbox, look, Found("m-9", HASH_A), NOW + 60)
    assert deliver(outbox, "m-9", NOW + 60).entry.memory_id == "m-9"


def test_a_memory_that_a_person_deleted_stays_deleted(outbox: Outbox) -> None:
    """It counts as withheld, and neither a scan nor a revision adds it again."""
    put(outbox, A)
    deliver(outbox, "m-1")
    put(outbox, B)
    end(outbox, claim_one(outbox), Gone("404"))
    end(outbox, claim_one(outbox, NOW + 60), Absent(), NOW + 60)
    assert counts(outbox) == {"withheld": 1}
    assert read(outbox, B) == 0
    assert read(outbox, C) == 1
    later = claim_one(outbox, NOW + 60)
    assert later.entry.memory_id == "m-1"
    end(outbox, later, Gone("404"), NOW + 60)
    end(outbox, claim_one(outbox, NOW + 120), Absent(), NOW + 120)
    assert counts(outbox) == {"withheld": 1}


def test_what_is_found_with_other_content_is_updated_by_its_id(outbox: Outbox) -> None:
    """An add whose answer was lost, and a memory of another machine."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Unknown("timeout"))
    end(outbox, claim_one(outbox, NOW + 60), Found("m-9", "other"), NOW + 60)
    assert known(outbox) == Known(waiting=HASH_A, delivered="other")
    assert deliver(outbox, "m-9", NOW + 60).entry.memory_id == "m-9"


def test_what_is_found_under_a_waiting_revision_is_what_that_one_updates(outbox: Outbox) -> None:
    """The older revision isn't sent at all."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, B)
    outbox.queue.settle(destination(outbox), [(first.entry, Retarget("m-9", "other"))], NOW)
    claimed = deliver(outbox, "m-9")
    assert (claimed.entry.memory_id, claimed.entry.content_hash) == ("m-9", HASH_B)


# The first contact ----------------------------------------------------------------------------------------


def test_nothing_is_added_before_the_first_contact_with_its_user_id(tmp_path: Path) -> None:
    """What is there already must be found first."""
    with opened(tmp_path, contacted=False) as outbox:
        put(outbox, A)
        assert outbox.first_contacts.uncontacted(destination(outbox)) == [USER_ID]
        assert claim(outbox) == []
        assert outbox.queue.next_due(destination(outbox), NOW) == (None, None)
        meet(outbox, user_id="till-decisions")
        assert claim(outbox) == []
        meet(outbox)
        assert outbox.first_contacts.uncontacted(destination(outbox)) == []
        assert claim_one(outbox).verb is Verb.PUSH


def test_what_is_there_with_this_content_is_adopted(tmp_path: Path) -> None:
    """A lost state folder doubles nothing, and sends nothing."""
    with opened(tmp_path, contacted=False) as outbox:
        put(outbox, A)
        meet(outbox, (KEY, Found("m-7", HASH_A)))
        adopted = claim_one(outbox)
        assert (adopted.verb, adopted.entry.memory_id) == (Verb.ADOPT, "m-7")
        end(outbox, adopted, Stored(("m-7",)))
        assert counts(outbox) == {"delivered": 1}
        put(outbox, B)
        assert claim_one(outbox).entry.memory_id == "m-7"


def test_what_is_revised_before_its_adoption_is_written_is_sent(tmp_path: Path) -> None:
    """A scan has put the revision in the entry's place meanwhile, even under its id."""
    with opened(tmp_path, contacted=False) as outbox:
        put(outbox, A)
        meet(outbox, (KEY, Found("m-7", HASH_A)))
        adopted = claim_one(outbox)
        put(outbox, B)
        end(outbox, adopted, Stored(("m-7",)))
        revised = claim_one(outbox)
        assert (adopted.entry.id, adopted.verb) == (revised.entry.id, Verb.ADOPT)
        assert (revised.verb, revised.entry.content_hash) == (Verb.PUSH, HASH_B)
        assert revised.entry.memory_id == "m-7"


def test_what_is_there_with_other_content_is_updated(tmp_path: Path) -> None:
    """By the id that was found."""
    with opened(tmp_path, contacted=False) as outbox:
        meet(outbox, (KEY, Found("m-7", HASH_A)))
        put(outbox, B)
        claimed = claim_one(outbox)
        assert (claimed.verb, claimed.entry.memory_id) == (Verb.PUSH, "m-7")


def test_a_key_that_was_seen_is_remembered(tmp_path: Path) -> None:
    """A later pull may bring its item."""
    with opened(tmp_path, contacted=False) as outbox:
        meet(outbox, (KEY, Found("m-7", HASH_A)))
    with opened(tmp_path, contacted=False) as outbox:
        put(outbox, A)
        assert claim_one(outbox).verb is Verb.ADOPT


def test_a_receipt_is_stronger_than_what_was_found_once(outbox: Outbox) -> None:
    """It is newer."""
    meet(outbox, (KEY, Found("m-7", HASH_C)))
    put(outbox, A)
    deliver(outbox, "m-1")
    put(outbox, C)
    claimed = claim_one(outbox)
    assert (claimed.verb, claimed.entry.memory_id) == (Verb.PUSH, "m-1")


# Outcomes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Later("429", 5.0), Held("401", "check")], ids=repr)
def test_an_outage_costs_an_entry_nothing(outbox: Outbox, outcome: Outcome) -> None:
    """However often: it is due again, and not counted as sent."""
    put(outbox, A)
    for _ in range(20):
        end(outbox, claim_one(outbox), outcome)
    assert counts(outbox) == {"pending": 1}
    assert claim_one(outbox).entry.sends == 1


def test_an_accepted_entry_is_polled_until_its_receipt(outbox: Outbox) -> None:
    """It counts as accepted meanwhile."""
    put(outbox, A)
    first = claim_one(outbox)
    outbox.queue.settle(destination(outbox), [(first.entry, Await("e-1", NOW + 5))], NOW)
    assert counts(outbox) == {"accepted": 1}
    assert claim(outbox, NOW + 4) == []
    poll = claim_one(outbox, NOW + 5)
    assert (poll.verb, poll.entry.event_id) == (Verb.POLL, "e-1")
    end(outbox, poll, Stored(("m-1", "m-2")), NOW + 5)
    assert counts(outbox) == {"delivered": 1}


@pytest.mark.parametrize("outcome", [Unknown("gone"), Accepted("e-1")], ids=repr)
def test_an_event_without_an_outcome_becomes_a_dead_letter_and_is_never_resent(
    outbox: Outbox, outcome: Outcome
) -> None:
    """Gone, or open after a day."""
    put(outbox, A)
    end(outbox, claim_one(outbox), Accepted("e-1"))
    day = NOW + 86_401
    end(outbox, claim_one(outbox, day), outcome, day)
    look = claim_one(outbox, day + 100)
    assert look.verb is Verb.LOOK
    end(outbox, look, Absent(), day + 100)
    (letter,) = outbox.dead_letters.newest(destination(outbox))
    assert "no outcome" in letter.reason
    assert claim(outbox, day + 10_000) == []


def test_an_add_that_never_turns_up_becomes_a_dead_letter_after_several_turns(outbox: Outbox) -> None:
    """Each of send, look, and surely absent."""
    put(outbox, A)
    now, sends = NOW, 0
    while not outbox.dead_letters.newest(destination(outbox)):
        end(outbox, claim_one(outbox, now), Unknown("timeout"), now)
        sends += 1
        now += 100
        end(outbox, claim_one(outbox, now), Absent(), now)
        assert sends < 20
    assert 2 <= sends <= 10
    assert counts(outbox) == {"dead": 1}


def test_settling_is_all_or_nothing(outbox: Outbox) -> None:
    """With what the destination's standing has become."""
    put(outbox, A, item(source_id="DEC-2"))
    first, second = claim(outbox)
    with suppress(RuntimeError), outbox.transaction():
        end(outbox, first, Stored(("m-1",)))
        outbox.destinations.set_standing(destination(outbox), Health(Reach.HELD, "401"))
        raise RuntimeError
    assert counts(outbox) == {"pending": 2}
    assert outbox.destinations.get().standing == Health()
    settled: list[tuple[Entry, Settlement]] = [(first.entry, Receipt(("m-1",))), (second.entry, Bury("422"))]
    outbox.queue.settle(destination(outbox), settled, NOW)
    assert counts(outbox) == {"delivered": 1, "dead": 1}


def test_the_last_delivery_is_of_a_receipt(outbox: Outbox) -> None:
    """Not of a claim or a dead letter."""
    put(outbox, A, item(source_id="DEC-2"))
    first, second = claim(outbox)
    end(outbox, first, Refused("422"), NOW + 1)
    assert outbox.queue.last_delivery(destination(outbox)) is None
    end(outbox, second, Stored(("m-1",)), NOW + 2)
    assert outbox.queue.last_delivery(destination(outbox)) == NOW + 2


# A start --------------------------------------------------------------------------------------------------


def test_what_was_sending_is_unconfirmed_after_a_crash(outbox: Outbox) -> None:
    """It may be stored, and absence is certain only later."""
    put(outbox, A, item(source_id="DEC-2"))
    claim(outbox, limit=1)
    assert outbox.interrupted_sends.doubt(destination(outbox), NOW + 5, NOW + 95) == 1
    assert counts(outbox) == {"unconfirmed": 1, "pending": 1}
    look, _ = claim(outbox, NOW + 5)
    assert (look.verb, look.entry.certain_at) == (Verb.LOOK, NOW + 95)


def test_deaths_alone_bury_nothing(outbox: Outbox) -> None:
    """What daemon after daemon dies with is looked for and sent again, as often as it takes."""
    put(outbox, A)
    for death in range(2 * MOST_SENDS):
        now = NOW + 100 * death
        push = claim_one(outbox, now)
        assert push.verb is Verb.PUSH
        outbox.interrupted_sends.doubt(destination(outbox), now + 1, now + 50)
        end(outbox, claim_one(outbox, now + 60), Absent(), now + 60)
    assert counts(outbox) == {"pending": 1}


def test_what_was_sent_to_be_rewritten_is_certain_later(outbox: Outbox) -> None:
    """Mem0's language model may still be at work on it."""
    change = Prepared(Enqueue(A), memory_of(A, infer=True))
    outbox.items.apply(destination(outbox), [change], NOW)
    claim(outbox)
    outbox.interrupted_sends.doubt(destination(outbox), NOW + 5, NOW + 95)
    assert claim_one(outbox, NOW + 5).entry.certain_at == NOW + 95 + SLOWEST_REWRITE


def test_an_update_that_was_sending_is_repeated_after_a_crash(outbox: Outbox) -> None:
    """To the same memory."""
    put(outbox, A)
    deliver(outbox)
    put(outbox, B)
    claim_one(outbox)
    outbox.interrupted_sends.doubt(destination(outbox), NOW + 5, NOW + 95)
    again = claim_one(outbox, NOW + 5)
    assert (again.verb, again.entry.memory_id) == (Verb.PUSH, "m-1")


@pytest.mark.parametrize(
    ("outcome", "verb"), [(Unknown("timeout"), Verb.LOOK), (Accepted("e-1"), Verb.POLL)], ids=repr
)
def test_a_start_makes_what_was_under_way_due(outbox: Outbox, outcome: Outcome, verb: Verb) -> None:
    """A look-up or poll that nobody will answer any more; certainty is not brought forward."""
    put(outbox, A)
    end(outbox, claim_one(outbox), outcome)
    claim_one(outbox, NOW + 60)
    assert outbox.interrupted_sends.doubt(destination(outbox), NOW + 61, NOW + 62) == 0
    again = claim_one(outbox, NOW + 61)
    assert again.verb is verb
    if verb is Verb.LOOK:
        assert again.entry.certain_at == NOW + 90


# Dead letters ---------------------------------------------------------------------------------------------


def bury(outbox: Outbox, it: Item = A, *, doubtful: bool = False) -> int:
    """Make a dead letter of an item; returns its id."""
    put(outbox, it)
    claimed = next(found for found in claim(outbox) if found.entry.sync_key == it.sync_key)
    outbox.queue.settle(destination(outbox), [(claimed.entry, Bury("422", doubtful=doubtful))], NOW)
    return claimed.entry.id


def test_a_dead_letter_has_its_reason_and_its_payload(outbox: Outbox) -> None:
    """Newest first, and no neighbour is touched."""
    put(outbox, item(source_id="DEC-9"))
    deliver(outbox)
    first, second = bury(outbox), bury(outbox, item(source_id="DEC-2"))
    letters = outbox.dead_letters.newest(destination(outbox))
    assert [(it.id, it.reason, it.project, it.kind) for it in letters] == [
        (second, "422", "shop", Kind.DECISION),
        (first, "422", "shop", Kind.DECISION),
    ]
    assert letters[1].memory.text == FIRST
    assert [it.id for it in outbox.dead_letters.newest(destination(outbox), limit=1)] == [second]
    assert counts(outbox) == {"dead": 2, "delivered": 1}


def test_reading_a_dead_letter_again_changes_nothing(outbox: Outbox) -> None:
    """It waits for a person, and a new revision is a new chance."""
    bury(outbox)
    assert read(outbox, A) == 0
    assert read(outbox, B) == 1
    assert outbox.dead_letters.newest(destination(outbox)) == []
    assert deliver(outbox).entry.content_hash == HASH_B


def test_a_retried_dead_letter_is_sent_again(outbox: Outbox) -> None:
    """As a new one."""
    outbox.dead_letters.revive([bury(outbox)], NOW + 5)
    assert counts(outbox) == {"pending": 1}
    again = claim_one(outbox, NOW + 5)
    assert (again.verb, again.entry.sends) == (Verb.PUSH, 1)


def test_a_retried_dead_letter_that_may_be_stored_is_looked_for_first(outbox: Outbox) -> None:
    """Nothing is doubled by a retry."""
    outbox.dead_letters.revive([bury(outbox, doubtful=True)], NOW + 5)
    assert counts(outbox) == {"unconfirmed": 1}
    look = claim_one(outbox, NOW + 5)
    assert look.verb is Verb.LOOK
    end(outbox, look, Absent(), NOW + 5)
    assert claim_one(outbox, NOW + 5).verb is Verb.PUSH


def test_a_revision_of_a_dead_letter_that_may_be_stored_waits_for_its_look_up(outbox: Outbox) -> None:
    """What is found is updated, not added beside."""
    bury(outbox, doubtful=True)
    put(outbox, B)
    assert known(outbox) == Known(in_flight=HASH_A, waiting=HASH_B)
    look = claim_one(outbox)
    assert look.verb is Verb.LOOK
    end(outbox, look, Found("m-1", HASH_A))
    assert claim_one(outbox).entry.memory_id == "m-1"


def test_a_dropped_dead_letter_stays_dropped_until_its_source_says_something_new(outbox: Outbox) -> None:
    """A tombstone keeps the next scan from bringing it back."""
    outbox.dead_letters.drop([bury(outbox)])
    assert counts(outbox) == {"withheld": 1}
    assert read(outbox, A) == 0
    assert read(outbox, B) == 1
    assert counts(outbox) == {"pending": 1}
    deliver(outbox)
    assert counts(outbox) == {"delivered": 1}


def test_going_back_from_a_dropped_revision_counts_as_delivered(outbox: Outbox) -> None:
    """A was delivered, B dropped, and the source says A again: its newest revision is in Mem0."""
    put(outbox, A)
    deliver(outbox)
    outbox.dead_letters.drop([bury(outbox, B)])
    assert counts(outbox) == {"withheld": 1}
    read(outbox, A)
    assert counts(outbox) == {"delivered": 1}


def forget(outbox: Outbox, *, remote: bool) -> None:
    """A person doesn't want the item delivered, or wants it out of Mem0, too."""
    outbox.tombstones.bury("shop", [KEY], erase=remote, now=NOW)


def test_what_is_forgotten_stays_so_whatever_its_source_says(outbox: Outbox) -> None:
    """Forgotten again, with its receipt gone, and revised."""
    put(outbox, A)
    deliver(outbox)
    for remote in (False, True, True, False):
        forget(outbox, remote=remote)
        assert read(outbox, A) == read(outbox, B) == 0
        assert counts(outbox) == {"withheld": 1}


@pytest.mark.parametrize("remote", [False, True])
def test_what_is_forgotten_while_it_is_sent_is_not_sent_again(outbox: Outbox, *, remote: bool) -> None:
    """Whatever comes of it; what was stored of what is erased is owed a deletion."""
    put(outbox, A)
    claimed = claim_one(outbox)
    forget(outbox, remote=remote)
    end(outbox, claimed, Later("refused"))
    assert claim(outbox) == []
    assert counts(outbox) == {"withheld": 1}
    assert outbox.owed_deletions.counts() == []


def test_only_dead_letters_can_be_retried_or_dropped(outbox: Outbox) -> None:
    """Not what is on its way, nor what isn't there."""
    put(outbox, A)
    number = outbox.queue.newest_id()
    outbox.dead_letters.revive([number, 999], NOW)
    outbox.dead_letters.drop([number, 999])
    assert known(outbox) == Known(waiting=HASH_A)


def reject(text: str = SECOND, reason: str = "too large", memory: Memory | None = None) -> Prepared:
    """A revision that no destination could take."""
    change = Reject(item(text), reason)
    return Prepared(change, memory or prepared(change).memory)


def test_a_rejected_item_is_a_dead_letter_from_the_start(outbox: Outbox) -> None:
    """With its reason."""
    put(outbox, reject())
    (letter,) = outbox.dead_letters.newest(destination(outbox))
    assert letter.reason == "too large"
    assert claim(outbox) == []
    assert counts(outbox) == {"dead": 1}


def test_a_rejected_revision_leaves_what_is_in_flight(outbox: Outbox) -> None:
    """Both are there, and the item counts as what its newest revision is."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, reject())
    assert known(outbox) == Known(in_flight=HASH_A, dead=HASH_B)
    end(outbox, first, Stored(("m-1",)))
    assert known(outbox) == Known(delivered=HASH_A, dead=HASH_B)
    assert counts(outbox) == {"dead": 1}


def test_a_rejected_revision_does_not_stop_what_was_in_flight_from_being_refused(outbox: Outbox) -> None:
    """The whole round's outcomes would be lost with it."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, reject())
    end(outbox, first, Refused("422"))
    assert counts(outbox) == {"dead": 1}


def test_a_rejected_revision_can_be_retried_while_another_waits(outbox: Outbox) -> None:
    """`dead retry --all` mustn't fail for all."""
    put(outbox, A)
    first = claim_one(outbox)
    put(outbox, reject())
    end(outbox, first, Later("refused"))
    outbox.dead_letters.revive([it.id for it in outbox.dead_letters.newest(destination(outbox))], NOW)
    assert known(outbox).waiting is not None


def test_a_held_credential_is_not_retried_as_an_empty_memory(outbox: Outbox) -> None:
    """A dead letter without payload has nothing to send, and must never count as delivered."""
    empty = Memory("shop-decisions", "", None, {"sync_key": KEY, "content_hash": HASH_B})
    put(outbox, reject(reason="it holds what looks like a credential", memory=empty))
    outbox.dead_letters.revive([outbox.queue.newest_id()], NOW)
    assert [it.entry.memory.text for it in claim(outbox)] != [""]


# When something is due ------------------------------------------------------------------------------------


def test_nothing_is_due_where_there_is_nothing(outbox: Outbox) -> None:
    """Nor where everything is delivered or dead."""
    assert outbox.queue.next_due(destination(outbox), NOW) == (None, None)
    bury(outbox)
    put(outbox, item(source_id="DEC-2"))
    deliver(outbox)
    assert outbox.queue.next_due(destination(outbox), NOW) == (None, None)


def test_what_is_due_next_is_told_for_look_ups_and_pushes_apart(outbox: Outbox) -> None:
    """An add's limit holds up no look-up."""
    put(outbox, A, item(source_id="DEC-2"), item(source_id="DEC-3"))
    first, second, third = claim(outbox)
    settled: list[tuple[Entry, Settlement]] = [
        (first.entry, Doubt(NOW + 20, NOW + 90)),
        (second.entry, Await("e-1", NOW + 10)),
        (third.entry, Requeue()),
    ]
    outbox.queue.settle(destination(outbox), settled, NOW)
    assert outbox.queue.next_due(destination(outbox), NOW) == (NOW + 10, NOW)


def test_a_push_behind_another_of_its_item_is_not_due(outbox: Outbox) -> None:
    """Or the round would spin."""
    put(outbox, A)
    claim_one(outbox)
    put(outbox, B)
    assert outbox.queue.next_due(destination(outbox), NOW) == (None, None)


def test_everything_live_can_be_made_due(outbox: Outbox) -> None:
    """`sync` waits for no backoff."""
    put(outbox, A, item(source_id="DEC-2"))
    first, second = claim(outbox)
    settled: list[tuple[Entry, Settlement]] = [
        (first.entry, Doubt(NOW + 20, NOW + 90)),
        (second.entry, Await("e-1", NOW + 10)),
    ]
    outbox.queue.settle(destination(outbox), settled, NOW)
    outbox.queue.make_due(destination(outbox), NOW + 1)
    assert {it.verb for it in claim(outbox, NOW + 1)} == {Verb.LOOK, Verb.POLL}


def test_live_entries_are_told_by_state_project_and_age(outbox: Outbox) -> None:
    """What `sync` waits for: not the dead, nor what came later."""
    bury(outbox, item(source_id="DEC-9"))
    put(outbox, A, item(source_id="DEC-2"), item(project="till"))
    end(outbox, claim(outbox, limit=1)[0], Unknown("timeout"))
    newest = outbox.queue.newest_id()
    put(outbox, item(source_id="DEC-3"))
    live = outbox.queue.live
    assert live(destination(outbox), newest) == {"unconfirmed": 1, "pending": 2}
    assert live(destination(outbox), newest, "shop") == {"unconfirmed": 1, "pending": 1}
    assert live(destination(outbox), newest, "nobody") == {}


# Marks ----------------------------------------------------------------------------------------------------


def test_an_id_is_marked_when_every_item_of_it_is_delivered(outbox: Outbox) -> None:
    """Twins share an id; what isn't marked is open."""
    twin = B.as_twin()
    put(outbox, A, twin, item(source_id="DEC-2"), item(source_id=None))
    first, *rest = claim(outbox)
    end(outbox, first, Stored(("m-1",)), NOW + 1)
    marks = outbox.marks.markable(destination(outbox), "shop", "decision-log")
    assert (marks.delivered, marks.open, marks.last_delivery) == (frozenset(), 3, NOW + 1)
    for claimed in rest:
        end(outbox, claimed, Stored(("m-2",)), NOW + 2)
    marks = outbox.marks.markable(destination(outbox), "shop", "decision-log")
    assert (marks.delivered, marks.open, marks.last_delivery) == (frozenset({"DEC-1", "DEC-2"}), 0, NOW + 2)


def test_what_is_withheld_or_skipped_is_neither_marked_nor_open(outbox: Outbox) -> None:
    """It isn't ours to say anything of."""
    put(outbox, prepared(Withhold(A, KEPT_HOME)), prepared(Skip(item(source_id="DEC-2"))))
    marks = outbox.marks.markable(destination(outbox), "shop", "decision-log")
    assert (marks.delivered, marks.open, marks.last_delivery) == (frozenset(), 0, None)


def test_ids_that_any_destination_has_are_ours(outbox: Outbox) -> None:
    """So a mark of them is no foreign one."""
    put(outbox, A)
    deliver(outbox)
    outbox.destinations.use("embedded", "/somewhere")
    assert outbox.marks.ids_ever_delivered("shop", "decision-log") == {"DEC-1"}
    assert outbox.marks.ids_ever_delivered("till", "decision-log") == set()


# Counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_counts_equal_a_recount_after_anything(outbox: Outbox, seed: int) -> None:
    """Random reads, claims, outcomes, retries, drops and crashes."""
    rng, now = random.Random(seed), NOW
    outcomes: list[Outcome] = [
        Stored(("m-1",)), Later("429"), Unknown("timeout"), Accepted("e-1"), Refused("422"),
        Held("401", "x"), Found("m-1", HASH_A), Found("m-2", "other"), Absent(), Gone("404"),
    ]  # fmt: skip
    for _ in range(150):
        now += rng.choice([0, 1, 30, 100])
        match rng.randrange(6):
            case 0 | 1:
                text, source_id = rng.choice([FIRST, SECOND, THIRD]), f"DEC-{rng.randrange(4)}"
                withheld = rng.choice([None, None, None, KEPT_HOME])
                read(outbox, item(text, source_id, withheld=withheld), now=now)
            case 2 | 3:
                for claimed in claim(outbox, now, rng.randrange(1, 4)):
                    possible = [it for it in outcomes if claimed.entry.memory_id or not isinstance(it, Gone)]
                    if rng.random() < 0.9:
                        end(outbox, claimed, rng.choice(possible), now)
            case 4:
                letters = [it.id for it in outbox.dead_letters.newest(destination(outbox))]
                if rng.random() < 0.5:
                    outbox.dead_letters.revive(letters[:1], now)
                else:
                    outbox.dead_letters.drop(letters[:1])
            case 5:
                outbox.interrupted_sends.doubt(destination(outbox), now, now + 90)
        check(outbox)
    assert sum(counts(outbox).values()) <= 4


# Destinations and projects --------------------------------------------------------------------------------


def test_a_destination_keeps_its_standing(tmp_path: Path) -> None:
    """With its clock, over a restart."""
    standing = Health(Reach.UNREACHABLE, "refused", "", NOW + 5, 3, 4)
    with opened(tmp_path) as outbox:
        outbox.destinations.set_standing(destination(outbox), standing)
    with opened(tmp_path) as outbox:
        assert outbox.destinations.get().standing == standing
        outbox.destinations.probe_now(destination(outbox), NOW)
        assert outbox.destinations.get().standing.retry_at == NOW


def test_a_destination_is_known_by_name_address_and_account(outbox: Outbox) -> None:
    """Receipts and marks belong to that."""
    outbox.destinations.set_account(destination(outbox), "org/project")
    assert outbox.destinations.get().identity == "platform https://mem0.example.org org/project"


def test_an_accepted_account_is_a_destination_of_its_own(outbox: Outbox) -> None:
    """For all projects, until another one is accepted; one that was in use before is the same again."""
    folder = ProjectRow("shop", Path("/home/me/shop"))
    first = destination(outbox)
    outbox.destinations.set_account(first, "one")
    outbox.projects.add(folder)
    outbox.destinations.route(folder, first)
    for account, same in (("two", False), ("one", True), ("two", False)):
        accepted = outbox.destinations.accept_account(outbox.destinations.get(), account)
        assert accepted == outbox.destinations.get() == outbox.destinations.of("shop")
        assert accepted == outbox.destinations.use("platform", "https://mem0.example.org")
        assert (accepted.account, accepted.id == first) == (account, same)
    assert len(outbox.destinations.all()) == 2


def test_a_problem_is_replaced_by_whoever_reported_it(outbox: Outbox) -> None:
    """And by nobody else."""
    one, other = Problem("a", "here", "do"), Problem("b", "there", "do")
    outbox.problems.replace("shop", "scan", [one, other])
    outbox.problems.replace("", "watcher", [other])
    outbox.problems.replace("shop", "scan", [other])
    assert outbox.problems.all() == [("", other), ("shop", other)]
    outbox.problems.replace("shop", "scan", [])
    assert outbox.problems.all() == [("", other)]


def test_who_mends_a_problem_is_kept_with_it(outbox: Outbox) -> None:
    """Whatever its remedy says."""
    told = [Problem("a", "here", "wait", needs_you=False), Problem("b", "here", "nothing that can wait")]
    outbox.problems.replace("shop", "scan", told)
    assert [it for _, it in outbox.problems.all()] == told


def test_a_problem_that_an_earlier_version_stored_needs_nobody_if_its_words_said_so(outbox: Outbox) -> None:
    """They are all that it had."""
    with outbox.database.transaction() as sql:
        for remedy in ("nothing: it is read again", "mend it"):
            sql.execute("INSERT INTO problem VALUES ('shop', 'scan', 'a', 'here', ?)", (remedy,))
    assert [it.needs_you for _, it in outbox.problems.all()] == [False, True]


def test_foreign_marks_are_replaced_as_a_whole(outbox: Outbox) -> None:
    """For each project."""
    outbox.marks.set_foreign("shop", ["DEC-1", "DEC-2", "DEC-1"])
    outbox.marks.set_foreign("till", ["DEC-3"])
    outbox.marks.set_foreign("shop", ["DEC-2"])
    assert outbox.marks.foreign("shop") == {"DEC-2"}
    assert outbox.marks.foreign("till") == {"DEC-3"}


def test_a_removed_project_leaves_its_items(outbox: Outbox, tmp_path: Path) -> None:
    """And takes its problems with it."""
    outbox.projects.add(ProjectRow("shop", tmp_path))
    outbox.problems.replace("shop", "scan", [Problem("a", "b", "c")])
    put(outbox, A)
    outbox.projects.remove("shop")
    assert (outbox.projects.all(), outbox.problems.all()) == ([], [])
    assert counts(outbox) == {"pending": 1}
