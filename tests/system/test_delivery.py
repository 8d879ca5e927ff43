"""From a project's log to Mem0, with a real daemon and a Mem0 that keeps what it is sent."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from mem0_syncd.sources.decision_log import PATH
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import (
    decision,
    decision_of_2_0_0,
    nameless_decision,
    older_decision,
    replace,
    rewrite_log,
    write_log,
)
from support.faults import answer, says
from support.mem0_platform import Mem0Platform

FORMS = (decision, decision_of_2_0_0, older_decision)


def arrived(mem0: Mem0Platform) -> Counter[tuple[str, int]]:
    """How often each case is in Mem0, by the scope that it is in and the number that its text says."""
    cases = Counter[tuple[str, int]]()
    for memory in mem0.memories:
        (number,) = re.findall(r"What was decided in case (\d+)\b", memory.text)
        cases[str(memory.user_id), int(number)] += 1
    return cases


def once_each(scope: str, numbers: Iterable[int]) -> Counter[tuple[str, int]]:
    """What `arrived` says when each of these cases has arrived once."""
    return Counter((scope, number) for number in numbers)


def writes(mem0: Mem0Platform) -> int:
    """How many requests asked Mem0 to add, change or delete."""
    return sum(seen.kind in {"add", "update", "delete"} for seen in mem0.requests)


def a_log_of_440() -> list[dict[str, Any]]:
    """Cases 1 to 440 in three forms; pairs that share an id, or id and time, and cases without an id."""
    log = [FORMS[number % 3](number) for number in range(1, 429)]
    ids_again = [
        decision(number, decision_id=FORMS[0](3 * it)["decision_id"])
        for it, number in enumerate(range(429, 434), 1)
    ]
    twin = older_decision(434) | {"id": "choice-2", "date": "2025-11-02"}
    return [*log, *ids_again, twin, *(nameless_decision(number) for number in range(435, 441))]


def test_a_decision_written_to_the_log_is_in_mem0(tmp_path: Path, project: Path) -> None:
    """A decision that is written while the daemon runs arrives once, in its project's scope."""
    with (
        Mem0Platform() as mem0,
        running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon,
    ):
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        (memory,) = mem0.memories
        assert memory.user_id == "shop-decisions"
        assert "What was decided in case 1" in memory.text
        assert "DEC-20260105-0001" in memory.text
        assert daemon.stop() == 0


