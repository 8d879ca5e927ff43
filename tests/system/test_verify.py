"""`mem0-syncd verify`: what was delivered against what is in Mem0."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.faults import answer
from support.mem0_model import Memory
from support.mem0_platform import Mem0Platform
from support.schemas import check

EMPTY: dict[str, list[Any]] = {"missing": [], "altered": [], "doubled": [], "foreign": []}


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
    assert shown == {"schema": 1, "checked": 6, "open": 0, "unlisted": 0, "moved": [], **EMPTY}
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


def test_repair_puts_right_what_it_may(daemon: Daemon, mem0: Mem0Platform) -> None:
    """What is missing is sent again and true doubles go; a second repair changes nothing."""
    expected = damage(mem0)
    before = {it.id: it for it in mem0.memories}
    code, shown = verify(daemon, "--repair")
    assert code == 1
    assert ids(shown) == {**expected, "missing": set(), "doubled": set()}
    done = shown["repaired"]
    assert [it["id"] for it in done["restored"]] == ["DEC-20260105-0001"]
    assert set(done["removed"]) == expected["doubled"]
    assert (done["overwritten"], done["unsaid"], done["waiting"]) == ([], [], None)
    after = {it.id: it for it in mem0.memories}
    assert {it: before[it] for it in before.keys() - expected["doubled"]}.items() <= after.items()
    assert before.keys() - after.keys() == expected["doubled"]
    assert [it.text for it in after.values() if it.id not in before] == [of_case(mem0, 1).text]

    code, shown = verify(daemon, "--repair", "--overwrite")
    assert code == 1
    assert ids(shown) == {**expected, "missing": set(), "doubled": set(), "altered": set()}
    assert {it["memory_id"] for it in shown["repaired"]["overwritten"]} == expected["altered"]
    assert "Somebody knows better" not in mem0.texts()

    settled = mem0.memories
    code, shown = verify(daemon, "--repair", "--overwrite")
    assert code == 1
    assert ids(shown) == {**expected, "missing": set(), "doubled": set(), "altered": set()}
    assert "repaired" not in shown
    assert mem0.memories == settled


def test_repair_restores_what_a_person_deleted_and_not_what_was_forgotten(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """Also without a daemon, after the deletion was noticed, and what has moved is adopted."""
    log = [decision(number) for number in range(1, 7)]
    for number in (1, 2):
        mem0.remove(of_case(mem0, number).id)
    there = of_case(mem0, 3)
    mem0.remove(there.id)
    moved = mem0.plant(there.text, user_id=there.user_id, metadata=there.metadata)
    assert daemon.run("forget", "DEC-20260105-0002", "--yes").returncode == 0
    log[0] |= {"status": "superseded"}
    write_log(project, log)
    wait_until(lambda: daemon.totals()["withheld"] == 2, "the deletion is noticed")
    assert daemon.stop() == 0
    code, shown = verify(daemon, "--repair")
    assert code == 0
    assert [it["id"] for it in shown["repaired"]["restored"]] == ["DEC-20260105-0001"]
    assert [it["memory_id"] for it in shown["repaired"]["adopted"]] == [moved.id]
    assert of_case(mem0, 1).metadata["status"] == "superseded"
    assert not [it for it in mem0.memories if "in case 2" in it.text]
    code, shown = verify(daemon)
    assert (code, shown["moved"]) == (0, [])


def test_what_no_source_says_any_more_can_not_be_restored(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """It is said so, and stays missing; nothing is made of it."""
    mem0.remove(of_case(mem0, 1).id)
    write_log(project, [decision(number) for number in range(2, 7)])
    said = daemon.run("verify", "--repair")
    assert said.returncode == 1
    assert "1 can't be sent again: no source says them any more" in said.stdout
    code, shown = verify(daemon)
    assert (code, len(shown["missing"]), len(mem0.memories)) == (1, 1, 5)


@pytest.mark.parametrize(
    "point", ["wished", *(pytest.param(it, marks=pytest.mark.slow) for it in ("stored", "claimed", "let go"))]
)
def test_a_repair_that_is_killed_is_gone_through_with(
    tmp_path: Path, project: Path, mem0: Mem0Platform, point: str
) -> None:
    """Wherever: in the end everything is there once."""
    write_log(project, [decision(1), decision(2)])
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    assert daemon.run("sync").returncode == 0
    mem0.remove(of_case(mem0, 1).id)
    double = of_case(mem0, 2)
    mem0.plant(double.text, user_id=double.user_id, metadata=double.metadata)
    # Without a daemon, so that the scans of its start don't pass the point before the repair does.
    killed = daemon.run("verify", "--repair", MEM0_SYNCD_FAILPOINT=point)
    # The courier is replaced when it dies; there is no such point in this process itself.
    assert (killed.returncode == -signal.SIGKILL) is (point != "stored")
    code, shown = verify(daemon, "--repair")
    assert (code, shown["checked"], ids(shown)["missing"]) == (0, 2, set())
    assert cases(it.text for it in mem0.memories) == [1, 2]


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
        assert shown == {"schema": 1, "checked": 2, "open": 0, "unlisted": 0, "moved": [], **EMPTY}
