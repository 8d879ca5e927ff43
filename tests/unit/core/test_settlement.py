"""Settlement: each row of the design's table of outcomes, and the standing of a destination."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.destination_health import HOLD_PROBE_SECONDS, Health, Reach, stand
from mem0_syncd.core.entry import Entry, State
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.core.outcome import (
    Absent,
    Accepted,
    Found,
    Gone,
    Held,
    Later,
    Listed,
    Outcome,
    Refused,
    Stored,
    Unknown,
)
from mem0_syncd.core.settlement import (
    EVENT_LIFETIME,
    MOST_SENDS,
    SLOWEST_REWRITE,
    Await,
    Bury,
    Deleted,
    Doubt,
    Receipt,
    Requeue,
    Retarget,
    Rules,
    Settlement,
    settle,
)
from support.builders import NOW, entry, item

BACKOFF = Backoff(base=1.0, cap=60.0)
RULES = Rules(BACKOFF, timeout=30.0, read_lag=30.0)
CERTAIN = NOW + 30.0 + 2 * 30.0
"""The attempt's end, the read lag, twice the timeout."""


def became(it: Entry, outcome: Outcome, now: float = NOW, seed: int = 1) -> Settlement:
    """What becomes of an entry."""
    return settle(it, outcome, RULES, now, random.Random(seed))


def add(state: State = State.SENDING, **changes: Any) -> Entry:
    """A memory's first revision."""
    return entry(state, **changes)


def update(state: State = State.SENDING, **changes: Any) -> Entry:
    """A later revision, of a memory that is known."""
    return entry(state, memory_id="m-1", **changes)


def unconfirmed(**changes: Any) -> Entry:
    """An add whose answer was lost just now."""
    return add(State.UNCONFIRMED, **{"certain_at": CERTAIN, **changes})


BOTH = pytest.mark.parametrize("it", [add(), update()], ids=["add", "update"])


# What becomes of an entry ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [("m-1",), ("m-1", "m-2")])
@BOTH
def test_stored_is_a_receipt(it: Entry, ids: tuple[str, ...]) -> None:
    """With every id that Mem0 gave."""
    assert became(it, Stored(ids)) == Receipt(ids)


@BOTH
@pytest.mark.parametrize(
    "outcome", [Later("429", 30.0), Later("refused"), Held("401", "check the key")], ids=repr
)
def test_what_is_surely_not_stored_waits_again(it: Entry, outcome: Outcome) -> None:
    """It doesn't count as sent, and it is never buried for it: an outage kills nobody."""
    assert became(it, outcome) == Requeue(resend=False)


@BOTH
def test_an_outage_has_no_attempt_limit(it: Entry) -> None:
    """However often it was tried, and however old it is."""
    old = replace(it, attempts=100_000, sends=MOST_SENDS, created_at=NOW - 365 * 86_400)
    assert became(old, Later("refused")) == Requeue(resend=False)
    assert became(old, Held("402", "pay")) == Requeue(resend=False)


@BOTH
def test_refused_is_a_dead_letter_with_its_reason(it: Entry) -> None:
    """It surely isn't stored."""
    assert became(it, Refused("Mem0 refused it (422)")) == Bury("Mem0 refused it (422)", doubtful=False)


@pytest.mark.parametrize("seed", range(20))
@BOTH
def test_unknown_is_a_doubt_until_absence_is_certain(it: Entry, seed: int) -> None:
    """An add is looked up, an update repeated, after a backoff of the entry's own."""
    found = became(it, Unknown("timeout"), seed=seed)
    assert isinstance(found, Doubt)
    assert found.certain_at == CERTAIN
    assert found.reason == "timeout"
    assert not found.target_gone
    assert not found.last_turn
    assert NOW <= found.due_at <= NOW + BACKOFF.ceiling(it.attempts)


@pytest.mark.parametrize("state", [State.SENDING, State.ACCEPTED])
@pytest.mark.parametrize("by_text", [False, True])
def test_how_an_unknown_outcome_is_looked_for_is_said_by_a_value(state: State, *, by_text: bool) -> None:
    """Whatever its reason says."""
    found = became(entry(state), Unknown("Mem0 answered something new", by_text=by_text))
    assert isinstance(found, Doubt)
    assert found.by_text is by_text


