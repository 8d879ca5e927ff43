"""`mem0-syncd remember`: a person's word, again after it was forgotten, and in the place of another one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.mem0_platform import Mem0Platform

SESSIONS = "Sessions live in Redis"
COOKIES = "Sessions live in signed cookies"


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon of one project, which runs."""
    with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
        yield daemon


def remember(daemon: Daemon, text: str, *arguments: str) -> str:
    """The id that `remember` prints."""
    said = daemon.run("remember", text, "--project", "shop", *arguments)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def forget(daemon: Daemon, name: str, *arguments: str) -> None:
    """Forget something."""
    said = daemon.run("forget", name, "--project", "shop", "--yes", *arguments)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize("how", [(), ("--remote",)], ids=["here", "remote"])
def test_what_was_forgotten_can_be_remembered_again(
    daemon: Daemon, mem0: Mem0Platform, how: tuple[str, ...], *, is_running: bool
) -> None:
    """A person's word wins, and it is in Mem0 once."""
    number = remember(daemon, SESSIONS)
    daemon.wait_delivered(1)
    if not is_running:
        assert daemon.stop() == 0
    forget(daemon, number, *how)
    assert daemon.totals()["withheld"] == 1
    assert remember(daemon, SESSIONS) == number
    if not is_running:
        assert daemon.run("sync").returncode == 0
    daemon.wait_delivered(1)
    assert mem0.texts() == {SESSIONS: 1}


def test_an_event_that_is_met_again_lifts_nothing(daemon: Daemon, mem0: Mem0Platform, tmp_path: Path) -> None:
    """A crash may leave one in the spool that was taken in."""
    assert daemon.stop() == 0
    number = remember(daemon, SESSIONS)
    (event,) = (daemon.state / "spool").glob("*.json")
    shutil.copy(event, tmp_path / "left")
    assert daemon.run("sync").returncode == 0
    forget(daemon, number, "--remote")
    shutil.copy(tmp_path / "left", event)
    assert daemon.run("sync").returncode == 0
    assert (daemon.totals()["withheld"], len(mem0.memories)) == (1, 0)


def test_an_event_from_before_lifts_nothing(daemon: Daemon, mem0: Mem0Platform) -> None:
    """It was spooled, and only taken in when somebody had forgotten the item meanwhile."""
    number = remember(daemon, SESSIONS)
    daemon.wait_delivered(1)
    assert daemon.stop() == 0
    remember(daemon, SESSIONS)
    (event,) = (daemon.state / "spool").glob("*.json")
    said = event.read_text()
    event.unlink()
    forget(daemon, number, "--remote")
    event.write_text(said)
    assert daemon.run("sync").returncode == 0
    assert (daemon.totals()["withheld"], len(mem0.memories)) == (1, 0)


def test_what_a_person_deleted_in_mem0_is_remembered_again(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Once that is known here."""
    remember(daemon, SESSIONS)
    daemon.wait_delivered(1)
    mem0.remove(mem0.memories[0].id)
    remember(daemon, SESSIONS, "--category", "architecture")
    wait_until(lambda: daemon.totals()["withheld"] == 1, "its update has found nothing")
    remember(daemon, SESSIONS, "--category", "architecture")
    daemon.wait_delivered(1)
    assert mem0.texts() == {SESSIONS: 1}


@pytest.mark.parametrize("by", ["id", "memory"])
@pytest.mark.parametrize("is_running", [True, False])
def test_what_no_file_says_is_replaced(
    daemon: Daemon, mem0: Mem0Platform, by: str, *, is_running: bool
) -> None:
    """Its memory is updated; none is added, and the former text is an item no more."""
    number = remember(daemon, SESSIONS, "--category", "architecture")
    daemon.wait_delivered(1)
    (memory,) = mem0.memories
    if not is_running:
        assert daemon.stop() == 0
    other = remember(daemon, COOKIES, "--supersedes", number if by == "id" else memory.id)
    assert other != number
    if not is_running:
        assert daemon.run("sync").returncode == 0
    wait_until(lambda: mem0.texts() == {COOKIES: 1}, f"it is replaced: {mem0.texts()}")
    daemon.wait_delivered(1)
    (replaced,) = mem0.memories
    assert (replaced.id, replaced.metadata["sync_key"]) == (memory.id, other)
    assert remember(daemon, SESSIONS) == number
    if not is_running:
        assert daemon.run("sync").returncode == 0
    daemon.wait_delivered(2)
    assert daemon.run("verify").returncode == 0


def test_what_is_still_spooled_is_replaced_before_it_is_sent(daemon: Daemon, mem0: Mem0Platform) -> None:
    """And nobody ever gets the former text."""
    assert daemon.stop() == 0
    number = remember(daemon, SESSIONS)
    remember(daemon, COOKIES, "--supersedes", number)
    assert daemon.run("sync").returncode == 0
    assert mem0.texts() == {COOKIES: 1}
    assert SESSIONS.encode() not in mem0.received


def test_what_is_just_being_sent_is_replaced_once_that_is_done(daemon: Daemon, mem0: Mem0Platform) -> None:
    """The event waits in the spool, and no other one behind it."""
    with mem0.hold("add", stage="received", times=1) as hold:
        number = remember(daemon, SESSIONS)
        assert hold.arrived.wait(30)
        remember(daemon, COOKIES, "--supersedes", number)
        other = remember(daemon, "Carts live in Postgres")
        wait_until(lambda: daemon.totals()["seen"] == 2, "the other one is taken in")
        assert other
    wait_until(lambda: mem0.texts() == {COOKIES: 1, "Carts live in Postgres": 1}, "it is replaced")
    daemon.wait_delivered(2)


def test_what_cant_be_replaced_is_refused(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """What a file says, what isn't known, and what is of another kind."""
    from support.decision_log import decision, write_log

    number = remember(daemon, SESSIONS)
    write_log(project, [decision(1)])
    daemon.wait_delivered(2)
    for arguments, code, said in (
        (("--supersedes", "DEC-20260105-0001"), 1, "a file says it"),
        (("--supersedes", "%"), 1, "nothing is known"),
        (("--supersedes", number, "--kind", "pattern"), 2, "what it replaces is a decision"),
    ):
        done = daemon.run("remember", COOKIES, "--project", "shop", *arguments)
        assert (done.returncode, said in done.stderr, done.stdout) == (code, True, ""), done.stderr
    assert len(mem0.memories) == 2
    assert json.dumps(COOKIES).encode() not in mem0.received
