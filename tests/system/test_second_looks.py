"""What is sent twice, or by two machines, is in Mem0 once in the end."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

from mem0_syncd.outbox import Outbox
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import drop, says
from support.mem0_platform import Mem0Platform

SOON = {"MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "0.5"}
"""So that an absence is certain after 1.2 s, and a second look taken after another 2.4."""


def receipts(daemon: Daemon) -> set[str]:
    """The memory ids that receipts name."""
    outbox = Outbox.open_to_read(daemon.state)
    assert outbox is not None
    with closing(outbox):
        rows = outbox.database.rows("SELECT memory_ids ->> '$[0]' AS id FROM receipt")
    return {row["id"] for row in rows}


def test_an_add_that_lands_after_it_was_sent_again_is_removed(tmp_path: Path, project: Path) -> None:
    """Even across a restart; the oldest memory stays, and with it what only looks like a double."""
    with Mem0Platform() as mem0:
        mem0.fail("add", drop(commit_after=2.5), where=says("in case 1\\n"))
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, **SOON))
        write_log(project, [decision(1), decision(2)])
        with running(daemon):
            daemon.wait_delivered(2)
            wait_until(lambda: len(mem0.memories) == 3, "the first add has landed as well")
        first, _ = (it for it in mem0.memories if "in case 1\n" in it.text)
        strangers = [
            mem0.plant(first.text, user_id=first.user_id, metadata=first.metadata | difference)
            for difference in ({"content_hash": "another"}, {"source": "somebody"}, {"sync_key": "another"})
        ]
        strangers.append(mem0.plant(first.text, user_id="wiki-decisions", metadata=first.metadata))
        with running(daemon):
            wait_until(lambda: len(mem0.memories) == 2 + len(strangers), "one of the two is gone")
            left = {it.id for it in mem0.memories}
            assert first.id in left
            assert left > {it.id for it in strangers}
            assert receipts(daemon) == left - {it.id for it in strangers}
            assert len([it for it in mem0.requests if it.kind == "delete"]) == 1


def test_what_a_clone_delivers_is_looked_for_before_each_round(tmp_path: Path) -> None:
    """Two machines with one log in git: what the other one has sent is adopted, and nothing sent twice."""
    first, second = tmp_path / "one" / "shop", tmp_path / "two" / "shop"
    for clone in (first, second):
        write_log(clone, [decision(1)])
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(
                ["git", *command], cwd=clone, env={**os.environ, "HOME": str(tmp_path)}, check=True
            )
    with Mem0Platform() as mem0:
        settings = platform_settings(mem0.url)
        with (
            running(Daemon(tmp_path / "one", [first], **settings)) as one,
            running(Daemon(tmp_path / "two", [second], **settings)) as two,
        ):
            one.wait_delivered(1)
            two.wait_delivered(1)
            log = [decision(1)]
            for number in range(2, 6):
                log.append(decision(number))
                write_log(first, log)
                one.wait_delivered(number)
                write_log(second, log)
                two.wait_delivered(number)
        assert sorted(mem0.texts().values()) == [1] * 5
        assert len(mem0.adds) == 5


def test_without_a_second_writer_a_send_costs_no_read(tmp_path: Path, project: Path) -> None:
    """After the first contact nothing is listed and nothing looked up."""
    with Mem0Platform() as mem0:
        write_log(project, [decision(1)])
        with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
            daemon.wait_delivered(1)
            write_log(project, [decision(number) for number in range(1, 50)])
            daemon.wait_delivered(49)
        assert [it.kind for it in mem0.requests if it.kind not in {"add", "ping"}] == ["lookup"]