@pytest.mark.parametrize("memory_id", [None, "m-1"], ids=["add", "update"])
def test_what_a_language_model_may_still_be_rewriting_is_doubted_longer(memory_id: str | None) -> None:
    """Mem0 had put it off, and nobody knows its event; an update is never rewritten."""
    inferred = memory_of(item(), infer=True).freeze()
    found = became(add(frozen=inferred, memory_id=memory_id), Unknown("reset"))
    assert isinstance(found, Doubt)
    assert found.certain_at == CERTAIN + (0.0 if memory_id else SLOWEST_REWRITE)


def test_waits_between_look_ups_grow_with_the_attempts() -> None:
    """Full jitter up to the cap."""
    dues = []
    for seed in range(200):
        found = became(unconfirmed(attempts=4), Unknown("timeout"), seed=seed)
        assert isinstance(found, Doubt)
        dues.append(found.due_at - NOW)
    assert 12.0 < max(dues) <= 16.0


def test_a_look_up_that_finds_this_content_is_a_receipt() -> None:
    """It is proven: the answer alone was lost."""
    it = unconfirmed()
    assert became(it, Found("m-7", it.content_hash)) == Receipt(("m-7",))


@pytest.mark.parametrize("content_hash", ["another", ""])
def test_a_look_up_that_finds_other_content_updates_it(content_hash: str) -> None:
    """By its id; it isn't added beside it."""
    assert became(unconfirmed(), Found("m-7", content_hash)) == Retarget("m-7", content_hash)


@pytest.mark.parametrize("now", [NOW, NOW + 1, CERTAIN - 0.001])
@pytest.mark.parametrize("seed", range(5))
def test_an_early_absence_says_nothing(now: float, seed: int) -> None:
    """It is looked up again, at the latest when absence is certain; that moment doesn't move."""
    found = became(unconfirmed(attempts=9), Absent(), now, seed)
    assert isinstance(found, Doubt)
    assert found.certain_at == CERTAIN
    assert now <= found.due_at <= CERTAIN


@pytest.mark.parametrize("now", [CERTAIN, CERTAIN + 1])
def test_a_certain_absence_is_sent_again(now: float) -> None:
    """And counts as another turn."""
    assert became(unconfirmed(), Absent(), now) == Requeue(resend=True)


def test_certainty_counts_from_the_end_of_the_last_attempt() -> None:
    """A second send that is lost as well makes a new one."""
    later = NOW + 1000.0
    found = became(add(sends=2, certain_at=CERTAIN), Unknown("reset"), later)
    assert isinstance(found, Doubt)
    assert found.certain_at == later + 90.0


def test_several_full_turns_are_a_dead_letter_without_an_outcome() -> None:
    """It may be stored all the same, so a retry looks first."""
    for sends in range(1, MOST_SENDS):
        assert became(unconfirmed(sends=sends), Absent(), CERTAIN) == Requeue(resend=True)
    found = became(unconfirmed(sends=MOST_SENDS), Absent(), CERTAIN)
    assert isinstance(found, Bury)
    assert "no outcome" in found.reason
    assert found.doubtful


def test_the_last_turn_too_is_looked_up_until_absence_is_certain() -> None:
    """An early absence buries nothing."""
    assert isinstance(became(unconfirmed(sends=MOST_SENDS), Absent(), CERTAIN - 1), Doubt)


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Later("refused"), Held("401", "check")], ids=repr)
@pytest.mark.parametrize("target_gone", [False, True])
def test_a_look_up_that_fails_says_nothing(outcome: Outcome, *, target_gone: bool) -> None:
    """The doubt stays as it was, also long after absence would have been certain."""
    found = became(unconfirmed(target_gone=target_gone), outcome, CERTAIN + 1000)
    assert isinstance(found, Doubt)
    assert found.certain_at == CERTAIN
    assert found.target_gone is target_gone


def test_an_update_whose_memory_is_gone_is_looked_up_at_once() -> None:
    """By its key, and until a memory that was only just added would be seen."""
    assert became(update(), Gone("404")) == Doubt(NOW, NOW + RULES.read_lag, target_gone=True)


def test_a_memory_that_is_gone_and_found_elsewhere_is_adopted() -> None:
    """With this content it is a receipt, with another it is updated."""
    it = update(State.UNCONFIRMED, target_gone=True, certain_at=NOW)
    assert became(it, Found("m-7", it.content_hash)) == Receipt(("m-7",))
    assert became(it, Found("m-7", "another")) == Retarget("m-7", "another")


