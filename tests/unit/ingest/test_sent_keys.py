"""What leaves of an item: keys and hashes of what is sent, and never of what was redacted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import Memory, memory_of
from mem0_syncd.core.outcome import Found
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.destinations.base import Remote, ours
from mem0_syncd.errors import Problem
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.queue import Verb
from mem0_syncd.outbox.resend_requests import ResendRequest
from mem0_syncd.redact import item_redaction as redactor_module
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.system.clock import Clock
from support.builders import NOW, item

PROJECT = ProjectRow("shop", Path("/home/me/shop"))
SECRET = "password=hunter2hunter2"
OTHER_SECRET = "password=correct8horse"
LEFT = "password=[redacted: password]"


def pattern(text: str, **changes: Any) -> Item:
    """A pattern, which has no id."""
    plain = Item(Kind.AGENT_PATTERN, "shop", f"Learned that {text} is set", agent_id="ork:backend")
    return replace(plain, source="agent-patterns", **changes)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with a destination."""
    outbox = Outbox.open(tmp_path)
    outbox.destinations.use("platform", "https://mem0.example.org")
    outbox.projects.add(PROJECT)
    yield outbox
    outbox.close()


def take_in(outbox: Outbox, *items: Item, redaction: redactor_module.Redaction = "redact") -> int:
    """Read items anew, as after a start; returns how many changes that made."""
    return (
        Enqueuer(outbox, redaction=redaction, clock=Clock(wall=lambda: NOW)).take_in(PROJECT, items).changes
    )


def memories(outbox: Outbox) -> list[Memory]:
    """What waits to be sent."""
    return [
        Memory.thaw(row["frozen"])
        for row in outbox.database.rows("SELECT frozen FROM entry WHERE state = 'pending' ORDER BY id")
    ]


def contact(outbox: Outbox, found: Iterable[tuple[str, Found]] = ()) -> None:
    """List every user id that something is for."""
    for user_id in outbox.first_contacts.uncontacted(1):
        number = outbox.first_contacts.begin_look(1, user_id)
        outbox.first_contacts.write_contact(1, user_id, found, NOW, number=number)


def deliver(outbox: Outbox, found: Sequence[tuple[str, Found]] = ()) -> list[Memory]:
    """Deliver all that waits; returns what was sent, each under its number as memory id."""
    contact(outbox, found)
    claims = outbox.queue.claim(1, NOW, 100, major=False) + outbox.queue.claim(1, NOW, 100, major=True)
    for claim in claims:
        memory_id = claim.entry.memory_id or f"m{claim.entry.id}"
        outbox.queue.settle(1, [(claim.entry, Receipt((memory_id,)))], NOW)
    return [claim.entry.memory for claim in claims]


def keys(outbox: Outbox) -> list[str]:
    """The keys of all items."""
    return [row["sync_key"] for row in outbox.database.rows("SELECT sync_key FROM item ORDER BY sync_key")]


# What leaves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("it", [item(), item(source_id=None), pattern("Redis is fast")])
def test_a_text_without_a_secret_has_the_key_and_the_hash_that_it_always_had(
    outbox: Outbox, it: Item
) -> None:
    """Bit for bit, so that nothing is sent again."""
    take_in(outbox, it)
    (memory,) = memories(outbox)
    assert (memory.sync_key, memory.content_hash) == (it.identity, it.revision)


def test_two_kinds_that_say_the_same_are_two_memories(outbox: Outbox) -> None:
    """A decision and the best practice that it is as well may say the same word for word."""
    decision = item(text="Use SQLite in WAL mode", source_id="r", metadata={"outcome": "success"})
    practice = replace(decision, kind=Kind.BEST_PRACTICE)
    assert take_in(outbox, decision, practice) == 2
    sent = {memory.user_id: memory.sync_key for memory in memories(outbox)}
    assert sent == {
        "shop-decisions": decision.sync_key,
        "orchestkit-global-best-practices": practice.sync_key,
    }


