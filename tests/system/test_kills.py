"""SIGKILL at every step of an item's way: what the next start makes of it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.daemon import Daemon, couriers, platform_settings, wait_until
from support.decision_log import decision, write_log
from support.faults import Hold, Kind, Stage, hang, says
from support.mem0_platform import Mem0Platform

KILLED = -signal.SIGKILL

KINDS: tuple[Kind, ...] = ("add", "update")


def slow(value: Any) -> Any:
    """A parameter that adds little to the quicker ones beside it, and to the crash matrix."""
    return pytest.param(value, marks=pytest.mark.slow)


@dataclass
class Shop:
    """A project whose daemon is killed again and again; every round revises two decisions and adds two."""

    mem0: Mem0Platform
    daemon: Daemon
    project: Path
    log: list[dict[str, Any]] = field(default_factory=list)

    def write(self) -> None:
        """Revise the two newest decisions, and add two."""
        count = len(self.log)
        for number in range(max(0, count - 2), count + 2):
            what = "Revised" if number < count else "Written"
            self.log[number : number + 1] = [decision(number, description=f"{what} in round {count}")]
        write_log(self.project, self.log)

    def wait_until_all_is_right(self) -> None:
        """Wait until all is delivered and marked; then Mem0 has each decision once, as last written."""
        self.daemon.wait_delivered(len(self.log))
        ids = [entry["decision_id"] for entry in self.log]
        wait_until(lambda: self.marks() == (ids, 0), f"marked: {ids}")
        texts = [
            f"{it['title']}: {it['description']}\n({it['decision_id']}, {it['timestamp']})" for it in self.log
        ]
        assert sorted(self.mem0.texts("shop-decisions").elements()) == sorted(texts)
        assert len(self.mem0.memories) == len(texts)
        assert self.daemon.on_the_way() == []

    def marks(self) -> tuple[list[str], int]:
        """What the project's sync-state file says: the marked ids, and how many are pending."""
        path = self.project / SYNC_STATE
        state = json.loads(path.read_text()) if path.exists() else {}
        return state.get("synced_decisions", []), state.get("pending_count", 0)

    def wait_until_alone(self) -> None:
        """Wait until no courier is left behind."""
        wait_until(lambda: not couriers(self.daemon), "no courier is left behind")