def test_a_memory_that_is_gone_and_found_nowhere_stays_deleted() -> None:
    """A person deleted it."""
    it = update(State.UNCONFIRMED, target_gone=True, certain_at=NOW, sends=MOST_SENDS)
    assert became(it, Absent()) == Deleted()


@pytest.mark.parametrize("state", [State.SENDING, State.ACCEPTED])
def test_an_accepted_entry_awaits_its_event(state: State) -> None:
    """It is polled after a backoff."""
    found = became(add(state, event_id="e-1", accepted_at=NOW), Accepted("e-1"))
    assert isinstance(found, Await)
    assert found.event_id == "e-1"
    assert NOW <= found.due_at <= NOW + 1.0


def accepted(**changes: Any) -> Entry:
    """An entry whose event is polled."""
    return add(State.ACCEPTED, **{"event_id": "e-1", "accepted_at": NOW, **changes})


def test_an_event_that_succeeds_is_a_receipt_and_one_that_fails_a_dead_letter() -> None:
    """As a push is."""
    assert became(accepted(), Stored(("m-1",))) == Receipt(("m-1",))
    assert became(accepted(), Refused("FAILED")) == Bury("FAILED", doubtful=False)


@pytest.mark.parametrize("outcome", [Later("refused"), Held("401", "check")], ids=repr)
def test_a_poll_that_fails_says_nothing(outcome: Outcome) -> None:
    """The event is polled again."""
    found = became(accepted(), outcome)
    assert isinstance(found, Await)
    assert found.event_id == "e-1"


@pytest.mark.parametrize(
    ("outcome", "age"),
    [(Unknown("the event is gone"), 0.0), (Accepted("e-1"), EVENT_LIFETIME + 1)],
    ids=["gone", "old"],
)
def test_an_event_that_is_gone_or_too_old_is_looked_up_and_never_resent(outcome: Outcome, age: float) -> None:
    """Found it is a receipt, absent it is a dead letter without an outcome."""
    found = became(accepted(), outcome, NOW + age)
    assert isinstance(found, Doubt)
    assert found.last_turn
    assert found.certain_at == NOW + age + 90.0


def test_an_event_is_open_for_a_day() -> None:
    """Until then it is polled."""
    assert isinstance(became(accepted(), Accepted("e-1"), NOW + EVENT_LIFETIME - 1), Await)


def test_an_event_is_not_older_than_its_acceptance() -> None:
    """An entry that waited out an outage of more than a day has a young event."""
    accepted_now = became(add(created_at=NOW - 2 * EVENT_LIFETIME), Accepted("e-1"))
    assert isinstance(accepted_now, Await)
    a_second_later = became(accepted(created_at=NOW - 2 * EVENT_LIFETIME), Accepted("e-1"), NOW + 1)
    assert isinstance(a_second_later, Await)


# What becomes of the destination --------------------------------------------------------------------------


def after(
    *outcomes: Outcome | Listed, standing: Health | None = None, now: float = NOW, seed: int = 1
) -> Health:
    """The standing after some outcomes, each when the destination's clock lets the next request go."""
    rng = random.Random(seed)
    standing = standing or Health()
    for outcome in outcomes:
        now = max(now, standing.retry_at or now)
        standing = stand(standing, outcome, RULES.backoff, now, rng)
    return standing


ANSWERS: list[Outcome | Listed] = [
    Listed(()),
    Stored(("m-1",)),
    Refused("400"),
    Accepted("e-1"),
    Found("m-1", "a"),
    Absent(),
    Gone("404"),
]


def test_one_refused_connection_makes_a_destination_unreachable() -> None:
    """It surely is nobody's fault in particular."""
    standing = after(Later("refused"))
    assert (standing.reach, standing.reason, standing.step) == (Reach.UNREACHABLE, "refused", 1)
    assert standing.retry_at is not None
    assert NOW <= standing.retry_at <= NOW + 1.0


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_unknowns_condemn_nobody(count: int) -> None:
    """It may be one item that hangs."""
    standing = after(*[Unknown("timeout")] * count)
    assert (standing.reach, standing.retry_at) == (Reach.OK, None)


