"""What is written again: revisions become updates, and whatever fails, the newest one is what Mem0 has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import Fault, answer, drop, empty_results, hang, not_json, says, store_then
from support.mem0_model import Memory
from support.mem0_platform import Mem0Platform

TIMEOUT = 0.6
LATE = 1.0
READ_LAG = 1.5  # what the daemon counts on; the server's is shorter

LOST_ADDS = {
    "stored, and the connection dropped": store_then(drop()),
    "not stored, and the connection dropped": drop(),
    "stored after the connection dropped": drop(commit_after=LATE),
    "stored after the time-out": hang(TIMEOUT + LATE),
    "stored, and answered 500": store_then(answer(500)),
    "not stored, and answered 500": answer(500),
    "stored, and answered with empty results": store_then(empty_results()),
    "stored, and answered with what isn't JSON": store_then(not_json()),
}
LOST_UPDATES = {what: fault for what, fault in LOST_ADDS.items() if "empty" not in what}


@dataclass
class Shop:
    """A project with its log, its daemon, and the Mem0 that it goes to."""

    mem0: Mem0Platform
    daemon: Daemon
    project: Path
    log: list[dict[str, Any]] = field(default_factory=list)

    def write(self, text: str, **fields: Any) -> str:
        """Append a decision, with this in its text."""
        self.log.append(decision(len(self.log), description=text, **fields))
        write_log(self.project, self.log)
        return text

    def revise(self, text: str) -> str:
        """Give the last decision another text."""
        self.log[-1] = {**self.log[-1], "description": text}
        write_log(self.project, self.log)
        return text

    def revise_what_may_be_stored(self, case: str, first: str, then: str, fault: Fault) -> None:
        """Write a text of which nobody will know whether it was stored, and another one over it."""
        self.mem0.fail("lookup", answer(503), times=None)
        self.mem0.fail("add", fault, where=says(case))
        self.write(first)
        self.wait_for("unconfirmed", first)
        self.revise(then)
        self.wait_for("pending", then)

    def wait_for(self, state: str, text: str) -> None:
        """Wait until the revision with this in its text is in that state."""
        wait_until(lambda: self._is(state, text), f"{state}: {text}")

    def take_back(self, text: str, waiting: str) -> None:
        """Give the last decision this text again, and wait until the one that waits no longer does."""
        self.revise(text)
        wait_until(lambda: not self._is("pending", waiting), f"taken back: {waiting}")

    def _is(self, state: str, text: str) -> bool:
        return any(its == state and text in said for its, said in self.daemon.on_the_way())

    def knows(self, text: str) -> bool:
        """Whether the revision with this in its text is on the way, or has arrived."""
        return any(text in said for _, said in self.daemon.on_the_way()) or bool(self.memories(text))

    def waiting(self) -> list[str]:
        """The texts that wait."""
        return [text for state, text in self.daemon.on_the_way() if state == "pending"]

    def tried_to_update(self, case: str) -> int:
        """How many updates of a case Mem0 was asked for."""
        return sum(map(says(case), self.bodies("update")))

    def wait_for_update(self, case: str, number: int) -> None:
        """Wait until Mem0 was asked for so many updates of a case."""
        wait_until(lambda: self.tried_to_update(case) >= number, f"updates of {case}")

    def bodies(self, kind: str) -> list[Any]:
        """The bodies of all requests of a kind."""
        return [seen.body for seen in self.mem0.requests if seen.kind == kind]

    def wait_until_stored(self, text: str) -> None:
        """Wait until this text is in Mem0, and nothing is on the way."""
        wait_until(lambda: self.memories(text), f"stored: {text}")
        self.wait_until_settled()

    def wait_until_settled(self) -> None:
        """Wait until nothing is on the way."""
        wait_until(lambda: not self.daemon.on_the_way(), "nothing is on the way")

    def memories(self, case: str) -> list[Memory]:
        """What Mem0 has of the revisions with this in their text."""
        return [memory for memory in self.mem0.memories if case in memory.text]

    def has_one(self, case: str, text: str) -> Memory:
        """The one memory of a case, which has this text in the scope of the shop's decisions."""
        (memory,) = self.memories(case)
        assert text in memory.text
        assert memory.user_id == "shop-decisions"
        return memory


@contextmanager
def a_shop(folder: Path, **environment: str) -> Iterator[Shop]:
    """A shop whose daemon runs."""
    project = folder / "shop"
    project.mkdir()
    with Mem0Platform() as mem0:
        settings = platform_settings(mem0.url, **environment)
        with running(Daemon(folder, [project], **settings)) as daemon:
            yield Shop(mem0, daemon, project)