def test_every_decision_of_every_form_arrives_once(tmp_path: Path, project: Path) -> None:
    """Whatever its form, its neighbours and its writer's manner: each arrives once, and nothing undoes it.

    Ids that repeat within a log, in another project's log, or with the same time lose nothing; a restart
    sends nothing again; a log that empties, breaks or is gone deletes nothing.
    """
    wiki = tmp_path / "wiki"
    shop_log = a_log_of_440()
    # A bare array whose first five have the ids and times of cases 1 to 5 of the shop.
    wiki_log = [FORMS[number % 3](number) for number in range(1, 6)]
    wiki_log += [FORMS[number % 3](number) for number in range(1001, 1056)]
    write_log(project, shop_log)
    write_log(wiki, wiki_log, envelope=False)
    expected = once_each("shop-decisions", range(1, 441))
    expected += once_each("wiki-decisions", [*range(1, 6), *range(1001, 1056)])
    assert expected.total() == 500

    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project, wiki], **platform_settings(mem0.url))
        with running(daemon):
            daemon.wait_delivered(500)
            assert arrived(mem0) == expected

            for number in range(2001, 2051):
                write_log(project, shop_log := [*shop_log, FORMS[number % 3](number)])
            for number in range(3001, 3051):
                rewrite_log(wiki, wiki_log := [*wiki_log, FORMS[number % 3](number)])
            daemon.wait_delivered(600)
            expected += once_each("shop-decisions", range(2001, 2051))
            expected += once_each("wiki-decisions", range(3001, 3051))
            assert arrived(mem0) == expected
            assert daemon.stop() == 0

        written = writes(mem0)
        good = (project / PATH).read_bytes()
        with running(daemon):
            for harm in (b'{"decisions": []}', good[: len(good) // 2], b""):
                replace(project / PATH, harm)
                daemon.scan()
            (project / PATH).unlink()
            daemon.scan()
            assert daemon.totals()["delivered"] == 600
            replace(project / PATH, good)
            daemon.scan()
            daemon.wait_delivered(600)
            assert daemon.stop() == 0
        assert arrived(mem0) == expected
        assert writes(mem0) == written


def test_a_restart_alone_sends_nothing(tmp_path: Path, project: Path) -> None:
    """What is in Mem0, and marked, is neither sent nor looked up by the next daemon."""
    write_log(project, [form(number) for number, form in enumerate(FORMS)])
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            daemon.wait_delivered(3)
            assert daemon.stop() == 0
        requests = len(mem0.requests)
        marked = json.loads((project / SYNC_STATE).read_text())["synced_decisions"]
        assert marked == ["DEC-20260105-0000", "DEC-20260105-00000001", "choice-2"]
        with running(daemon):
            assert daemon.run("sync").returncode == 0
            assert daemon.stop() == 0
        assert len(mem0.requests) == requests


def test_a_major_decision_overtakes_a_backlog(tmp_path: Path, project: Path) -> None:
    """A major decision is stored while every neighbour hangs and the backlog behind them waits."""
    backlog = [decision(number) for number in range(1, 101)]
    is_routine = says('"category": "workflow"')
    patient = {"MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "60"}
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, **patient))
        with mem0.hold("add", where=is_routine) as hanging, running(daemon):
            write_log(project, backlog)
            assert hanging.arrived.wait(30)
            write_log(project, [*backlog, decision(500, category="security")])
            wait_until(lambda: mem0.memories, "the major decision is stored")
            assert arrived(mem0) == once_each("shop-decisions", [500])
            # The seven threads that major decisions don't have to themselves.
            assert sum(map(is_routine, mem0.adds)) <= 7
            hanging.release()
            daemon.wait_delivered(101)
        assert arrived(mem0) == once_each("shop-decisions", [*range(1, 101), 500])


def test_a_poison_item_is_set_aside_with_its_reason(tmp_path: Path, project: Path) -> None:
    """An item that Mem0 refuses becomes a dead letter, alone; a revision of it is a new chance."""
    log = [decision(number) for number in range(1, 41)]
    with Mem0Platform() as mem0:
        mem0.fail("add", answer(400, {"error": "no poems, please"}), times=None, where=says("in case 20\\n"))
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            write_log(project, log)
            wait_until(lambda: daemon.totals()["delivered"] == 39, "its neighbours are delivered")
            wait_until(lambda: daemon.totals()["dead"] == 1, "it is a dead letter")
            assert arrived(mem0) == once_each("shop-decisions", {*range(1, 41)} - {20})
            (problem,) = daemon.status()["problems"]
            assert "no poems, please" in problem["what"]
            assert "no poems, please" in daemon.run("dead", "list").stdout
            assert daemon.run("sync").returncode == 1
            assert sum(map(says("in case 20\\n"), mem0.adds)) == 1

            log[19] = decision(20, description="What was decided in case 20, in prose")
            write_log(project, log)
            daemon.wait_delivered(40)
            assert arrived(mem0) == once_each("shop-decisions", range(1, 41))


def test_an_outage_loses_and_doubles_nothing(tmp_path: Path, project: Path) -> None:
    """A Mem0 that goes down in the middle of a backlog gets all of it, once, after it has come back."""
    log = [decision(number) for number in range(1, 151)]
    with Mem0Platform(latency_seconds=0.05) as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            write_log(project, log)
            wait_until(lambda: len(mem0.memories) > 20, "it has begun")
            mem0.go_down()
            log += [decision(number) for number in range(151, 161)]
            write_log(project, log)
            wait_until(lambda: daemon.status()["destination"]["state"] == "unreachable", "it noticed")
            wait_until(lambda: daemon.totals()["seen"] == 160, "it goes on reading")
            stored = len(mem0.memories)
            assert 20 < stored < 150
            assert daemon.status()["state"] == "degraded"
            mem0.come_back()
            daemon.wait_delivered(160)
            assert daemon.status()["destination"]["state"] == "ok"
        assert arrived(mem0) == once_each("shop-decisions", range(1, 161))


def test_a_key_that_mem0_doesnt_accept_holds_everything_until_it_does(tmp_path: Path, project: Path) -> None:
    """A 401 is no item's fault: all wait, `status` says what to do, and `sync` releases them."""
    log = [decision(number) for number in range(1, 11)]
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            for first_contact in (True, False):
                mem0.api_key = "another"
                write_log(project, log if first_contact else [*log, decision(11), decision(12)])
                wait_until(lambda: daemon.status()["destination"]["state"] == "held", "it is held")
                before = Counter() if first_contact else once_each("shop-decisions", range(1, 11))
                assert arrived(mem0) == before
                assert daemon.totals()["pending"] == (10 if first_contact else 2)
                (problem,) = daemon.status()["problems"]
                assert "API key" in problem["what"]
                assert "MEM0_API_KEY" in problem["remedy"]
                refused = daemon.run("sync")
                assert refused.returncode == 1
                assert "MEM0_API_KEY" in refused.stderr

                mem0.api_key = "m0-test"
                assert daemon.run("sync").returncode == 0
                assert daemon.status()["state"] == "ok"
        assert arrived(mem0) == once_each("shop-decisions", range(1, 13))