@pytest.mark.parametrize("make", [pattern, item, lambda text: item(text, None)])
def test_hashes_that_leave_are_of_what_leaves(outbox: Outbox, make: Callable[..., Item]) -> None:
    """So that nobody can find the secret by trying guesses of it."""
    take_in(outbox, make(SECRET))
    (memory,) = memories(outbox)
    as_sent = make(LEFT)
    assert memory.text == as_sent.text
    assert (memory.sync_key, memory.content_hash) == (as_sent.identity, as_sent.revision)
    stored = outbox.database.rows("SELECT * FROM item") + outbox.database.rows("SELECT * FROM identity")
    stored += outbox.database.rows("SELECT * FROM entry")
    known = {make(SECRET).identity, make(SECRET).revision} - {as_sent.identity}
    assert known.isdisjoint(value for row in stored for value in row)


def test_a_hash_of_metadata_or_of_an_agent_is_of_what_is_sent_too(outbox: Outbox) -> None:
    """Whatever field the secret stands in."""
    it = pattern("x", metadata={"category": SECRET}, agent_id=f"ork:{SECRET}")
    take_in(outbox, it)
    (memory,) = memories(outbox)
    as_sent = replace(it, metadata={"category": LEFT}, agent_id=f"ork:{LEFT}")
    assert (memory.sync_key, memory.content_hash) == (as_sent.identity, as_sent.revision)


def test_a_held_dead_letter_keeps_no_hash_of_its_secret(outbox: Outbox) -> None:
    """It never leaves, and tells nothing here either."""
    it = pattern(SECRET)
    take_in(outbox, it, redaction="hold")
    (letter,) = outbox.dead_letters.newest(1)
    assert it.identity not in (letter.sync_key, letter.frozen)
    assert it.revision not in (letter.content_hash, letter.frozen)
    assert take_in(outbox, it, redaction="hold") == 0


def test_what_is_sent_raw_has_a_key_of_what_is_raw(outbox: Outbox) -> None:
    """That is what `off` means; and it stays under that key when redaction is switched on again."""
    it = pattern(SECRET)
    take_in(outbox, it, redaction="off")
    (sent,) = deliver(outbox)
    assert (sent.sync_key, sent.content_hash) == (it.identity, it.revision)
    assert take_in(outbox, it) == 1
    (update,) = deliver(outbox)
    assert (update.sync_key, update.text) == (it.identity, pattern(LEFT).text)
    assert take_in(outbox, it, redaction="off") == 0