@pytest.fixture(scope="module")
def hasty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One whose daemon soon gives up waiting; Mem0 shows what it stored a little later."""
    hasty = {
        "MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": str(TIMEOUT),
        "MEM0_SYNCD_READ_LAG_SECONDS": str(READ_LAG),
        "MEM0_SYNCD_FLUSH_SECONDS": "0",
    }
    with a_shop(tmp_path_factory.mktemp("hasty"), **hasty) as shop:
        shop.wait_until_stored(shop.write("The first contact is made"))
        shop.mem0.read_lag_seconds = READ_LAG / 3
        yield shop


@pytest.fixture
def shop(hasty_shop: Shop) -> Shop:
    """The hasty shop with a Mem0 that is well, and nothing on the way."""
    hasty_shop.mem0.calm()
    hasty_shop.wait_until_settled()
    return hasty_shop


@pytest.fixture
def case(request: pytest.FixtureRequest) -> str:
    """Words that no other test writes."""
    return f"case {request.node.name}:"


def settle_after_faults(shop: Shop, case: str) -> None:
    """End the faults; what is carried out late has the time to spoil what was settled too soon."""
    shop.mem0.calm()
    shop.wait_until_settled()
    if "stored after" in case:
        time.sleep(LATE)


def test_the_same_id_at_another_time_is_another_decision(shop: Shop, case: str) -> None:
    """Ids repeat, so an id with another time is a second memory beside the first."""
    first, second = f"{case} to rent", f"{case} to buy"
    shop.write(first, decision_id="DEC-AGAIN", timestamp="2026-01-05T10:00:00Z")
    shop.write(second, decision_id="DEC-AGAIN", timestamp="2026-01-06T10:00:00Z")
    wait_until(lambda: len(shop.memories(case)) == 2, "both are there")
    shop.wait_until_settled()
    shop.has_one(first, first)
    shop.has_one(second, second)


def test_another_text_of_one_decision_updates_its_memory(shop: Shop, case: str) -> None:
    """A revision is written over the memory of the first, and one moment in two spellings is one."""
    shop.write(f"{case} to rent", timestamp="2026-01-05T10:00:00Z")
    shop.wait_until_stored(f"{case} to rent")
    before = shop.has_one(case, "to rent")
    shop.log[-1]["timestamp"] = "2026-01-05T11:00:00+01:00"
    shop.revise(f"{case} to buy")
    shop.wait_until_stored(f"{case} to buy")
    assert shop.has_one(case, "to buy").id == before.id


@pytest.mark.parametrize("fault", LOST_ADDS.values(), ids=LOST_ADDS.keys())
def test_back_to_the_first_text_while_nobody_knows_whether_it_was_stored(
    shop: Shop, case: str, fault: Fault
) -> None:
    """A -> B -> A with an unconfirmed A is one memory with A."""
    a, b = f"{case} text A", f"{case} text B"
    shop.revise_what_may_be_stored(case, a, b, fault)
    shop.take_back(a, waiting=b)
    settle_after_faults(shop, case)
    shop.has_one(case, a)


@pytest.mark.parametrize("fault", LOST_ADDS.values(), ids=LOST_ADDS.keys())
def test_a_second_text_while_nobody_knows_whether_the_first_was_stored(
    shop: Shop, case: str, fault: Fault
) -> None:
    """A -> B with an unconfirmed A is one memory with B."""
    a, b = f"{case} text A", f"{case} text B"
    shop.revise_what_may_be_stored(case, a, b, fault)
    settle_after_faults(shop, case)
    shop.has_one(case, b)


@pytest.mark.parametrize("fault", LOST_UPDATES.values(), ids=LOST_UPDATES.keys())
def test_back_to_the_first_text_while_nobody_knows_whether_the_second_was_stored(
    shop: Shop, case: str, fault: Fault
) -> None:
    """A -> B -> A with an unconfirmed update to B is one memory with A, for good."""
    a, b = f"{case} text A", f"{case} text B"
    shop.write(a)
    shop.wait_until_stored(a)
    before = shop.has_one(case, a)
    shop.mem0.fail("update", fault, where=says(b))
    shop.mem0.fail("update", answer(503), times=None, where=says(b))
    shop.revise(b)
    shop.wait_for("unconfirmed", b)
    shop.revise(a)
    shop.wait_for("pending", a)
    settle_after_faults(shop, case)
    assert shop.has_one(case, a).id == before.id


@pytest.mark.parametrize("sync", [False, True], ids=["by itself", "with a sync"])
def test_an_update_that_takes_effect_late_undoes_nothing(shop: Shop, case: str, *, sync: bool) -> None:
    """A repeated update is confirmed; its first attempt, carried out later, doesn't undo the next one."""
    a, b, c = f"{case} text A", f"{case} text B", f"{case} text C"
    shop.write(a)
    shop.wait_until_stored(a)
    with shop.mem0.hold("update", times=1, where=says(b)) as late:
        shop.revise(b)
        assert late.arrived.wait(30)
        shop.wait_until_stored(b)
        shop.revise(c)
        wait_until(lambda: shop.knows(c), "C is on its way")
        shop.revise(a)
        wait_until(lambda: shop.knows(a), "A is on its way")
        if sync:
            shop.daemon.scan()
        time.sleep(0.3)  # so that one that doesn't wait has gone
        taking_effect = shop.mem0.hold("update", stage="stored", where=says(b))
    assert taking_effect.arrived.wait(30)
    taking_effect.release()
    shop.wait_until_settled()
    shop.has_one(case, a)


