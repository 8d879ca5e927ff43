"""Whatever comes of an entry's requests: it stays live or has its end, and no clock runs away."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.destination_health import HOLD_PROBE_SECONDS, Health, Reach, stand
from mem0_syncd.core.entry import Entry, State
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
    Await,
    Bury,
    Deleted,
    Doubt,
    Receipt,
    Requeue,
    Retarget,
    Rules,
    settle,
)
from support.builders import NOW, entry

RULES = Rules(Backoff(base=1.0, cap=60.0), timeout=30.0, read_lag=30.0)
CONTENT = entry().content_hash

SECONDS = st.floats(0, 1e6)
SEEDS = st.integers(0, 2**32)
PUSHES: st.SearchStrategy[Outcome] = st.one_of(
    st.just(Stored(("m-1",))),
    st.just(Refused("422")),
    st.just(Accepted("e-1")),
    st.builds(Later, st.just("refused"), SECONDS),
    st.builds(Unknown, st.just("timeout"), SECONDS),
    st.just(Held("401", "check")),
)
LOOKS: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Found, st.just("m-2"), st.sampled_from([CONTENT, "other"])),
    st.just(Absent()),
    st.builds(Later, st.just("refused"), SECONDS),
    st.builds(Unknown, st.just("timeout"), SECONDS),
    st.just(Held("401", "check")),
)
NOTHING = st.one_of(
    st.builds(Later, st.just("refused"), SECONDS), st.just(Held("401", "check"))
)  # says nothing of an entry


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Entry, Outcome]:
    """An entry as a deliverer may hold it, and an outcome that its request can have."""
    state = draw(st.sampled_from([State.SENDING, State.UNCONFIRMED, State.ACCEPTED]))
    is_update = state is State.SENDING and draw(st.booleans())
    held = entry(
        state,
        attempts=draw(st.integers(0, 10_000)),
        sends=draw(st.integers(1, MOST_SENDS + 2)),
        created_at=NOW - draw(SECONDS),
        certain_at=NOW + draw(st.floats(-1000, 90)) if state is State.UNCONFIRMED else 0.0,
        memory_id="m-1" if is_update else None,
        event_id="e-1" if state is State.ACCEPTED else None,
        target_gone=state is State.UNCONFIRMED and draw(st.booleans()),
    )
    outcome = draw(LOOKS if state is State.UNCONFIRMED else PUSHES)
    if is_update and draw(st.booleans()):
        outcome = Gone("404")
    return held, outcome


@given(pair=pairs(), seed=SEEDS)
def test_an_end_has_its_proof(pair: tuple[Entry, Outcome], seed: int) -> None:
    """A receipt is Mem0's id or this content found; a dead letter a refusal or a last turn."""
    it, outcome = pair
    settlement = settle(it, outcome, RULES, NOW, random.Random(seed))
    match settlement:
        case Receipt(memory_ids):
            found = isinstance(outcome, Found) and outcome.content_hash == it.content_hash
            assert memory_ids
            assert isinstance(outcome, Stored) or found
        case Bury(_, doubtful):
            last_turn = isinstance(outcome, Absent) and it.sends >= MOST_SENDS and it.certain_at <= NOW
            assert last_turn if doubtful else isinstance(outcome, Refused)
        case Deleted():
            assert it.target_gone
            assert isinstance(outcome, Absent)
            assert it.certain_at <= NOW
        case Retarget(memory_id, content_hash):
            assert outcome == Found(memory_id, content_hash)


@given(pair=pairs(), seed=SEEDS)
def test_nothing_is_sent_again_while_it_may_be_stored(pair: tuple[Entry, Outcome], seed: int) -> None:
    """Only what surely isn't, or surely wasn't, goes back to those that wait."""
    it, outcome = pair
    settlement = settle(it, outcome, RULES, NOW, random.Random(seed))
    if isinstance(settlement, Requeue):
        absent = isinstance(outcome, Absent) and it.certain_at <= NOW and not it.target_gone
        assert absent or (it.state is State.SENDING and isinstance(outcome, Later | Held))
        assert settlement.resend is absent


@given(pair=pairs(), seed=SEEDS)
def test_what_stays_live_is_due_within_its_cap(pair: tuple[Entry, Outcome], seed: int) -> None:
    """No entry waits longer than a backoff, and its certainty is never brought forward."""
    it, outcome = pair
    settlement = settle(it, outcome, RULES, NOW, random.Random(seed))
    if isinstance(settlement, Doubt | Await):
        assert NOW <= settlement.due_at <= NOW + RULES.backoff.cap
    if isinstance(settlement, Doubt) and it.state is State.UNCONFIRMED:
        assert settlement.certain_at == it.certain_at
        assert settlement.target_gone is it.target_gone


@given(pair=pairs(), nothing=NOTHING, seed=SEEDS, count=st.integers(1, 5))
def test_an_outage_changes_what_becomes_of_nothing(
    pair: tuple[Entry, Outcome], nothing: Outcome, seed: int, count: int
) -> None:
    """However long: whatever would have ended an entry before it ends it after it, and nothing else does."""
    it, outcome = pair
    after = it
    for _ in range(count):
        settlement = settle(after, nothing, RULES, NOW, random.Random(seed))
        match settlement:
            case Doubt():
                after = replace(after, attempts=after.attempts + 1, certain_at=settlement.certain_at)
            case Await() | Requeue(resend=False):
                after = replace(after, attempts=after.attempts + 1)
            case _:
                raise AssertionError(settlement)
    before, later = (settle(one, outcome, RULES, NOW, random.Random(seed)) for one in (it, after))
    assert type(before) is type(later)


@given(outcomes=st.lists(st.tuples(PUSHES | LOOKS, st.floats(0, 500)), max_size=20), seed=SEEDS)
def test_no_clock_of_a_destination_runs_away(outcomes: list[tuple[Outcome, float]], seed: int) -> None:
    """It is well, or tried again: never later than its cap, its hold, or what Mem0 asked for."""
    rng, standing, now = random.Random(seed), Health(), NOW
    longest = 0.0
    for outcome, passed in outcomes:
        now += passed
        longest = max(longest, now + getattr(outcome, "after", 0.0))
        standing = stand(standing, outcome, RULES.backoff, now, rng)
        if isinstance(outcome, Stored | Refused | Accepted | Found | Absent):
            assert standing == Health() or now < standing.asked_until
            longest = standing.asked_until
        if standing.reach is Reach.OK:
            assert standing.retry_at is None
        else:
            assert standing.reason
            assert standing.retry_at is not None
            assert standing.retry_at <= max(longest, now + max(RULES.backoff.cap, HOLD_PROBE_SECONDS))


@given(
    outcomes=st.lists(
        st.builds(Unknown, st.just("timeout")) | st.builds(Later, st.just("refused")), max_size=30
    ),
    wait=st.floats(0.001, 60),
    seed=SEEDS,
)
def test_late_failures_never_push_the_clock(outcomes: list[Later | Unknown], wait: float, seed: int) -> None:
    """Whatever was under way, in any order."""
    first = Health(Reach.UNREACHABLE, "refused", "", NOW + wait, 3, 4)
    standing, rng = first, random.Random(seed)
    for outcome in outcomes:
        standing = stand(standing, outcome, RULES.backoff, NOW, rng)
    assert standing == first
