"""The control socket: both ends of it, and what a client hears when the other end is none."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.control.client import ask
from mem0_syncd.control.server import ControlServer
from mem0_syncd.core.progress import Tell
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.system.state_folder import StateFolder

Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def fail(request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise SyncdError("it can't be done", where="here", remedy="do that")


def break_down(request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise RuntimeError("oops")


@contextmanager
def serving(state: Path, **operations: Operation) -> Iterator[Path]:
    """A server with these operations, and where it listens."""
    path = state / "s.sock"
    server = ControlServer(path, state, {"echo": dict, "fail": fail, "break": break_down, **operations})
    server.start()
    try:
        yield path
    finally:
        server.stop()


def test_an_operation_gets_its_fields_and_gives_its_answer(tmp_path: Path) -> None:
    """One line of JSON each way, in any alphabet and of any length."""
    with serving(tmp_path):
        answer = ask(tmp_path, "echo", text="日本\n🙂", long="x" * 300_000, deep={"a": [1, None]})
    assert answer == {"op": "echo", "text": "日本\n🙂", "long": "x" * 300_000, "deep": {"a": [1, None]}}


def test_a_failure_is_told_with_what_where_and_remedy(tmp_path: Path) -> None:
    """As the daemon's own."""
    with serving(tmp_path), pytest.raises(SyncdError) as caught:
        ask(tmp_path, "fail")
    assert caught.value.problem.as_dict() == {
        "what": "it can't be done",
        "where": "here",
        "remedy": "do that",
        "needs_you": True,
    }


@pytest.mark.parametrize(("op", "said"), [("break", "RuntimeError: oops"), ("unheard of", "unheard of")])
def test_whatever_goes_wrong_is_an_error_of_this_request_alone(tmp_path: Path, op: str, said: str) -> None:
    """The server goes on."""
    with serving(tmp_path):
        with pytest.raises(SyncdError, match=said):
            ask(tmp_path, op)
        assert ask(tmp_path, "echo") == {"op": "echo"}


@pytest.mark.parametrize("sent", [b"\n", b"{\n", b"[]\n", b"3\n", b'{"op": 7}\n', b"\xff\xfe\n", b"{}\n"])
def test_nonsense_is_answered_with_an_error(tmp_path: Path, sent: bytes) -> None:
    """Whatever a client sends."""
    with serving(tmp_path) as path, closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))
        client.sendall(sent)
        with client.makefile("rb") as file:
            assert "error" in json.loads(file.readline())
        assert ask(tmp_path, "echo") == {"op": "echo"}


def test_requests_are_answered_beside_each_other(tmp_path: Path) -> None:
    """A slow one delays no other."""
    go_on = threading.Event()

    def slow(request: Mapping[str, Any]) -> Mapping[str, Any]:
        go_on.wait(5.0)
        return {"slow": True}

    with serving(tmp_path, slow=slow):
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(ask(tmp_path, "slow", timeout=5.0)))
        thread.start()
        assert ask(tmp_path, "echo") == {"op": "echo"}
        assert answers == []
        go_on.set()
        thread.join()
        assert answers == [{"slow": True}]


def test_an_answer_that_takes_too_long_is_no_answer(tmp_path: Path) -> None:
    """A daemon that hangs is not one that isn't there."""
    go_on = threading.Event()

    def slow(request: Mapping[str, Any]) -> Mapping[str, Any]:
        go_on.wait(5.0)
        return {}

    with serving(tmp_path, slow=slow):
        with pytest.raises(DaemonUnresponsive):
            ask(tmp_path, "slow", timeout=0.05)
        go_on.set()
        assert ask(tmp_path, "echo") == {"op": "echo"}


def test_whoever_asks_for_it_hears_how_far_it_has_come(tmp_path: Path) -> None:
    """Each step as it is told, and then the answer; whoever doesn't ask gets the answer alone."""

    def count(request: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        for number in range(request["to"] + 1):
            tell(number, request["to"])
        return {"counted": True}

    told: list[tuple[int, int]] = []
    server = ControlServer(tmp_path / "s.sock", tmp_path, {}, {"count": count})
    server.start()
    try:
        assert ask(tmp_path, "count", to=2) == {"counted": True}
        answer = ask(tmp_path, "count", to=2, tell=lambda *so_far: told.append(so_far))
    finally:
        server.stop()
    assert (answer, told) == ({"counted": True}, [(0, 2), (1, 2), (2, 2)])


@contextmanager
def mute(state: Path, backlog: int = 64) -> Iterator[None]:
    """A listener that never accepts, as that of a stopped process."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(state / "s.sock"))
        listener.listen(backlog)
        StateFolder(state).socket_address.write_text(str(state / "s.sock"))
        yield


def test_a_listener_that_never_answers_is_unresponsive_however_often_it_is_asked(tmp_path: Path) -> None:
    """`status --watch` on a stopped daemon mustn't turn from unresponsive to not running."""
    with mute(tmp_path, backlog=1):
        for _ in range(5):
            with pytest.raises(DaemonUnresponsive):
                ask(tmp_path, "echo", timeout=0.02)


def test_without_a_daemon_there_is_no_answer(tmp_path: Path) -> None:
    """Never one, or a dead one's address, or one that ended."""
    with pytest.raises(DaemonNotRunning) as caught:
        ask(tmp_path, "echo")
    assert caught.value.exit_code == 3
    assert "mem0-syncd run" in caught.value.problem.remedy
    StateFolder(tmp_path).socket_address.write_text(str(tmp_path / "nowhere.sock"))
    with pytest.raises(DaemonNotRunning):
        ask(tmp_path, "echo")
    with serving(tmp_path):
        ask(tmp_path, "echo")
    with pytest.raises(DaemonNotRunning):
        ask(tmp_path, "echo")


def test_a_daemon_that_dies_with_the_question_is_not_running(tmp_path: Path) -> None:
    """It closes without a word."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "s.sock"))
        listener.listen()
        StateFolder(tmp_path).socket_address.write_text(str(tmp_path / "s.sock"))

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(DaemonNotRunning):
            ask(tmp_path, "echo", timeout=2.0)
        thread.join()


def test_the_socket_is_for_its_owner_alone_and_goes_with_its_server(tmp_path: Path) -> None:
    """From its first moment, and the process's umask is as it was."""
    umask = os.umask(0o022)
    try:
        with serving(tmp_path) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert StateFolder(tmp_path).socket_address.read_text() == str(path)
            assert os.umask(0o022) == 0o022
        assert not path.exists()
    finally:
        os.umask(umask)


def test_a_socket_that_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    """The lock says who may."""
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(tmp_path / "s.sock"))
    with serving(tmp_path):
        assert ask(tmp_path, "echo") == {"op": "echo"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how often a thread woke")
def test_a_server_that_nobody_asks_sleeps(tmp_path: Path) -> None:
    """And doesn't wake to look whether it is to end."""

    def naps(thread: threading.Thread) -> str:
        said = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        return said.partition("\nvoluntary_ctxt_switches:")[2]

    with serving(tmp_path):
        assert ask(tmp_path, "echo") == {"op": "echo"}
        server = next(thread for thread in threading.enumerate() if thread.name == "control")

        def sleeps() -> bool:
            before = naps(server)
            time.sleep(1.2)
            return naps(server) == before

        assert any(sleeps() for _ in range(5))
    assert not server.is_alive()


def test_a_server_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    """A start that fails half-way cleans up."""
    server = ControlServer(tmp_path / "s.sock", tmp_path, {})
    server.stop()
    assert not (tmp_path / "s.sock").exists()
