"""What no file says, remembered by hand and session summaries, moves with its project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from mem0_syncd.ingest import spool
from mem0_syncd.outbox import Outbox
from support.daemon import Daemon, platform_settings, running, wait_until
from support.embedded_store import memories
from support.mem0_platform import Mem0Platform

REMEMBERED = ("Sessions live in Redis", "decision"), ("Never deploy on Fridays", "best-practice")
SUMMARY = "Session Summary: Move the sessions to Redis"
ALL = {SUMMARY, *(text for text, _ in REMEMBERED)}


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon that has delivered two texts that were remembered, and a session's summary; and runs."""
    with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
        for text, kind in REMEMBERED:
            assert daemon.run("remember", text, "--kind", kind, "--project", "shop").returncode == 0
        event = dict.fromkeys(("hook", "root", "blockers", "note"))
        spool.put(
            daemon.state,
            {**event, "event": "session", "session_id": "s-1", "cwd": str(project)}
            | {"at": "2026-01-05T10:00:00Z", "state": '{"current_task": "Move the sessions to Redis"}'},
        )
        daemon.scan()
        daemon.wait_delivered(3)
        assert mem0.texts().keys() == ALL
        yield daemon


def holds_all(mem0: Mem0Platform) -> bool:
    """Whether a Mem0 has everything once."""
    return mem0.texts() == dict.fromkeys(ALL, 1)


def forget_what_is_kept(daemon: Daemon) -> None:
    """Leave the outbox as a version did that kept none of it; the daemon doesn't run."""
    with closing(Outbox.open(daemon.state)) as outbox, outbox.transaction() as sql:
        sql.execute("DELETE FROM kept")


@pytest.mark.parametrize("is_running", [True, False])
def test_it_moves_with_its_project_and_back(daemon: Daemon, mem0: Mem0Platform, *, is_running: bool) -> None:
    """To the destination that everybody has; moving back sends nothing."""
    first = mem0.url
    with Mem0Platform() as another:
        for url, there in ((another.url, another), (first, mem0)):
            if daemon.exit_code is None:
                assert daemon.stop() == 0
            daemon.environment |= platform_settings(url)
            if is_running:
                daemon.start()
            else:
                assert daemon.run("sync").returncode == 0
            wait_until(partial(holds_all, there), "all has come")
            daemon.wait_delivered(3)
        keys = [Counter(str(it.metadata["sync_key"]) for it in there.memories) for there in (mem0, another)]
        assert keys[0] == keys[1]


def test_it_moves_where_its_project_says_so(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """Into a folder of this machine."""
    file = project / ".claude/mem0-syncd.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('destination = "embedded"')
    wait_until(lambda: "embedded" in daemon.status()["projects"][0]["destination"], "it has moved")
    daemon.wait_delivered(3)
    assert daemon.stop() == 0
    scopes = ("shop-decisions", "shop-continuity", "orchestkit-global-best-practices")
    found = [it["memory"] for scope in scopes for it in memories(daemon.state / "mem0", scope)]
    assert sorted(found) == sorted(ALL)
    assert len(mem0.memories) == 3


def test_what_was_not_kept_is_fetched_from_where_it_is(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Before or after the move; as long as it isn't, the status says how much stays behind."""
    assert daemon.stop() == 0
    forget_what_is_kept(daemon)
    with Mem0Platform() as another:
        daemon.environment |= platform_settings(another.url)
        assert daemon.run("sync").returncode == 0
        assert another.memories == []
        (behind,) = daemon.status()["notes"]
        assert "3 items that no file says stay behind" in behind["what"]
        daemon.environment |= platform_settings(mem0.url)
        assert daemon.run("sync").returncode == 0
        daemon.environment |= platform_settings(another.url)
        assert daemon.run("sync").returncode == 0
        assert another.texts() == dict.fromkeys(ALL, 1)
        assert daemon.status()["totals"]["delivered"] == 3
        assert "notes" not in daemon.status()


def test_what_was_forgotten_does_not_move(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Whether it stays in Mem0 or not."""
    keys = {it.text: it.metadata["sync_key"] for it in mem0.memories}
    for text, how in (("Sessions live in Redis", ()), (SUMMARY, ("--remote",))):
        assert daemon.run("forget", keys[text], "--project", "shop", "--yes", *how).returncode == 0
    assert daemon.stop() == 0
    with Mem0Platform() as another:
        daemon.environment |= platform_settings(another.url)
        assert daemon.run("sync").returncode == 0
        assert another.texts() == {"Never deploy on Fridays": 1}


def test_what_is_kept_is_not_sent_again_at_a_start(daemon: Daemon) -> None:
    """It is read again, and nothing has changed."""
    assert daemon.stop() == 0
    with running(daemon):
        daemon.scan()
        daemon.wait_delivered(3)
        assert daemon.on_the_way() == []