def test_several_unknowns_in_a_row_make_a_destination_unreachable() -> None:
    """With no success between them."""
    standing = after(*[Unknown("timeout")] * 3)
    assert (standing.reach, standing.reason) == (Reach.UNREACHABLE, "timeout")
    assert standing.retry_at is not None


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_answer_between_unknowns_starts_the_row_anew(answer: Outcome | Listed) -> None:
    """Every answer proves that Mem0 is there, a refusal too."""
    unknown = Unknown("timeout")
    assert after(unknown, unknown, answer, unknown, unknown).reach is Reach.OK


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
@pytest.mark.parametrize("failure", [Later("refused"), Held("401", "check")], ids=repr)
def test_the_first_answer_makes_a_destination_well(failure: Outcome, answer: Outcome | Listed) -> None:
    """At once and wholly: no reason, no clock and no step stay."""
    assert after(failure, failure, answer) == Health()


def test_probes_back_off_up_to_the_cap() -> None:
    """One for each step, so that an outage costs little and its end is soon noticed."""
    longest = [0.0] * 10
    for seed in range(100):
        standing, rng = Health(), random.Random(seed)
        for step in range(10):
            now = standing.retry_at or NOW
            standing = stand(standing, Later("refused"), RULES.backoff, now, rng)
            assert standing.retry_at is not None
            longest[step] = max(longest[step], standing.retry_at - now)
    for step, wait in enumerate(longest):
        assert 0.9 * BACKOFF.ceiling(step) < wait <= BACKOFF.ceiling(step)


@pytest.mark.parametrize("outcome", [Later("429", 45.0), Unknown("503", 45.0)], ids=repr)
@pytest.mark.parametrize("seed", range(10))
def test_what_mem0_asks_for_is_a_floor(outcome: Outcome, seed: int) -> None:
    """Also above the cap."""
    standing = after(outcome, seed=seed)
    assert standing.reach is Reach.UNREACHABLE
    assert standing.retry_at == NOW + 45.0
    assert (
        stand(Health(), Later("429", 3600.0), RULES.backoff, NOW, random.Random(seed)).retry_at
        == NOW + 3600.0
    )


def test_a_probe_that_is_lost_counts_at_once() -> None:
    """An unreachable destination doesn't need three of them."""
    first = after(Later("refused"))
    assert first.retry_at is not None
    second = stand(first, Unknown("timeout"), RULES.backoff, first.retry_at, random.Random(3))
    assert (second.reach, second.step) == (Reach.UNREACHABLE, 2)
    assert second.retry_at is not None
    assert second.retry_at >= first.retry_at


@pytest.mark.parametrize("late", [Later("refused"), Unknown("timeout")], ids=repr)
@pytest.mark.parametrize("failure", [Later("refused", 20.0), Held("401", "check")], ids=repr)
def test_late_failures_do_not_push_the_clock(failure: Outcome, late: Outcome) -> None:
    """What was under way when the first failure came fails too, and says nothing new."""
    first = after(failure)
    standing = first
    for passed in range(1, 10):
        standing = stand(standing, late, RULES.backoff, NOW + passed, random.Random(passed))
    assert standing == first


def test_a_late_answer_may_ask_for_more_time() -> None:
    """Its `Retry-After` counts from when it was given."""
    standing = stand(
        after(Later("429", 20.0)), Later("429", 30.0), RULES.backoff, NOW + 1.0, random.Random(1)
    )
    assert standing.retry_at == NOW + 31.0
    assert standing.step == 1


def test_a_hold_says_what_to_do_and_is_probed_every_few_minutes() -> None:
    """Released without a restart."""
    standing = after(Held("the key is wrong", "check MEM0_API_KEY"))
    assert (standing.reach, standing.reason) == (Reach.HELD, "the key is wrong")
    assert standing.remedy == "check MEM0_API_KEY"
    assert standing.retry_at == NOW + HOLD_PROBE_SECONDS
    again = stand(
        standing, Held("the key is wrong", "x"), RULES.backoff, NOW + HOLD_PROBE_SECONDS, random.Random(1)
    )
    assert again.retry_at == NOW + 2 * HOLD_PROBE_SECONDS


@pytest.mark.parametrize(
    "outcome",
    [
        Later("refused"),
        pytest.param(
            Unknown("timeout"),
        ),
    ],
    ids=repr,
)
def test_a_probe_of_a_hold_that_fails_is_not_followed_at_once(outcome: Outcome) -> None:
    """One probe, and then its clock again."""
    held = Health(Reach.HELD, "the key is wrong", "check", NOW)
    standing = stand(held, outcome, RULES.backoff, NOW, random.Random(1))
    assert standing.retry_at is not None
    assert standing.retry_at > NOW