def test_back_to_the_first_text_while_one_is_in_flight(tmp_path: Path) -> None:
    """A -> B -> A ends at A when Mem0 is at A's add or at B's update, before or after it stored it."""
    patient = {"MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "60", "MEM0_SYNCD_FLUSH_SECONDS": "0"}
    cases = {"update received:": "B", "update stored:": "B", "add received:": "A", "add stored:": "A"}
    with a_shop(tmp_path, **patient) as shop, ExitStack() as held:

        def write(texts: str) -> None:
            shop.log = [
                decision(number, description=f"{case} text {text}")
                for number, (case, text) in enumerate(zip(cases, texts, strict=False))
            ]
            write_log(shop.project, shop.log)

        write("AA")
        shop.daemon.wait_delivered(2)
        ids = [shop.has_one(case, "text A").id for case in list(cases)[:2]]
        holds = []
        for case, text in cases.items():
            kind, stage = case.rstrip(":").split()
            hold = shop.mem0.hold(kind, stage=stage, where=says(f"{case} text {text}"))  # type: ignore[arg-type]
            holds.append(held.enter_context(hold))
        write("BBAA")
        assert all(hold.arrived.wait(30) for hold in holds)
        write("AABB")
        wait_until(lambda: len(shop.waiting()) == 4, "four revisions wait behind those in flight")
        write("AAAA")
        wait_until(lambda: len(shop.waiting()) == 2, "those of the adds are taken back")
        held.close()
        shop.daemon.wait_delivered(4)
        shop.wait_until_settled()
        assert [shop.has_one(case, "text A").id for case in cases][:2] == ids


def test_back_to_the_first_text_before_the_second_was_sent(tmp_path: Path) -> None:
    """A -> B -> A while B waits sends nothing, be A in Mem0 or waiting itself."""
    with a_shop(tmp_path) as shop:
        shop.write("delivered: text A")
        shop.wait_until_stored("delivered: text A")
        assert shop.daemon.run("pause").returncode == 0
        shop.revise("delivered: text B")
        shop.wait_for("pending", "delivered: text B")
        shop.take_back("delivered: text A", waiting="delivered: text B")
        shop.write("waiting: text A")
        shop.wait_for("pending", "waiting: text A")
        shop.revise("waiting: text B")
        shop.wait_for("pending", "waiting: text B")
        shop.take_back("waiting: text A", waiting="waiting: text B")
        assert shop.daemon.run("resume").returncode == 0
        shop.daemon.wait_delivered(2)
        shop.has_one("delivered:", "text A")
        shop.has_one("waiting:", "text A")
        assert not any(map(says("text B"), (seen.body for seen in shop.mem0.requests)))


def test_a_memory_that_a_person_deleted_stays_deleted(shop: Shop, case: str) -> None:
    """Revisions of a decision whose memory is gone bring nothing back, and don't keep asking."""
    shop.write(f"{case} text A")
    shop.wait_until_stored(f"{case} text A")
    time.sleep(READ_LAG)  # so that listings show it, and go on for a while after it is gone
    shop.mem0.remove(shop.memories(case)[0].id)
    for text in ("text B", "text C", "text A"):
        before = shop.tried_to_update(case)
        shop.revise(f"{case} {text}")
        shop.wait_for_update(case, before + 1)
        shop.wait_until_settled()
    assert shop.memories(case) == []
    assert shop.tried_to_update(case) == 3
    assert shop.daemon.status()["state"] == "ok"


def test_a_memory_with_the_same_text_is_adopted(shop: Shop, case: str) -> None:
    """Mem0 adds no second memory with a text: the one that is there is taken for it, and revised with it."""
    shop.mem0.dedup = True
    theirs = shop.mem0.plant(
        f"Decision number {len(shop.log)}: {case} text A\n(DEC-SAME, 2026-02-01)", user_id="shop-decisions"
    )
    shop.write(f"{case} text A", decision_id="DEC-SAME", timestamp="2026-02-01")
    wait_until(lambda: any(map(says(case), shop.bodies("add"))), "it was tried")
    shop.wait_until_settled()
    assert shop.has_one(case, "text A").id == theirs.id
    shop.revise(f"{case} text B")
    shop.wait_until_stored(f"{case} text B")
    assert shop.has_one(case, "text B").id == theirs.id
