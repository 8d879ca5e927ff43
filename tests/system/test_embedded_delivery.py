"""From a project's log to Mem0 in a local folder, through kills, and counted by mem0.Memory itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, couriers, running, wait_until
from support.decision_log import (
    decision,
    decision_of_2_0_0,
    nameless_decision,
    older_decision,
    write_log,
)
from support.embedded_store import memories

KILLED = -signal.SIGKILL
WRITERS = (decision, decision_of_2_0_0, older_decision, nameless_decision)


@dataclass
class Shop:
    """A project with its log, and its daemon, whose Mem0 is a folder."""

    daemon: Daemon
    project: Path
    log: list[dict[str, Any]] = field(default_factory=list)

    def write(self, *decisions: dict[str, Any]) -> None:
        """Append decisions to the log."""
        self.log += decisions
        write_log(self.project, self.log)

    def revise(self, number: int, text: str) -> None:
        """Give one decision another description."""
        self.log[number] = {**self.log[number], "description": text}
        write_log(self.project, self.log)

    def stop(self) -> list[str]:
        """Stop the daemon; returns every text that is in Mem0 then, as another process reads it."""
        assert self.daemon.stop() == 0
        wait_until(lambda: not couriers(self.daemon), "no courier is left")
        return sorted(it["memory"] for it in memories(self.daemon.state / "mem0"))


@pytest.fixture
def shop(tmp_path: Path, project: Path) -> Iterator[Shop]:
    daemon = Daemon(tmp_path, [project])
    yield Shop(daemon, project)
    daemon.end()


def said(texts: list[str]) -> list[str]:
    """What the texts say, without title, id and date."""
    return sorted(text.partition("\n")[0].rpartition(": ")[2] for text in texts)


@pytest.mark.slow
def test_a_mixed_log_arrives_once_each(shop: Shop) -> None:
    """Each of 120 decisions of every form is one memory, and a decision that is there twice is one."""
    decisions = [WRITERS[number % len(WRITERS)](number) for number in range(120)]
    shop.write(*decisions, decisions[7], decisions[11])
    with running(shop.daemon):
        shop.daemon.wait_delivered(120)
        texts = shop.stop()
    assert said(texts) == sorted(f"What was decided in case {number}" for number in range(120))


def test_the_last_revision_is_what_stays(shop: Shop) -> None:
    """A decision that goes from A to B and back ends at A, and another one at its last text."""
    shop.write(decision(0, description="A of the first"), decision(1, description="A of the second"))
    with running(shop.daemon):
        shop.daemon.wait_delivered(2)
        shop.revise(0, "B of the first")
        shop.revise(1, "B of the second")
        shop.daemon.scan()
        shop.daemon.wait_delivered(2)
        shop.revise(0, "A of the first")
        shop.revise(1, "C of the second")
        shop.daemon.scan()
        shop.daemon.wait_delivered(2)
        assert said(shop.stop()) == ["A of the first", "C of the second"]


# In the daemon: before, while and after the courier is at work. In the courier: after it has stored.
KILLS = ("claimed", "handed:3", "answered:2", "settled", "stored:2")


@pytest.mark.slow
def test_kills_at_every_step_lose_and_double_nothing(shop: Shop) -> None:
    """Wherever daemon or courier die with adds and updates under way, each decision is there once."""
    texts = {}
    for round_, failpoint in enumerate(KILLS):
        numbers = range(4 * round_, 4 * round_ + 4)
        if round_:
            texts[4 * round_ - 1] = f"Revised in round {round_}"
            shop.revise(4 * round_ - 1, texts[4 * round_ - 1])
        texts |= {number: f"Written in round {round_}, as number {number}" for number in numbers}
        shop.write(*(decision(number, description=texts[number]) for number in numbers))
        if failpoint.startswith("stored"):
            shop.daemon.start(failpoint=failpoint)
            wait_until(lambda: '"courier_ended"' in shop.daemon.said(), "the courier was killed")
            shop.daemon.kill()
        else:
            shop.daemon.start(failpoint=failpoint, wait=False)
            assert shop.daemon.wait_for_end() == KILLED
        wait_until(lambda: not couriers(shop.daemon), "no courier is left behind")
    with running(shop.daemon):
        shop.daemon.wait_delivered(len(texts))
        assert said(shop.stop()) == sorted(texts.values())