def test_known_items_are_not_looked_through_again(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redaction is for what is new, or revised; a start reads all that there is."""
    take_in(outbox, item(), pattern(SECRET))
    monkeypatch.setattr(redactor_module.Redactor, "redact", None)
    assert take_in(outbox, item(), pattern(SECRET)) == 0


# Revisions ----------------------------------------------------------------------------------------------


def test_another_secret_alone_is_no_revision(outbox: Outbox) -> None:
    """What would be sent is what was sent."""
    take_in(outbox, item(f"Use {SECRET}"))
    deliver(outbox)
    assert take_in(outbox, item(f"Use {OTHER_SECRET}")) == 0
    assert take_in(outbox, item(f"Use {SECRET}")) == 0
    assert take_in(outbox, item(f"Never use {SECRET}")) == 1


def test_a_revision_that_is_taken_back_is_withdrawn(outbox: Outbox) -> None:
    """A, B, A ends at A, with secrets in all of them."""
    first, second = item(f"Use {SECRET}"), item(f"Never use {SECRET}")
    take_in(outbox, first)
    deliver(outbox)
    take_in(outbox, second)
    take_in(outbox, first)
    assert memories(outbox) == []
    assert outbox.items.known(1, [first.identity])[first.identity].newest == item(f"Use {LEFT}").revision


def test_texts_that_differ_only_in_their_secret_are_one_memory(outbox: Outbox) -> None:
    """And stay it, whatever is read first, and though one of them is revised."""
    one, other = pattern(SECRET), pattern(OTHER_SECRET, metadata={"outcome": "failed"})
    take_in(outbox, one, other)
    assert len(deliver(outbox)) == 1
    for order in ([one, other], [other, one], [other], [one]):
        assert take_in(outbox, *order) == 0, order
    assert keys(outbox) == [pattern(LEFT).identity]


def test_a_text_whose_secret_was_changed_is_revised_like_any_other(outbox: Outbox) -> None:
    """No file says the one any more that its key was made for."""
    take_in(outbox, pattern(SECRET))
    deliver(outbox)
    assert take_in(outbox, pattern(OTHER_SECRET)) == 0
    revised = pattern(OTHER_SECRET, metadata={"outcome": "failed"})
    assert [take_in(outbox, revised) for _ in range(2)] == [1, 0]
    (memory,) = deliver(outbox)
    assert memory.metadata["outcome"] == "failed"
    assert len(keys(outbox)) == 1


@pytest.mark.parametrize("files", [[(OTHER_SECRET,)], [(SECRET, OTHER_SECRET), (OTHER_SECRET,)]])
def test_a_text_whose_secret_was_changed_is_restored_like_any_other(
    outbox: Outbox, files: list[tuple[str, ...]]
) -> None:
    """When somebody has deleted its memory, and another one wants it back."""
    take_in(outbox, pattern(SECRET))
    deliver(outbox)
    for texts in files:
        take_in(outbox, *map(pattern, texts))
    outbox.resend_requests.add(1, [ResendRequest(keys(outbox)[0], ("m1",), "restore")])
    assert take_in(outbox, pattern(OTHER_SECRET)) == 1


@pytest.mark.parametrize("order", [(SECRET, LEFT), (LEFT, SECRET)])
def test_a_text_that_says_what_is_left_of_another_is_that_one(outbox: Outbox, order: tuple[str, ...]) -> None:
    """Somebody has redacted it by hand."""
    for text in order:
        take_in(outbox, pattern(text))
        deliver(outbox)
    assert take_in(outbox, *map(pattern, order)) == 0
    assert len(keys(outbox)) == 1


def test_twins_that_differ_only_in_their_secret_are_one_item(outbox: Outbox) -> None:
    """Neither is lost, for what is sent of them is the same; a third one that says more is a twin."""
    one, other, third = (item(f"{SECRET} a"), item(f"{OTHER_SECRET} a"), item(f"{SECRET} b"))
    take_in(outbox, one, other, third)
    sent = deliver(outbox)
    assert [memory.text for memory in sent] == [f"{LEFT} a", f"{LEFT} b"]
    twin = item(f"{LEFT} b").as_twin()
    assert [memory.sync_key for memory in sent] == [one.identity, twin.identity]
    for order in ([one, other, third], [third, other], [other, third], [third], [one]):
        assert take_in(outbox, *order) == 0, order


# A better detector --------------------------------------------------------------------------------------


@pytest.fixture
def better(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that finds `sunshine` as well, and says so."""
    from mem0_syncd import redact

    def find_more(text: str) -> tuple[str, list[str]]:
        text, kinds = plain(text)
        return text.replace("sunshine", "[redacted: secret]"), kinds + ["secret"] * text.count("sunshine")

    plain = redact.redact
    monkeypatch.setattr(redact, "redact", find_more)
    monkeypatch.setattr(redact, "detector_version", lambda: "better")


@pytest.mark.parametrize("make", [pattern, item])
def test_a_better_detector_updates_what_it_finds_more_in(
    outbox: Outbox, make: Callable[..., Item], request: pytest.FixtureRequest
) -> None:
    """By the memory's id, under the key that it has; all else is looked through once, and left."""
    it, clean = make("the key is sunshine"), make("nothing at all")
    take_in(outbox, it, clean) if make is pattern else take_in(outbox, it)
    (sent, *_) = deliver(outbox)
    request.getfixturevalue("better")
    assert take_in(outbox, it, clean) == 1 if make is pattern else take_in(outbox, it) == 1
    claim = (outbox.queue.claim(1, NOW, 9, major=False) + outbox.queue.claim(1, NOW, 9, major=True))[0]
    assert claim.entry.memory_id == "m1"
    update = claim.entry.memory
    assert "sunshine" not in update.text
    assert update.sync_key == sent.sync_key
    assert update.content_hash != sent.content_hash
    assert outbox.items.again(1) == 1
    assert take_in(outbox, it) == 0


@pytest.mark.usefixtures("better")
def test_what_waits_is_looked_through_by_a_better_detector(outbox: Outbox) -> None:
    """Before it goes: not all of it stands in a file that is read again."""
    from mem0_syncd.ingest.late_redaction import look_through

    it = pattern("the key is sunshine")
    take_in(outbox, it, redaction="off")
    look_through(outbox, Redactor("redact"))
    (memory,) = memories(outbox)
    assert "sunshine" not in memory.freeze()
    assert memory.sync_key == it.identity  # it has it, though it was never sent
    assert take_in(outbox, it) == 0


@pytest.mark.usefixtures("better")
def test_a_tombstone_holds_whatever_a_detector_makes_of_its_item(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was forgotten isn't sent again for a better redaction of it."""
    it = pattern("the key is sunshine")
    with monkeypatch.context() as worse:
        from mem0_syncd import redact

        worse.setattr(redact, "redact", lambda text: (text, []))
        worse.setattr(redact, "detector_version", lambda: "worse")
        take_in(outbox, it)
        deliver(outbox)
        outbox.tombstones.bury("shop", [it.identity], erase=False, now=NOW)
    assert take_in(outbox, it) == 0
    assert take_in(outbox, it) == 0
    assert take_in(outbox, replace(it, metadata={"outcome": "failed"})) == 0


# What was sent before -----------------------------------------------------------------------------------


def old(it: Item) -> tuple[str, Found]:
    """What a listing shows of an item that an older version has sent: by the hashes of its source."""
    return it.identity, Found("old", it.revision)


@pytest.mark.parametrize("it", [pattern(SECRET), item(SECRET, None), item(SECRET)])
def test_what_an_older_version_has_sent_is_adopted_and_gets_new_hashes(outbox: Outbox, it: Item) -> None:
    """After a lost state folder: found in the listing under its former key."""
    take_in(outbox, it)
    contact(outbox, [old(it)])
    claims = outbox.queue.claim(1, NOW, 9, major=False) + outbox.queue.claim(1, NOW, 9, major=True)
    (claim,) = claims
    assert claim.entry.memory_id == "old"
    assert claim.entry.memory.content_hash != it.revision


def test_a_twin_that_an_older_version_has_sent_is_adopted(outbox: Outbox) -> None:
    """Its text was in its key."""
    first, twin = item("Use Redis"), item(SECRET)
    take_in(outbox, first, twin)
    contact(outbox, [old(twin.as_twin())])
    claims = outbox.queue.claim(1, NOW, 9, major=False)
    assert {claim.entry.memory.text: claim.entry.memory_id for claim in claims} == {
        first.text: None,
        LEFT: "old",
    }


def test_a_memory_that_is_made_by_hand_is_nobodys_former_one(outbox: Outbox) -> None:
    """Only this item's own key of before counts."""
    take_in(outbox, pattern(SECRET))
    contact(outbox, [old(pattern(OTHER_SECRET)), old(pattern("Redis is fast"))])
    (claim,) = outbox.queue.claim(1, NOW, 9, major=False)
    assert claim.entry.memory_id is None


def test_what_is_forgotten_is_not_adopted_under_a_former_key_either(outbox: Outbox) -> None:
    """It would come back as an update of that memory."""
    it = pattern(SECRET)
    take_in(outbox, it)
    contact(outbox, [old(it)])
    outbox.tombstones.bury("shop", keys(outbox), erase=True, now=NOW)
    assert outbox.database.rows("SELECT * FROM adoptable") == []


def test_the_memory_of_an_item_is_built_of_what_is_sent() -> None:
    """By every way that there is to it."""
    assert memory_of(item()).sync_key == item().identity


# Ids that hold a secret ---------------------------------------------------------------------------------

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.mark.parametrize(
    "it",
    [
        item(f"Use Redis\n({TOKEN}, 2026-01-05)", TOKEN),
        item(f"Use Redis\n(DEC-1, {TOKEN})", when=TOKEN),
        item(f"Use Redis\n({TOKEN})", f"record:{TOKEN}", echo="e"),
        item("Use Redis", withheld=Withheld(Why.FOREIGN_SCOPE, f"user_id '{TOKEN}'")),
    ],
    ids=["an id", "a time", "a record's id", "a reason"],
)
def test_an_item_whose_id_holds_a_secret_is_withheld(outbox: Outbox, it: Item) -> None:
    """And nothing of it is kept, nor quoted."""
    taken = Enqueuer(outbox, clock=Clock(wall=lambda: NOW)).take_in(PROJECT, [it])
    rows = [
        row
        for table in ("item", "entry", "identity")
        for row in outbox.database.rows(f"SELECT * FROM {table}")
    ]
    kept = " ".join(str(value) for row in rows for value in row)
    assert TOKEN not in kept
    assert it.identity not in kept or it.source_id == "DEC-1"
    (row,) = outbox.database.rows("SELECT status FROM item")
    assert row["status"] == "withheld"
    assert memories(outbox) == []
    said = str(taken.problems)
    assert TOKEN not in said
    assert "credential" in said or (it.source_id == "DEC-1" and it.when != TOKEN)
    assert take_in(outbox, it) == 0


def test_an_id_that_was_known_before_it_was_known_for_a_secret_is_forgotten(outbox: Outbox) -> None:
    """What was delivered stays as it is."""
    it = item(f"Use Redis\n({TOKEN})", TOKEN)
    take_in(outbox, it, redaction="off")
    deliver(outbox)
    take_in(outbox, it)
    assert TOKEN not in [row["source_id"] for row in outbox.database.rows("SELECT source_id FROM item")]
    assert memories(outbox) == []


def test_problems_are_kept_without_secrets(outbox: Outbox) -> None:
    """Whatever a source finds worth quoting."""
    problem = Problem(f"user_id '{TOKEN}' is none of this project's", f"a/{TOKEN}: line 1", "mend it")
    outbox.problems.replace("shop", "memory-queue", [problem])
    ((_, kept),) = outbox.problems.all()
    assert TOKEN not in str(kept)


# What an earlier detector has sent ----------------------------------------------------------------------


def shown(it: Item, number: str = "m7") -> Remote:
    """A memory of an item, as Mem0 shows it."""
    memory = memory_of(it)
    agent_id = it.agent_id or ""
    return Remote(number, memory.text, dict(memory.metadata), "2026-01-05", memory.user_id, agent_id)


def found(*memories: Remote, redactor: Redactor | None = None) -> list[tuple[str, Found]]:
    """What a listing of them shows."""
    listed = ours(memories, redactor or Redactor("redact"))
    return [(key, Found(number, content_hash)) for key, number, content_hash in listed.memories]


@pytest.mark.usefixtures("better")
def test_what_an_earlier_detector_has_sent_is_adopted(outbox: Outbox) -> None:
    """After a lost state folder: it found less, so that its key is another one; both texts are equal now."""
    less, more = f"{LEFT} and sunshine", f"{SECRET} and sunshine"
    take_in(outbox, pattern(more))
    contact(outbox, found(shown(pattern(less))))
    (claim,) = outbox.queue.claim(1, NOW, 9, major=False)
    assert claim.verb is Verb.PUSH
    assert claim.entry.memory_id == "m7"
    assert "sunshine" not in claim.entry.frozen


@pytest.mark.usefixtures("better")
def test_a_memory_of_another_item_is_not_adopted_for_what_it_says(outbox: Outbox) -> None:
    """Its receipt names it."""
    less = f"{LEFT} and sunshine"
    take_in(outbox, pattern("nothing of the kind"))
    contact(outbox, found(shown(pattern(less))))
    (claim,) = outbox.queue.claim(1, NOW, 9, major=False)
    outbox.queue.settle(1, [(claim.entry, Receipt(("m7",)))], NOW)
    take_in(outbox, pattern(f"{SECRET} and sunshine"))
    (claim,) = outbox.queue.claim(1, NOW, 9, major=False)
    assert claim.entry.memory_id is None


def test_what_has_nothing_redacted_is_listed_once() -> None:
    """Under its key alone."""
    assert len(found(shown(item()), shown(pattern("Redis"), "m8"))) == 2


@pytest.mark.parametrize("redactor", [Redactor("off"), Redactor("redact", ["hunter2hunter2"])])
def test_what_this_machine_lets_go_has_no_other_key(redactor: Redactor) -> None:
    """The courier looks at what Mem0 has as the settings have the daemon look at its sources."""
    raw = shown(pattern(SECRET))
    assert len(found(raw)) == 2
    assert len(found(raw, redactor=redactor)) == 1
