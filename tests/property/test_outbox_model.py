"""Whatever Mem0, the network, people and crashes do, in any order: nothing is lost, doubled or made up."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from mem0_syncd.core import enqueue_plan as plan_module
from mem0_syncd.core import settlement as settlement_module
from mem0_syncd.core.duplicate_memories import Double, Kept, find_doubles
from mem0_syncd.core.enqueue_plan import Known
from mem0_syncd.core.entry import Entry
from mem0_syncd.core.item import Item
from mem0_syncd.core.outcome import Accepted, Found, Outcome, Unknown
from mem0_syncd.core.settlement import Receipt, Requeue, Rules, Settlement, settle
from mem0_syncd.courier import supervisor as line_module
from mem0_syncd.delivery import Delivery, delivery, first_contact, log_lines, outcome_handler
from mem0_syncd.engine import rehashing as old_memories_module
from mem0_syncd.ingest.sent_keys import SentKeys
from mem0_syncd.outbox import Outbox, plan_writes
from mem0_syncd.outbox import first_contacts as looks_module
from mem0_syncd.outbox import item_status as status_module
from mem0_syncd.outbox import memory_to_update as adoption_module
from mem0_syncd.outbox import queue as queue_module
from mem0_syncd.outbox import settlement_writes as settling_module
from mem0_syncd.outbox.first_contacts import IS_LOOKED_FOR, FirstContacts
from mem0_syncd.outbox.interrupted_sends import InterruptedSends
from mem0_syncd.outbox.queue import Claim, Queue, Verb
from mem0_syncd.outbox.rekeying import SEEN_SECONDS
from mem0_syncd.redact.item_redaction import Redacted
from mem0_syncd.system.state_folder import OUTBOX
from mem0_syncd.verify import audit as audit_module
from mem0_syncd.verify import repair as repair_module
from property.model import (
    BETA,
    CRASHES,
    DELTA,
    EPSILON,
    FATES,
    LONGEST_TEXT,
    LOST,
    MOST_SENDS,
    SECRETS,
    TEXTS,
    TRUTH,
    Delivering,
    FakeCourier,
)
from support.faults import LATE, LOST_BEFORE, VERY_LATE


@pytest.fixture(autouse=True)
def _simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty outbox to copy, a courier that is no process, and limits within reach."""
    Outbox.open(tmp_path).close()
    monkeypatch.setattr(Delivering, "template", tmp_path / OUTBOX, raising=False)
    monkeypatch.setattr(line_module, "Courier", FakeCourier)
    monkeypatch.setattr(audit_module, "take_inventory", None)  # each machine brings its own
    noisy = (
        delivery,
        first_contact,
        line_module,
        log_lines,
        audit_module,
        repair_module,
        old_memories_module,
    )
    for module in noisy:
        monkeypatch.setattr(module, "log", Mock())
    monkeypatch.setattr(plan_module, "LONGEST_TEXT", LONGEST_TEXT)
    for module in (settlement_module, settling_module):
        monkeypatch.setattr(module, "MOST_SENDS", MOST_SENDS)


