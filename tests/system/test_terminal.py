"""What a person at a terminal sees and types."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform
from support.terminal import CLEARS, LEAVES_SCREEN, finish, spawn, typed_at


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    """A Mem0 that keeps what it is sent."""
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Daemon:
    """A daemon of one project, not yet started."""
    return Daemon(tmp_path, [project], **platform_settings(mem0.url))


def test_a_watched_status_follows_what_happens(daemon: Daemon, project: Path) -> None:
    """Deliveries, and the daemon's end; nothing is cleared between, and Ctrl-C gives the screen back."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        watching = spawn(daemon.environment, "status", "--watch")
        watching.expect("Running · the one item is in Mem0 · nothing to do")
        write_log(project, [decision(1), decision(2)])
        watching.expect("Running · all 2 items are in Mem0 · nothing to do")
        drawn = watching.before
        daemon.kill()
        watching.expect("Not running · all 2 items are in Mem0 · start it: mem0-syncd run")
    watching.sendintr()
    code, rest = finish(watching)
    assert code == 0
    assert LEAVES_SCREEN in rest
    assert CLEARS not in drawn


def test_a_watched_status_in_a_pipe_says_only_what_has_changed(daemon: Daemon, project: Path) -> None:
    """Plain text, once for each change."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        command = f"{shlex.quote(sys.executable)} -m mem0_syncd status --watch | cat"
        watching = typed_at(["sh", "-c", command], daemon.environment)
        watching.expect("the one item is")
        daemon.kill()
        watching.expect("Not running")
        assert watching.before.count("PROJECT") == 1
        assert "\x1b" not in watching.before
    watching.sendintr()


def test_colours_are_for_terminals_that_want_them(daemon: Daemon) -> None:
    """NO_COLOR is respected by every command."""
    for words in (["status"], ["doctor"]):
        _, coloured = finish(spawn(daemon.environment, *words))
        _, plain = finish(spawn(daemon.environment, *words, NO_COLOR="1"))
        assert re.search(r"\x1b\[[\d;]*3\dm", coloured), words
        assert not re.search(r"\x1b\[[\d;]*3\dm", plain), words


def test_dead_letters_are_looked_at_and_dealt_with(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """The list, one letter whole, and its end: retried once Mem0 takes it, or dropped."""
    mem0.fail("add", answer(400, {"error": "too odd"}), times=None, where=says("Decision 2"))
    write_log(project, [decision(1), decision(2, title="Decision 2")])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"] == 1, "a dead letter")
        code, listed = finish(spawn(daemon.environment, "dead", "list"))
        assert code == 0
        number, name, kind, reason = listed.strip().split("\t")
        assert (name, kind) == ("shop", "decision")
        assert "too odd" in reason
        _, letter = finish(spawn(daemon.environment, "dead", "show", number))
        assert "Decision 2" in letter
        mem0.calm()
        code, said = finish(spawn(daemon.environment, "dead", "retry", number))
        assert (code, said) == (0, "1 to be sent again\n")
        daemon.wait_delivered(2)
        code, said = finish(spawn(daemon.environment, "dead", "drop", number))
        assert code == 1
        assert "remedy: mem0-syncd dead list" in said
