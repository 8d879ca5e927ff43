"""`mem0-syncd verify`: what was delivered against what is in Mem0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, platform_settings, running
from support.decision_log import decision, write_log
from support.faults import answer
from support.mem0_platform import Mem0Platform, Memory
from support.schemas import check

EMPTY: dict[str, list[Any]] = {"missing": [], "altered": [], "doubled": [], "foreign": []}


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    """A Mem0 that keeps what it is sent."""
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon that has delivered six decisions, and runs."""
    write_log(project, [decision(number) for number in range(1, 7)])
    with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
        daemon.wait_delivered(6)
        yield daemon


def verify(daemon: Daemon, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `verify --json`, and what it printed."""
    said = daemon.run("verify", "--json", *arguments)
    assert said.stdout, said.stderr
    shown: dict[str, Any] = json.loads(said.stdout)
    check("verify", shown)
    return said.returncode, shown


def of_case(mem0: Mem0Platform, number: int) -> Memory:
    """The oldest memory of a decision."""
    return next(it for it in mem0.memories if f"in case {number}\n" in it.text)


def damage(mem0: Mem0Platform) -> dict[str, set[str]]:
    """Make something of everything that may differ; returns the memory ids of each."""
    gone, edited, revised, twice, stale = (of_case(mem0, number) for number in range(1, 6))
    mem0.remove(gone.id)
    mem0.change(edited.id, text="Somebody knows better")
    mem0.change(revised.id, metadata=revised.metadata | {"content_hash": "another"})
    double = mem0.plant(twice.text, user_id=twice.user_id, metadata=twice.metadata)
    unlike = mem0.plant(stale.text, user_id=stale.user_id, metadata=stale.metadata | {"status": "edited"})
    strangers = [
        mem0.plant("Of another daemon", user_id=gone.user_id, metadata=gone.metadata | {"sync_key": "x"}),
        mem0.plant("Of another program", user_id=gone.user_id),
    ]
    mem0.plant("For somebody else", user_id="wiki-decisions")
    return {
        "missing": {gone.id},
        "altered": {edited.id, revised.id},
        "doubled": {double.id},
        "unlike": {unlike.id},
        "foreign": {it.id for it in strangers},
    }


def ids(shown: dict[str, Any]) -> dict[str, set[str]]:
    """The memory ids that a verdict names in its lists."""
    return {
        "missing": {number for it in shown["missing"] for number in it["memory_ids"]},
        "altered": {it["memory_id"] for it in shown["altered"]},
        "doubled": {number for it in shown["doubled"] if it["identical"] for number in it["extras"]},
        "unlike": {number for it in shown["doubled"] if not it["identical"] for number in it["extras"]},
        "foreign": {it["memory_id"] for it in shown["foreign"]},
    }


def test_what_is_in_order_is_said_to_be(daemon: Daemon, project: Path) -> None:
    """With a daemon and without one, for all projects and for one."""
    code, shown = verify(daemon, str(project))
    assert code == 0
    assert shown == {"schema": 1, "checked": 6, "open": 0, "moved": [], **EMPTY}
    assert daemon.stop() == 0
    assert daemon.run("verify").stdout == "6 delivered items compared with Mem0: all is well\n"
    assert not list((daemon.state / "inventories").iterdir())


def test_everything_that_differs_is_found(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Each in its list, with the project, the kind and the id of its item; and nothing is touched."""
    expected = damage(mem0)
    before = mem0.memories
    code, shown = verify(daemon)
    assert code == 1
    assert shown["checked"] == 6
    assert ids(shown) == expected
    (missing,) = shown["missing"]
    assert (missing["project"], missing["kind"]) == ("shop", "decision")
    assert missing["id"] == "DEC-20260105-0001"
    assert {it["what"] for it in shown["altered"]} == {"edited", "another revision"}
    assert daemon.stop() == 0
    said = daemon.run("verify")
    assert said.returncode == 1
    assert said.stdout.startswith(
        "6 delivered items compared with Mem0: 1 missing, 2 altered, 2 doubled, 2 for"
    )
    assert "mem0-syncd verify --repair" in said.stdout
    assert mem0.memories == before


def test_a_listing_that_mem0_does_not_give_is_no_verdict(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Nothing is said to be missing, or to be well."""
    mem0.fail("lookup", answer(401), times=None)
    said = daemon.run("verify", "--json")
    assert said.returncode == 1
    assert not said.stdout
    assert "Mem0's memories can't be listed" in said.stderr
    assert "remedy:" in said.stderr


def test_what_has_just_been_delivered_and_is_not_shown_yet_is_waited_for(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """A Mem0 whose listings lag behind has lost nothing."""
    mem0.read_lag_seconds = 2.0
    daemon.environment["MEM0_SYNCD_READ_LAG_SECONDS"] = "2"
    assert daemon.stop() == 0
    write_log(project, [decision(number) for number in range(1, 8)])
    assert daemon.run("sync").returncode == 0
    code, shown = verify(daemon)
    assert (code, shown["checked"]) == (0, 7)


def test_what_is_in_a_local_folder_is_compared_as_well(tmp_path: Path, project: Path) -> None:
    """A revision that says less than its former one is as it was sent, too."""
    write_log(project, [decision(1), decision(2)])
    with running(Daemon(tmp_path, [project])) as daemon:
        daemon.wait_delivered(2)
        revised = {key: value for key, value in decision(2).items() if key not in {"category", "status"}}
        write_log(project, [decision(1), revised])
        daemon.wait_delivered(2)
        daemon.scan()
        daemon.wait_delivered(2)
        code, shown = verify(daemon)
        assert code == 0
        assert shown == {"schema": 1, "checked": 2, "open": 0, "moved": [], **EMPTY}