@pytest.fixture(scope="module")
def lasting_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with two delivered decisions."""
    folder = tmp_path_factory.mktemp("kills")
    project = folder / "shop"
    project.mkdir()
    with Mem0Platform() as mem0:
        settings = platform_settings(mem0.url, MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS="2")
        shop = Shop(mem0, Daemon(folder, [project], **settings), project)
        shop.write()
        shop.daemon.start()
        try:
            shop.wait_until_all_is_right()
            yield shop
        finally:
            shop.daemon.kill()


@pytest.fixture
def shop(lasting_shop: Shop) -> Iterator[Shop]:
    """The shop at rest, without a daemon; afterwards its daemon ends well, and alone."""
    if lasting_shop.daemon.exit_code is None:
        lasting_shop.daemon.stop()
    lasting_shop.daemon.log.unlink()
    yield lasting_shop
    if lasting_shop.daemon.exit_code is None:
        assert lasting_shop.daemon.stop() == 0
    lasting_shop.wait_until_alone()


def die_at(shop: Shop, failpoint: str) -> None:
    """Let a daemon begin what is written, and be killed at a point of its way."""
    shop.daemon.start(failpoint=failpoint)
    assert shop.daemon.wait_for_end() == KILLED
    shop.wait_until_alone()


@pytest.mark.parametrize("failpoint", [*map(slow, ("read", "enqueued")), "claimed", "handed:4"])
def test_the_daemon_is_killed_before_an_answer(shop: Shop, failpoint: str) -> None:
    """Wherever the daemon dies, the next start delivers new decisions and revisions, once each."""
    shop.write()
    die_at(shop, failpoint)
    shop.daemon.start()
    shop.wait_until_all_is_right()


@pytest.mark.parametrize("kind", KINDS)
def test_the_daemon_is_killed_between_an_answer_and_its_receipt(shop: Shop, kind: Kind) -> None:
    """An answer that the daemon took with it, to an add or to an update, is found or had again."""
    shop.mem0.fail(kind, hang(0.5), times=2)  # so that the first of them is the third to be answered
    shop.write()
    die_at(shop, "answered:3")
    shop.daemon.start()
    shop.wait_until_all_is_right()


def test_the_daemon_is_killed_between_receipts_and_marks(shop: Shop) -> None:
    """With all delivered and nothing marked, the next daemon makes up for it, in a new file if need be."""
    shop.log.append(decision(len(shop.log)))
    write_log(shop.project, shop.log)
    die_at(shop, "settled")
    assert shop.daemon.on_the_way() == []
    (shop.project / SYNC_STATE).unlink()
    shop.daemon.start()
    shop.wait_until_all_is_right()


def test_the_daemon_is_killed_after_it_marked(shop: Shop) -> None:
    """A daemon that dies between marks and whatever comes next leaves none that is wrong."""
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(shop.mem0.hold(kind))
        shop.write()
        # The first time it writes that four are pending, the second time that they aren't.
        shop.daemon.start(failpoint="marked:2", wait=False)
        wait_until(lambda: shop.marks()[1] == 4, "four are pending")
    assert shop.daemon.wait_for_end() == KILLED
    shop.wait_until_alone()
    assert shop.marks()[1] < 4
    shop.daemon.start()
    shop.wait_until_all_is_right()


def hold_all(shop: Shop, stack: ExitStack, stages: tuple[Stage, Stage]) -> list[Hold]:
    """Stop the two updates and the two adds of the next round, each at one of the stages."""
    first: dict[Kind, int] = {"update": len(shop.log) - 2, "add": len(shop.log)}
    return [
        stack.enter_context(shop.mem0.hold(kind, stage=stage, times=1, where=says(f"number {number}:")))
        for kind in KINDS
        for number, stage in enumerate(stages, first[kind])
    ]


def test_the_courier_is_killed_between_mem0s_answer_and_its_report(shop: Shop) -> None:
    """A courier that dies with the answers to adds and updates in its hands loses and doubles nothing."""
    with ExitStack() as stack:
        holds = hold_all(shop, stack, ("stored", "stored"))
        shop.write()
        shop.daemon.start(failpoint="stored")
        assert all(hold.arrived.wait(30) for hold in holds)
    wait_until(lambda: '"courier_ended"' in shop.daemon.said(), "the courier was killed")
    shop.daemon.kill()
    shop.wait_until_alone()
    shop.daemon.start()
    shop.wait_until_all_is_right()


def kill_courier(daemon: Daemon) -> None:
    """SIGKILL the courier."""
    pid = daemon.courier
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in couriers(daemon), "it is gone")


def kill_both(daemon: Daemon) -> None:
    """SIGKILL the courier and the daemon."""
    pid = daemon.courier
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    daemon.kill()


@pytest.mark.parametrize(
    "kill", [kill_courier, Daemon.kill, slow(kill_both)], ids=["courier", "daemon", "both"]
)
def test_a_kill_while_mem0_is_at_work(shop: Shop, kill: Callable[[Daemon], None]) -> None:
    """Adds and updates that nobody waits for any more, before and after Mem0 stored them."""
    shop.daemon.start()
    with ExitStack() as stack:
        holds = hold_all(shop, stack, ("received", "stored"))
        shop.write()
        assert all(hold.arrived.wait(30) for hold in holds)
        kill(shop.daemon)
    if shop.daemon.exit_code is not None:
        shop.wait_until_alone()
        shop.daemon.start()
    shop.wait_until_all_is_right()


def test_the_daemon_is_killed_while_its_courier_still_starts(shop: Shop) -> None:
    """A courier that hasn't yet said a word to Mem0 ends with its daemon all the same."""
    shop.write()
    requests = len(shop.mem0.requests)
    shop.daemon.start(wait=False)
    wait_until(lambda: couriers(shop.daemon), "the courier starts")
    shop.daemon.kill()
    shop.wait_until_alone()
    assert len(shop.mem0.requests) == requests
    shop.daemon.start()
    shop.wait_until_all_is_right()