def explore(examples: int, *phases: Phase, always_the_same: bool = True) -> None:
    run_state_machine_as_test(
        Delivering,
        settings=settings(
            database=None,
            derandomize=always_the_same,
            deadline=None,
            max_examples=examples,
            stateful_step_count=15,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_every_promise_holds_through_any_history() -> None:
    """No history of writes, faults, crashes and meddling loses, doubles or falsely claims anything."""
    explore(settings().max_examples, Phase.generate, Phase.shrink)


@pytest.mark.slow
def test_every_promise_holds_through_many_more_histories() -> None:
    """At length, and through other ones each time; a failure tells the shortest history that leads to it."""
    explore(2000, Phase.generate, Phase.shrink, always_the_same=False)


# Histories that once broke a promise -----------------------------------------------------------------------


@pytest.fixture(name="story")
def _story() -> Iterator[Delivering]:
    """The machine, to be told what happens; the promises are checked after each step, and in the end."""
    with told() as machine:
        yield machine


@contextmanager
def told() -> Iterator[Delivering]:
    """A machine, whose promises are checked when everything is told."""
    machine = Delivering()
    yield machine
    machine.every_promise_holds()
    machine.teardown()


FIRST, SECOND, TOO_LONG = TEXTS


def write(machine: Delivering, text: str, which: int = BETA) -> None:
    machine.write(which=which, text=text, status="accepted")


def answer(machine: Delivering, fate: str) -> None:
    machine.answer(fates=[(fate, 59.0)])
    machine.deliver()


def wait(machine: Delivering, seconds: float) -> None:
    machine.wait(seconds=seconds)
    machine.every_promise_holds()


def well(machine: Delivering) -> None:
    machine.be_well(seconds=0.0)
    machine.every_promise_holds()


@pytest.fixture
def delivered(story: Delivering) -> Delivering:
    """The machine with one decision delivered."""
    write(story, FIRST)
    well(story)
    return story


def test_a_secret_that_was_delivered_a_moment_before_an_upgrade_keeps_no_old_hash(story: Delivering) -> None:
    """Mem0 doesn't show it yet, and it is looked for by its new key only."""
    story.begin(lag=25.0, known=None, is_released=True)
    write(story, SECRETS[0], EPSILON)
    story.be_well(seconds=0.0)


def test_a_clock_that_was_set_back_does_not_keep_old_hashes(story: Delivering) -> None:
    """What was delivered by a later clock counts as delivered at the start."""
    story.begin(lag=0.0, known=EPSILON, texts=SECRETS, is_released=True)
    story.set_the_clock(seconds=-90_000.0, is_soon=False)


def test_texts_that_differ_only_in_their_secret_are_one_memory_after_an_upgrade(story: Delivering) -> None:
    """The one that no file says any more becomes equal to the other one, and then is looked at."""
    story.begin(lag=0.0, known=EPSILON, texts=SECRETS, is_released=True)
    story.upgrade(fate=TRUTH)
    well(story)
    for _ in range(2):
        wait(story, SEEN_SECONDS)
        well(story)
        story.renew()
    well(story)
    assert copies(story, "epsilon") == ["epsilon: password=[redacted: password]"]


def test_a_text_whose_secret_was_changed_is_restored(story: Delivering) -> None:
    """Though its key was made for one that no file says any more."""
    story.begin(lag=0.0, known=EPSILON, texts=SECRETS)
    story.every_promise_holds()
    story.meddle(what="delete", number=0)
    story.repair(overwrite=False)
    well(story)
    assert copies(story, "epsilon") == ["epsilon: password=[redacted: password]"]


def reinstalled(machine: Delivering) -> None:
    """Two texts that are one memory now, sent by the released version; then its state folder is lost."""
    machine.begin(lag=0.0, known=EPSILON, texts=SECRETS, is_released=True)
    machine.lose_the_state_folder(is_upgrade=True)
    well(machine)


def test_what_the_released_version_sent_is_found_by_its_former_key(story: Delivering) -> None:
    """Though the state folder is lost: all of it, when several texts are one memory now."""
    reinstalled(story)


def test_what_neither_an_outbox_nor_a_file_tells_of_is_left_as_it_is(story: Delivering) -> None:
    """It can't be told from what another machine has sent, or a person has edited."""
    story.begin(lag=0.0, known=EPSILON, texts=SECRETS[:1], is_released=True)
    (memory,) = story.mem0.memories
    story.log[EPSILON]["description"] = FIRST
    story.lose_the_state_folder(is_upgrade=True)
    well(story)
    assert story.mem0.existing(memory.id).metadata == memory.metadata
    assert copies(story, "epsilon")[1:] == [f"epsilon: {FIRST}"]


def test_what_another_program_marked_is_left_as_it_is_after_a_lost_state_folder(story: Delivering) -> None:
    """It counts as synced, so nobody looks for its memory."""
    story.begin(lag=0.0, known=BETA, texts=SECRETS[:1], is_released=True)
    (memory,) = story.mem0.memories
    story.meddle(what="mark", number=0)
    story.lose_the_state_folder(is_upgrade=True)
    well(story)
    assert story.mem0.existing(memory.id).metadata == memory.metadata


def test_a_revision_that_mem0_does_not_see_yet_is_no_deletion(delivered: Delivering) -> None:
    """An id that Mem0 gave out a moment ago may be unknown to it; nobody deleted anything."""
    delivered.mem0.read_lag_seconds = 25.0
    write(delivered, FIRST, DELTA)
    well(delivered)
    write(delivered, SECOND, DELTA)
    well(delivered)


def test_a_poll_that_the_courier_took_with_it_is_asked_again(delivered: Delivering) -> None:
    """The end of the courier says nothing of an event: neither a dead letter nor a double comes of it."""
    write(delivered, SECOND, DELTA)
    answer(delivered, "accepted")
    wait(delivered, 5.0)
    delivered.deliver()
    delivered.crash(is_daemon=False, fate=LATE, delay=1.0)
    well(delivered)
    wait(delivered, 200.0)
    well(delivered)
    write(delivered, FIRST, DELTA)


def test_an_absence_is_of_the_moment_of_the_look_up(story: Delivering) -> None:
    """An answer from before the absence was certain proves nothing when it is heard afterwards."""
    story.begin(lag=25.0, known=BETA)
    write(story, FIRST, DELTA)
    answer(story, LATE)
    wait(story, 64.0)
    story.deliver()
    story.answer(fates=[(TRUTH, 60.0)])


@pytest.mark.parametrize("is_early", [True, False], ids=["written before", "written after"])
def test_an_update_that_takes_effect_late_does_not_undo_the_next_revision(
    delivered: Delivering, *, is_early: bool
) -> None:
    """After a repeated update the next revision waits until its lost attempt is over, even at a `sync`."""
    write(delivered, SECOND)
    answer(delivered, LATE)
    if is_early:
        write(delivered, FIRST)
    wait(delivered, 5.0)
    well(delivered)
    if not is_early:
        write(delivered, FIRST)
    delivered.scan_all(is_sync=True)
    well(delivered)


@pytest.mark.parametrize("fate", ["refused", "later", *LOST])
@pytest.mark.parametrize("retry", [True, False])
def test_a_revision_that_is_too_long_is_no_obstacle_to_the_one_in_flight(
    delivered: Delivering, fate: str, *, retry: bool
) -> None:
    """A revision that becomes a dead letter at once leaves the one before it to whatever becomes of that."""
    write(delivered, SECOND)
    delivered.deliver()
    write(delivered, TOO_LONG)
    answer(delivered, fate)
    delivered.deal_with_a_dead_letter(retry=retry)


@pytest.mark.parametrize("fate", ["later", *LOST])
def test_who_takes_back_what_was_too_long_gets_what_is_in_flight(delivered: Delivering, fate: str) -> None:
    """Whatever becomes of that: it is what the source says again, and no older than the dead letter."""
    write(delivered, SECOND)
    delivered.deliver()
    write(delivered, TOO_LONG)
    write(delivered, SECOND)
    assert not delivered._dead()
    answer(delivered, fate)


@pytest.mark.parametrize("fault", ["not made", "made"])
@pytest.mark.parametrize("times", range(1, 5))
def test_what_was_answered_while_the_disk_was_full_is_not_forgotten(
    delivered: Delivering, fault: str, times: int
) -> None:
    """It is written down later, or looked up; what was claimed and never sent is sent."""
    delivered.fill_the_disk(which=DELTA, text=FIRST, faults=["", *[fault] * times])
    delivered.fill_the_disk(which=BETA, text=SECOND, faults=[fault] * times)


def doubled(machine: Delivering) -> Delivering:
    """The machine with a decision that was added again, for its first add came very late."""
    write(machine, FIRST, DELTA)
    answer(machine, VERY_LATE)
    wait(machine, 92.0)
    well(machine)
    wait(machine, 60.0)
    assert len(copies(machine)) == 2
    return machine


def copies(machine: Delivering, title: str = "delta") -> list[str]:
    """What the memories of a decision say, that one by default."""
    return [it.text.partition("\n")[0] for it in machine.mem0.memories if title in it.text]


def test_what_came_after_its_second_sending_is_removed_by_a_second_look(delivered: Delivering) -> None:
    """The one that was made first stays, and the receipt names it."""
    doubled(delivered)
    wait(delivered, 130.0)
    well(delivered)
    assert copies(delivered) == [f"delta: {FIRST}"]


@pytest.mark.parametrize("fate", [*LOST[::2], *CRASHES])
def test_a_removal_that_is_interrupted_is_made_good(delivered: Delivering, fate: str) -> None:
    """Whether it was carried out or not, and whoever died of it."""
    doubled(delivered)
    wait(delivered, 130.0)
    delivered.deliver()
    answer(delivered, TRUTH)
    answer(delivered, fate)
    wait(delivered, 60.0)
    well(delivered)
    assert copies(delivered) == [f"delta: {FIRST}"]


@pytest.mark.parametrize("seconds", [-90_000.0, 90_000.0])
def test_a_repair_does_not_restore_what_mem0_need_not_show_yet(story: Delivering, seconds: float) -> None:
    """Whatever the clock was set to before the decision was delivered."""
    story.begin(lag=25.0, known=None)
    story.set_the_clock(seconds=seconds, is_soon=False)
    wait(story, 61.0)
    write(story, FIRST, DELTA)
    well(story)
    story.repair(overwrite=False)
    well(story)
    assert copies(story) == [f"delta: {FIRST}"]


@pytest.mark.parametrize("is_sync", [True, False])
def test_a_revision_waits_for_the_second_look(delivered: Delivering, *, is_sync: bool) -> None:
    """Or one of the copies would say the old for ever; after a `sync` the look is taken at once."""
    doubled(delivered)
    write(delivered, SECOND, DELTA)
    well(delivered)
    assert copies(delivered) == [f"delta: {FIRST}"] * 2
    if is_sync:
        delivered.scan_all(is_sync=True)
    else:
        wait(delivered, 130.0)
    well(delivered)
    assert copies(delivered) == [f"delta: {SECOND}"]


@pytest.mark.parametrize("is_known", [True, False])
def test_what_another_machine_sent_is_adopted(story: Delivering, *, is_known: bool) -> None:
    """Where a second writer is possible, user ids are looked at again before anything is added to them."""
    story.begin(lag=0.0, known=BETA, has_second_writer=True)
    well(story)
    wait(story, 5.0 if is_known else 100.0)
    story.pull(which=DELTA, text=FIRST)
    well(story)
    assert copies(story) == [f"delta: {FIRST}"]


def raced(machine: Delivering) -> Delivering:
    """The machine with a decision that another one has sent in the same moment."""
    machine.begin(lag=0.0, known=BETA, has_second_writer=True)
    machine.every_promise_holds()
    machine.race(which=DELTA, text=FIRST)
    well(machine)
    assert copies(machine) == [f"delta: {FIRST}"] * 2
    return machine


def test_what_two_machines_sent_at_once_is_there_once_after_the_audit(story: Delivering) -> None:
    """Whose memory stays doesn't matter: the next revision updates it."""
    raced(story)
    story.audit()
    assert copies(story) == [f"delta: {FIRST}"]
    write(story, SECOND, DELTA)
    well(story)
    assert copies(story) == [f"delta: {SECOND}"]


@pytest.mark.parametrize("fate", [TRUTH, *LOST, *CRASHES])
def test_an_audit_leaves_alone_what_is_just_being_revised(story: Delivering, fate: str) -> None:
    """The two aren't equal any more, or won't be in a moment, whatever becomes of the update."""
    raced(story)
    write(story, SECOND, DELTA)
    story.deliver()
    story.audit()
    assert len(copies(story)) == 2
    answer(story, fate)


@pytest.mark.parametrize("fate", [TRUTH, *LOST[:2], *CRASHES])
def test_what_a_person_deleted_is_restored_once_whatever_happens(delivered: Delivering, fate: str) -> None:
    """If a person wishes it: it is looked for, and then sent like anything else."""
    (memory,) = delivered.mem0.memories
    delivered.mem0.delete(memory.id)
    delivered.repair(overwrite=False)
    answer(delivered, TRUTH)
    answer(delivered, fate)
    wait(delivered, 200.0)
    well(delivered)
    assert copies(delivered, "beta") == [f"beta: {FIRST}"]


def test_what_a_person_edited_is_overwritten_only_if_another_wishes_it(delivered: Delivering) -> None:
    """A repair alone leaves it."""
    (memory,) = delivered.mem0.memories
    delivered.mem0.edit(memory.id)
    for overwrite in (False, True):
        delivered.repair(overwrite=overwrite)
        well(delivered)
        assert ("(but see below)" in delivered.mem0.existing(memory.id).text) is not overwrite


# Proof that it would be seen --------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch


def _settling(instead: Callable[[Entry, Outcome], Settlement | None]) -> Callable[[Patch], None]:
    def seed(patch: Patch) -> None:
        def changed(entry: Entry, outcome: Outcome, *rest: Any) -> Settlement:
            return instead(entry, outcome) or settle(entry, outcome, *rest)

        patch.setattr(outcome_handler, "settle", changed)

    return seed


def _sent_within_the_transaction(patch: Patch) -> None:
    hand_out = Delivery._hand_out

    def early(self: Delivery) -> int:
        with self._outbox.transaction():
            return hand_out(self)

    patch.setattr(Delivery, "_hand_out", early)


def _acknowledged_when_claimed(patch: Patch) -> None:
    claim = Queue.claim

    def early(self: Queue, destination: int, now: float, limit: int, **how: Any) -> list[Claim]:
        claims = claim(self, destination, now, limit, **how)
        entries = [it.entry for it in claims if it.verb is Verb.PUSH]
        self.settle(destination, [(it, Receipt((it.memory_id or "?",))) for it in entries], now)
        return claims

    patch.setattr(Queue, "claim", early)


def _pending_again_at_start(patch: Patch) -> None:
    def reset(self: Queue, *_: Any, **__: Any) -> int:
        with self._db.transaction() as sql:
            sql.execute("UPDATE entry SET state = 'pending' WHERE state = 'sending'")
        return 0

    patch.setattr(InterruptedSends, "doubt", reset)


def _overtaking(patch: Patch) -> None:
    patch.setattr(
        queue_module, "_DUE", re.sub(r"NOT EXISTS \(.*?\)\)", "1", queue_module._DUE, flags=re.DOTALL)
    )
    patch.setattr(Delivering, "sabotage", "DROP INDEX entry_in_flight")


def _no_quiet_after_a_lost_update(patch: Patch) -> None:
    patch.setattr(Queue, "_put_off", staticmethod(lambda *_: False))


def _absence_believed_at_once(patch: Patch) -> None:
    patch.setattr(Rules, "certain_after", lambda _self, attempt_end: attempt_end)


def _the_read_lag_is_forgotten(patch: Patch) -> None:
    patch.setattr(Rules, "certain_after", lambda it, attempt_end: attempt_end + 2 * it.timeout)


def _the_delivered_revision_is_the_newest(patch: Patch) -> None:
    patch.setattr(Known, "newest", property(lambda it: it.delivered or it.waiting or it.in_flight or it.dead))


def _no_listing_at_first_contact(patch: Patch) -> None:
    patch.setattr(FirstContacts, "uncontacted", lambda *_: [])
    patch.setattr(queue_module, "_DUE", queue_module._DUE.replace(IS_LOOKED_FOR, "1"))


def _second_writers_are_not_looked_for(patch: Patch) -> None:
    shared = looks_module._IS_SHARED
    patch.setattr(FirstContacts, "stale", lambda *_: {})
    patch.setattr(queue_module, "_DUE", queue_module._DUE.replace(shared, "0"))


def _no_second_look(patch: Patch) -> None:
    patch.setattr(settling_module, "write_second_look", lambda *_: None)


def _the_receipt_stays_behind(patch: Patch) -> None:
    patch.setattr(FirstContacts, "move_receipt", lambda *_: True)


def _counters_forget_deliveries(patch: Patch) -> None:
    restate = status_module.restate

    def forgetful(sql: Any, destination: int, key: str) -> None:
        if sql.execute("SELECT 1 FROM entry WHERE sync_key = ?", (key,)).fetchone():
            restate(sql, destination, key)

    patch.setattr(settling_module, "restate", forgetful)


def _an_audit_that_ignores_the_content(patch: Patch) -> None:
    def blind(memories: Iterable[Kept]) -> list[Double]:
        return find_doubles(replace(it, content_hash="any", fingerprint="any") for it in memories)

    def remove(self: Delivering, double: Double) -> list[str]:
        for extra in double.extras:
            self.mem0.remove(extra.id)
        return [extra.id for extra in double.extras]

    patch.setattr(repair_module, "find_doubles", blind)
    patch.setattr(FirstContacts, "let_go", lambda *_: True)
    patch.setattr(Delivering, "remove", remove)


def _a_restored_item_is_sent_to_the_memory_that_is_gone(patch: Patch) -> None:
    patch.setattr(plan_writes, "fulfil", lambda *_: None)


def _the_key_is_of_the_raw_text(patch: Patch) -> None:
    sent = SentKeys._sent

    def raw(self: SentKeys, item: Item, known: Any) -> Item:
        as_sent = sent(self, item, known)
        assert as_sent.sent_as is not None
        return as_sent.to_be_sent_as(replace(as_sent.sent_as, sync_key=item.identity))

    patch.setattr(SentKeys, "_sent", raw)


def _the_hash_is_of_the_raw_text(patch: Patch) -> None:
    redact = SentKeys.redact

    def raw(self: SentKeys, item: Item) -> Redacted:
        redacted = redact(self, item)
        redacted.item.__dict__["revision"] = item.revision
        return redacted

    patch.setattr(SentKeys, "redact", raw)


def _former_keys_are_not_looked_for_at_first_contact(patch: Patch) -> None:
    patch.setattr(adoption_module, "_FORMER", adoption_module._FORMER.replace("is_former", "is_former AND 0"))


# With each what brings it out: the fates that it takes, or the history itself where chance seldom tells it.
BUGS: dict[str, tuple[Callable[[Patch], None], tuple[str, ...] | Callable[[Delivering], None]]] = {
    "what is handed over counts as delivered": (_acknowledged_when_claimed, (TRUTH,)),
    "an unknown outcome counts as delivered": (
        _settling(lambda entry, it: Receipt((entry.memory_id or "?",)) if isinstance(it, Unknown) else None),
        FATES,
    ),
    "an unknown outcome is sent again blindly": (
        _settling(lambda _, it: Requeue(resend=True) if isinstance(it, Unknown) else None),
        FATES,
    ),
    "what Mem0 accepted counts as delivered": (
        _settling(lambda _, it: Receipt((it.event_id,)) if isinstance(it, Accepted) else None),
        (TRUTH, "accepted"),
    ),
    "what is found by its key counts, whatever it says": (
        _settling(lambda _, it: Receipt((it.memory_id,)) if isinstance(it, Found) else None),
        (TRUTH, LOST_BEFORE),
    ),
    "an update counts by its key alone": (
        _settling(
            lambda entry, it: (
                Receipt((entry.memory_id,)) if isinstance(it, Unknown) and entry.memory_id else None
            )
        ),
        (TRUTH, LOST_BEFORE),
    ),
    # It shows only when an add comes late that is looked for in a certain half a minute.
    "the read lag is forgotten": (_the_read_lag_is_forgotten, (TRUTH, LATE, LATE, LATE)),
    "an absence is believed at once": (_absence_believed_at_once, (TRUTH, LATE)),
    "what was being sent is pending again at the start": (_pending_again_at_start, (TRUTH, CRASHES[0])),
    "a revision overtakes the one in flight": (_overtaking, (TRUTH, *LOST)),
    "a revision follows a lost update at once": (_no_quiet_after_a_lost_update, (TRUTH, LATE)),
    "sent before it is durable": (_sent_within_the_transaction, FATES),
    "the plan forgets what waits": (_the_delivered_revision_is_the_newest, (TRUTH, LOST_BEFORE)),
    "nothing is listed at the first contact": (_no_listing_at_first_contact, (TRUTH,)),
    "second writers aren't looked for": (_second_writers_are_not_looked_for, (TRUTH,)),
    "what was sent twice isn't looked at again": (_no_second_look, (TRUTH, VERY_LATE)),
    "a double goes, and its receipt stays": (_the_receipt_stays_behind, (TRUTH, VERY_LATE)),
    "an audit ignores the content": (_an_audit_that_ignores_the_content, (TRUTH,)),
    "what is restored is sent to where it was": (
        _a_restored_item_is_sent_to_the_memory_that_is_gone,
        (TRUTH,),
    ),
    "the counters forget deliveries": (_counters_forget_deliveries, FATES),
    "the key is made of the raw text": (_the_key_is_of_the_raw_text, (TRUTH,)),
    "the content hash is made of the raw text": (_the_hash_is_of_the_raw_text, (TRUTH,)),
    "former keys aren't looked for at the first contact": (
        _former_keys_are_not_looked_for_at_first_contact,
        reinstalled,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_it_finds_a_bug_that_is_put_in(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mistake that would break a promise is found by the same machine, given what brings it out."""
    seed, how = BUGS[bug]
    seed(monkeypatch)
    if callable(how):
        with pytest.raises(AssertionError), told() as machine:
            how(machine)
        return
    monkeypatch.setattr(Delivering, "fates", how)
    with pytest.raises((AssertionError, sqlite3.IntegrityError)):
        explore(1000, Phase.generate)
