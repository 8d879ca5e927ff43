"""The paths of an item: each a generator that prepares up to its `yield`, from which on calls are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crash.board import Call, Step
from crash.embedded import EmbeddedShop
from crash.shop import Shop
from support.daemon import wait_until
from support.decision_log import decision
from support.faults import answer, drop, hang, pending, says, store_then

Walk = Callable[[Shop], Iterator[None]]


def everything(_call: Call) -> bool:
    """Every call."""
    return True


@dataclass(frozen=True)
class Path:
    """How an item goes, in words; `counts` says which of its calls are points.

    `heal` is what a person does about what is in the way afterwards. A path that `removes_a_double` begins
    with one; on any other one, a double that is there for a moment counts.
    """

    name: str
    walk: Walk
    about: str
    counts: Callable[[Call], bool] = everything
    heal: Callable[[Shop], None] = lambda _shop: None
    shop: type[Shop] = Shop
    removes_a_double: bool = False


def add(shop: Shop) -> Iterator[None]:
    """A new decision; Mem0 has closed its idle connections, so that one is made."""
    shop.mem0.go_down()
    shop.mem0.come_back()
    yield
    shop.add()


def update(shop: Shop) -> Iterator[None]:
    """A revision of a decision that was delivered."""
    shop.mem0.go_down()
    shop.mem0.come_back()
    yield
    shop.revise()


def embedded_add(shop: Shop) -> Iterator[None]:
    """A new decision, where Mem0 is a folder."""
    yield
    shop.add()


def embedded_update(shop: Shop) -> Iterator[None]:
    """A revision of a decision that was delivered, where Mem0 is a folder."""
    yield
    shop.revise()


def batch(shop: Shop) -> Iterator[None]:
    """Four decisions at once, answered one after the other."""
    first = len(shop.project.decisions)
    for number in range(4):
        shop.mem0.fail("add", hang(0.2 * number), where=says(f"number {first + number}:"))
    yield
    shop.add(4)


def found(shop: Shop) -> Iterator[None]:
    """Mem0 has stored an item, but its answer got lost."""
    shop.mem0.fail("add", store_then(drop()))
    with shop.mem0.hold("add", stage="stored", times=1) as hold:
        shop.add()
        assert hold.arrived.wait(30)
        yield


def absent(shop: Shop) -> Iterator[None]:
    """Mem0 says 500 and has stored nothing, which only time and look-ups can tell."""
    shop.mem0.fail("add", answer(500))
    with shop.mem0.hold("add", stage="received", times=1) as hold:
        shop.add()
        assert hold.arrived.wait(30)
        yield


def overtaken(shop: Shop) -> Iterator[None]:
    """An item is revised while Mem0 is at work on it."""
    with shop.mem0.hold("add", stage="stored", times=1) as hold:
        shop.add()
        assert hold.arrived.wait(30)
        yield
        shop.revise()
        shop.wait_for(Step.ENQUEUE)


def accepted(shop: Shop) -> Iterator[None]:
    """Mem0 answers PENDING, and the event is polled until it has succeeded."""
    shop.mem0.fail("add", pending())
    with shop.mem0.hold("add", stage="stored", times=1) as hold:
        shop.add()
        assert hold.arrived.wait(30)
        yield


def refused(shop: Shop) -> Iterator[None]:
    """Mem0 refuses an item; somebody sends the dead letter again."""
    shop.mem0.fail("add", answer(400, {"error": "no"}))
    with shop.mem0.hold("add", stage="received", times=1) as hold:
        shop.add()
        assert hold.arrived.wait(30)
        yield
    shop.wait_for(Step.SETTLE)
    shop.retry()


def unreachable(shop: Shop) -> Iterator[None]:
    """Mem0 refuses connections for a moment."""
    shop.mem0.go_down()
    yield
    shop.add()
    shop.wait_for(Step.SETTLE)
    shop.mem0.come_back()


def first_contact(shop: Shop) -> Iterator[None]:
    """Nothing is known of a project whose memories are in Mem0, as after a lost state folder."""
    shop.move_on()
    shop.project.decisions = _decisions()
    _plant(shop)
    yield
    shop.project.write()


def first_contact_revised(shop: Shop) -> Iterator[None]:
    """The same, and meanwhile an item was revised and another one came."""
    shop.move_on()
    shop.project.decisions = _decisions()
    _plant(shop)
    shop.project.decisions[-1]["description"] += ", and revised"
    shop.project.decisions.append(_decisions(3)[-1])
    yield
    shop.project.write()


def remembered(shop: Shop) -> Iterator[None]:
    """Something put in by hand goes by way of the spool."""
    yield
    shop.remember()


def checkpoint(shop: Shop) -> Iterator[None]:
    """A new decision at whose commit SQLite folds its write-ahead log into the outbox."""
    shop.fill_write_ahead_log()
    yield
    shop.add()


def second_look(shop: Shop) -> Iterator[None]:
    """An add that was sent twice, because Mem0 stored the first one late: a double that is removed."""
    shop.mem0.fail("add", drop(commit_after=2.6))
    count = len(shop.mem0.memories)
    shop.add()
    wait_until(lambda: len(shop.mem0.memories) == count + 2, "both have come")
    yield


def repair(shop: Shop) -> Iterator[None]:
    """Somebody has deleted a memory, and another one is there twice, as two machines can leave it."""
    doubled, missing = shop.mem0.memories[-2:]
    shop.mem0.plant(doubled.text, user_id=doubled.user_id, metadata=doubled.metadata)
    shop.mem0.remove(missing.id)
    yield
    shop.repair()


def _decisions(count: int = 2) -> list[dict[str, Any]]:
    return [decision(number) for number in range(count)]


def _plant(shop: Shop) -> None:
    for it in shop.project.memories():
        shop.mem0.plant(it.text, user_id=it.user_id, metadata=dict(it.metadata))


def _is_on_file(call: Call) -> bool:
    return call.target.endswith("outbox.sqlite3")


PATHS = (
    Path("add", add, "a new decision, to its receipt and mark"),
    Path("update", update, "a revision of a delivered decision"),
    Path("batch", batch, "four new decisions, answered one after the other"),
    Path("look-up, found", found, "Mem0 has stored it, and its answer is lost"),
    Path("look-up, absent", absent, "Mem0 has not stored it, and says 500: looked for, then sent again"),
    Path("overtaken", overtaken, "revised while its add is under way"),
    Path("accepted", accepted, "PENDING, then polled"),
    Path("refused", refused, "a dead letter, sent again by hand", heal=Shop.retry),
    Path("unreachable", unreachable, "no connection at first"),
    Path(
        "first contact",
        first_contact,
        "nothing is known of what Mem0 has, as after a lost state folder: it is adopted",
    ),
    Path("first contact, revised", first_contact_revised, "the same, with a revision and a new decision"),
    Path("spool", remembered, "something remembered by hand"),
    Path("checkpoint", checkpoint, "SQLite folds its write-ahead log into the outbox", _is_on_file),
    Path(
        "second look",
        second_look,
        "an add that was sent twice: the double is removed",
        removes_a_double=True,
    ),
    Path(
        "repair",
        repair,
        "a memory that is missing is restored, a double removed",
        heal=Shop.repair,
        removes_a_double=True,
    ),
    Path("embedded, add", embedded_add, "a new decision, into Mem0 in a folder", shop=EmbeddedShop),
    Path("embedded, update", embedded_update, "a revision, into Mem0 in a folder", shop=EmbeddedShop),
)
