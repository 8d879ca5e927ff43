"""One process delivers from a state folder; the others are told who does."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mem0_syncd.errors import StateFolderBusy
from mem0_syncd.system.lock import deliverer, holder

HOLD = """
import sys
from pathlib import Path
from mem0_syncd.system.lock import deliverer
with deliverer(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(state: Path, command: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input gets a line."""
    argv = [sys.executable, "-c", HOLD, str(state), command]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_delivers(tmp_path: Path) -> None:
    """By command and process id, with the way out; the holder isn't disturbed."""
    with held(tmp_path, "run") as process:
        with pytest.raises(StateFolderBusy) as caught, deliverer(tmp_path, "sync"):
            pytest.fail("two processes hold the lock")
        assert f"`mem0-syncd run` (pid {process.pid})" in str(caught.value)
        assert caught.value.problem.where == str(tmp_path)
        assert caught.value.problem.remedy
        assert holder(tmp_path) == {"pid": process.pid, "command": "run"}


def test_a_daemon_is_not_waited_for(tmp_path: Path) -> None:
    """It ends when it is told to."""
    with held(tmp_path, "run"):
        before = time.monotonic()
        with pytest.raises(StateFolderBusy), deliverer(tmp_path, "sync", wait=30.0):
            pytest.fail("two processes hold the lock")
        assert time.monotonic() - before < 5.0


def test_a_command_is_waited_for(tmp_path: Path) -> None:
    """`run` begins when `sync` has ended."""
    with held(tmp_path, "sync") as process:
        assert process.stdin
        release = threading.Timer(0.15, process.stdin.close)
        release.start()
        with deliverer(tmp_path, "run", wait=10.0):
            assert holder(tmp_path)["command"] == "run"
        release.join()


def test_a_command_is_not_waited_for_longer_than_asked(tmp_path: Path) -> None:
    """And it says so then."""
    with held(tmp_path, "sync"), pytest.raises(StateFolderBusy, match="sync"):  # noqa: SIM117 - what must raise
        with deliverer(tmp_path, "run", wait=0.1):
            pytest.fail("two processes hold the lock")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """Whatever it said of itself."""
    with held(tmp_path, "run") as process:
        process.kill()
        process.wait()
        assert holder(tmp_path)["pid"] == process.pid
        with deliverer(tmp_path, "sync"):
            assert holder(tmp_path)["command"] == "sync"


def test_a_lock_that_was_let_go_leaves_no_holder(tmp_path: Path) -> None:
    """Also when the block failed."""
    with pytest.raises(ZeroDivisionError), deliverer(tmp_path, "sync"):
        raise ZeroDivisionError
    assert holder(tmp_path) == {}
    with deliverer(tmp_path, "sync"):
        pass


@pytest.mark.parametrize("said", ["", "{", "[]", "3"])
def test_a_holder_that_says_nonsense_is_another_process(tmp_path: Path, said: str) -> None:
    """The lock counts, not what stands beside it."""
    (tmp_path / "holder.json").write_text(said)
    assert holder(tmp_path) == {}
    with deliverer(tmp_path, "sync"):
        (tmp_path / "holder.json").write_text(said)
        with pytest.raises(StateFolderBusy, match="another process"), deliverer(tmp_path, "run"):
            pytest.fail("the lock is held twice")
