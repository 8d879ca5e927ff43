"""Two decisions with one id and second, as racing writers leave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

OWN = "DEC-20260105-0099"


def raced(**fields: Any) -> list[dict[str, Any]]:
    """Two decisions with the id and the time of the first, and a third one."""
    first, second, third = (decision(number, **fields) for number in (1, 2, 3))
    return [first, {**second, "decision_id": first["decision_id"], "timestamp": first["timestamp"]}, third]


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon that has delivered all three, and runs."""
    write_log(project, raced())
    with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
        daemon.wait_delivered(3)
        yield daemon


def test_both_are_kept_and_it_is_a_note(daemon: Daemon, mem0: Mem0Platform) -> None:
    """No alarm: the status is well, and says so."""
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    said = daemon.run("status")
    assert (said.returncode, "both are kept" in said.stdout) == (0, True), said.stdout
    shown = daemon.status()
    assert (shown["state"], shown["problems"]) == ("ok", [])
    (note,) = shown["notes"]
    assert note["where"].endswith("decision-log.json: decisions[1]"), note


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
def test_its_memory_follows_the_one_that_is_given_an_id_of_its_own(
    daemon: Daemon, project: Path, mem0: Mem0Platform, which: int, *, is_running: bool
) -> None:
    """There are as many memories as before, and the same ones."""
    before = {it.id: cases([it.text]) for it in mem0.memories}
    log = raced()
    log[which]["decision_id"] = OWN
    if not is_running:
        assert daemon.stop() == 0
    write_log(project, log)
    if not is_running:
        assert daemon.run("sync").returncode == 0
    wait_until(lambda: any(OWN in it.text for it in mem0.memories), "it says its own id")
    daemon.wait_delivered(3)
    assert {it.id: cases([it.text]) for it in mem0.memories} == before
    wait_until(lambda: "notes" not in daemon.status(), "there is nothing to note any more")
    assert daemon.run("verify").returncode == 0


def test_one_that_was_copied_is_another_one(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """Both stand in the log, so both are in Mem0."""
    log = raced()
    write_log(project, [*log, {**log[1], "decision_id": OWN}])
    daemon.wait_delivered(4)
    assert cases(mem0.texts().elements()) == [1, 2, 2, 3]


def test_what_was_forgotten_stays_so_by_its_own_id(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """And nothing of it is sent."""
    (memory,) = (it for it in mem0.memories if cases([it.text]) == [2])
    keys = str(memory.metadata["sync_key"])
    assert daemon.run("forget", keys, "--project", "shop", "--remote", "--yes").returncode == 0
    log = raced()
    log[1]["decision_id"] = OWN
    write_log(project, log)
    daemon.scan()
    daemon.scan()
    assert cases(mem0.texts().elements()) == [1, 3]
    assert daemon.totals()["withheld"] == 1
