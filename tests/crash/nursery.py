"""A process that has imported everything, and forks daemons and couriers: a start costs no second of imports.

python -m crash.nursery SOCKET

What it forks is what `mem0-syncd run` and the courier are, with two differences: each of the daemon's threads
says at which step it is, and the daemon has its courier forked here as well. It answers one request a
connection: `{"start": ROLE, "environment": {...}, "arguments": [...]}`, with the three standard files, by the
child's process id, and `{"alive": ROLE}` by those of the children that live.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from crash.board import VARIABLE as BOARD
from crash.board import Role
from support.daemon import Daemon

SOCKET = "CRASH_NURSERY"

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2): a test that is cut off leaves nothing behind."""


class Child:
    """A forked process, with as much of `subprocess.Popen` as daemon and tests use."""

    def __init__(
        self,
        role: Role,
        files: tuple[int, int, int],
        environment: Mapping[str, str],
        arguments: Sequence[str] = ("run",),
    ) -> None:
        request = {"start": role, "environment": dict(environment), "arguments": arguments}
        self.pid: int = ask(environment[SOCKET], request, files)
        self._handle: int | None = os.pidfd_open(self.pid)
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None

    def poll(self) -> int | None:
        """None while it runs; how it ended can't be told."""
        return -1 if self._is_over(0.0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `TimeoutExpired`."""
        if not self._is_over(timeout):
            raise subprocess.TimeoutExpired("child", timeout or 0.0)
        return -1

    def _is_over(self, timeout: float | None) -> bool:
        if self._handle is not None and select.select([self._handle], [], [], timeout)[0]:
            os.close(self._handle)
            self._handle = None
        return self._handle is None

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None and self._handle is not None:
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class ForkedDaemon(Daemon):
    """A daemon that the nursery forks."""

    def spawn(self, _command: list[str], environment: Mapping[str, str], log: IO[bytes]) -> Any:
        """The running process."""
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - a device is no path of ours
            files = (nothing.fileno(), nothing.fileno(), log.fileno())
            return Child(Role.DAEMON, files, environment)

    def command(self, *arguments: str) -> None:
        """Run another command to its end, whatever that is."""
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - likewise
            files = (nothing.fileno(),) * 3
            Child(Role.TEST, files, self.environment, arguments).wait()


def start_courier(_command: object, *, env: Mapping[str, str], **_how: object) -> Child:
    """What the daemon calls instead of `subprocess.Popen`."""
    its_input, our_output = os.pipe()
    our_input, its_output = os.pipe()
    # No variable of ours is among the few that a courier gets.
    ours = {name: os.environ[name] for name in (SOCKET, BOARD)}
    child = Child(Role.COURIER, (its_input, its_output, 2), {**env, **ours})
    os.close(its_input)
    os.close(its_output)
    child.stdin, child.stdout = os.fdopen(our_output, "wb"), os.fdopen(our_input, "rb")
    return child


def ask(path: str, request: Mapping[str, Any], files: tuple[int, ...] = ()) -> Any:
    """What the nursery at a socket answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], files)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return json.load(answer)


class Nursery:
    """The tests' end of a nursery."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.path = str(folder / "nursery")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash.nursery", self.path],
            env={**os.environ, **environment, "MEM0_TELEMETRY": "False", "OPENBLAS_NUM_THREADS": "1"},
        )
        while not Path(self.path).exists():
            assert self._process.poll() is None
            time.sleep(0.02)

    def alive(self, role: Role) -> list[int]:
        """The children of a role that live."""
        found: list[int] = ask(self.path, {"alive": role})
        return found

    def close(self) -> None:
        """End it, and its children with it."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Serve until killed."""
    from crash import steps
    from mem0_syncd.cli import main as run
    from mem0_syncd.cli import verify  # noqa: F401 - what takes long to import
    from mem0_syncd.courier import process, worker
    from mem0_syncd.destinations import embedded, platform  # noqa: F401 - likewise

    steps.install()
    # For the courier alone: whatever else the daemon starts is started as ever.
    forks = SimpleNamespace(PIPE=None, TimeoutExpired=subprocess.TimeoutExpired, Popen=start_courier)
    setattr(process, "subprocess", forks)  # noqa: B010 - what a module imports is no attribute to mypy
    shim = ctypes.CDLL(None)
    shim.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    children: dict[int, Role] = {}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{sys.argv[1]}.new")
    listener.listen()
    Path(f"{sys.argv[1]}.new").rename(sys.argv[1])
    while True:
        connection, _ = listener.accept()
        data, files, *_ = socket.recv_fds(connection, 1 << 20, 3)
        while more := connection.recv(1 << 20):
            data += more
        request = json.loads(data)
        for pid in list(children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del children[pid]
        if "alive" in request:
            answer: Any = [pid for pid, role in children.items() if role == request["alive"]]
        elif answer := os.fork():
            children[answer] = Role(request["start"])
        else:
            connection.close()
            listener.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, 256)
            os.setsid()
            os.environ.clear()
            os.environ.update(request["environment"])
            shim.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            if request["start"] != Role.TEST:
                shim.crash_begin(request["start"])
            worker.main() if request["start"] == Role.COURIER else run(request["arguments"])
            os._exit(0)
        for file in files:
            os.close(file)
        connection.sendall(json.dumps(answer).encode())
        connection.close()


if __name__ == "__main__":
    main()
