"""A process that has imported everything, and forks what tests start: no start costs seconds of imports.

python -P -m support.nursery SOCKET [MODULE...]

`Popen` and `run` take what those of `subprocess` take. Where the command is one of this Python, the nursery
forks the process, which then is what a start would have made of it, with two differences: the libraries are
in memory already, and the nursery is the parent, so that a courier outlives a killed daemon until it reads
its end. mem0ai itself is imported anew, for it reads its variables when it is. What changes the interpreter
(`LD_PRELOAD`, `PYTHON...`, a locale) is started as ever, and so is everything where no nursery runs, or where
`TESTS_NURSERY` is empty among its variables.

A MODULE is imported as well, with mem0ai if it wants that. If it has a function `begin`, each child calls it
with its command first of all.

It answers one request a connection: `{"start": {...}}`, with the three standard files, by the child's process
id; `{"ended": PID}` by its exit code; `{"alive": WORD}` by the process id and the variables of each child
that lives and has that word in its command.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

VARIABLE = "TESTS_NURSERY"
"""Names the socket to whoever starts something."""

COLD = {VARIABLE: ""}
"""The variables of what is to be a new process of the operating system's own making."""

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2): a test that is cut off leaves nothing behind."""

_OF_THE_INTERPRETER = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_")
_LIBRARIES = (
    "mem0",
    "mem0_syncd.cli.verify",
    "mem0_syncd.courier.worker",
    "mem0_syncd.daemon.daemon",
    "mem0_syncd.doctor",
)


class Nursery:
    """The tests' end of a nursery; it imports at the first request."""

    def __init__(self, folder: Path, *modules: str, **environment: str) -> None:
        """`modules` are imported as well; `environment` is of the nursery itself."""
        self.path = str(folder / "nursery")
        paths = os.pathsep.join(it for it in sys.path if it)
        own = {"MEM0_TELEMETRY": "False", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "support.nursery", self.path, *modules],
            env={**os.environ, **own, **environment},
            stdin=subprocess.DEVNULL,
        )
        while not Path(self.path).exists():
            assert self._process.poll() is None
            time.sleep(0.02)

    def alive(self, word: str) -> list[int]:
        """The children that live and have a word in their command."""
        return [pid for pid, _ in ask(self.path, {"alive": word})]

    def close(self) -> None:
        """End it, and its children with it."""
        self._process.kill()
        self._process.wait()


class Child:
    """A forked process, with as much of `subprocess.Popen` as daemon and tests use."""

    def __init__(self, nursery: str, pid: int, stdin: IO[bytes] | None, stdout: IO[bytes] | None) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._nursery = nursery
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._end(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `TimeoutExpired`."""
        code = self._end(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("child", timeout or 0.0)
        return code

    def _end(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._handle], [], [], timeout)[0]:
            self.returncode = int(ask(self._nursery, {"ended": self.pid}))
        return self.returncode

    def __del__(self) -> None:
        os.close(self._handle)

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def Popen(command: Sequence[str], **how: Any) -> Any:  # noqa: N802 - it stands in for that of `subprocess`
    """Start a command: forked where that can be, else as ever."""
    environment = dict(how.get("env") or os.environ)
    path = environment.get(VARIABLE, os.environ.get(VARIABLE))
    if not path or not _can_be_forked(command, environment):
        return subprocess.Popen(command, **how)
    return fork(path, command, environment, **how)


def fork(path: str, command: Sequence[str], environment: Mapping[str, str], **how: Any) -> Child:
    """Have the nursery at a socket fork a command of this Python, with what `subprocess.Popen` takes."""
    ours: list[Any] = []
    with contextlib.ExitStack() as opened:
        files = [
            _file(number, how.get(name), opened, ours)
            for number, name in enumerate(("stdin", "stdout", "stderr"))
        ]
        start = {
            "command": list(command[2:]),
            # A courier gets few variables, and none of the tests'; what it starts is forked all the same.
            "environment": {**environment, VARIABLE: path},
            "cwd": str(how.get("cwd") or Path.cwd()),
            "session": bool(how.get("start_new_session")),
        }
        pid = ask(path, {"start": start}, tuple(files))
    return Child(path, pid, ours[0], ours[1])


def _file(number: int, file: Any, opened: contextlib.ExitStack, ours: list[Any]) -> int:
    """The handle of a child's standard file; `ours` gets our end of it, if there is one."""
    if file == subprocess.PIPE:
        ends = os.pipe()
        ours.append(os.fdopen(ends[1], "wb") if number == 0 else os.fdopen(ends[0], "rb"))
        its = ends[0] if number == 0 else ends[1]
    else:
        ours.append(None)
        if file is None and number:
            return number
        if file is not None and file != subprocess.DEVNULL:
            return int(file) if isinstance(file, int) else int(file.fileno())
        its = os.open(os.devnull, os.O_RDWR)
    opened.callback(os.close, its)
    return its


def run(
    command: Sequence[str], environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing to read; returns what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


def alive(word: str) -> list[tuple[int, dict[str, str]]]:
    """The process id and the variables of each forked process that has a word in its command."""
    path = os.environ.get(VARIABLE)
    return [(pid, variables) for pid, variables in ask(path, {"alive": word})] if path else []


def ask(path: str, request: Mapping[str, Any], files: tuple[int, ...] = ()) -> Any:
    """What the nursery at a socket answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], files)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return json.load(answer)


def _can_be_forked(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a command is one of this Python, and nothing changes how that starts."""
    is_python = list(command[:2]) == [sys.executable, "-P"] and command[2] in {"-c", "-m"}
    return is_python and all(
        value == os.environ.get(name)
        for name, value in environment.items()
        if name.startswith(_OF_THE_INTERPRETER) and name != "PYTHONSAFEPATH"
    )


def main() -> None:
    """Serve until killed; in each child, run what was asked for."""
    path, *modules = sys.argv[1:]
    command = _serve(path, modules)
    for name in modules:
        if begin := getattr(sys.modules[name], "begin", None):
            begin(command)
    code = _run(command)
    # As a process ends, but for the freeing of all that was imported, which takes as long as a short command.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(command: Sequence[str]) -> int:
    """Run a command as Python does; returns its exit code."""
    sys.argv = list(command[1:])
    try:
        if command[0] == "-c":
            sys.argv[0] = "-c"
            exec(compile(command[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.modules.pop(command[1], None)  # it was imported, and is to be begun
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as it would end a process
        traceback.print_exc()
        return 1
    return 0


def _serve(path: str, modules: Sequence[str]) -> list[str]:
    """Fork for whoever asks; returns in each child, with its command."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    Path(f"{path}.new").rename(path)
    shim = ctypes.CDLL(None)
    shim.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    children: dict[int, dict[str, Any]] = {}
    ended: dict[int, int] = {}
    is_prepared = False
    while True:
        connection, _ = listener.accept()
        files: list[int] = []
        try:
            # Whoever asks may be killed amid it: that is what many a test is about.
            data, files, *_ = socket.recv_fds(connection, 1 << 20, 3)
            while more := connection.recv(1 << 20):
                data += more
            request = json.loads(data)
            if not is_prepared:
                _prepare(modules)
                is_prepared = True
            if "start" in request:
                answer: Any = os.fork()
                if not answer:
                    connection.close()
                    listener.close()
                    _become(request["start"], files, shim)
                    command: list[str] = request["start"]["command"]
                    return command
                children[answer] = request["start"]
                ended.pop(answer, None)  # of another process that had this number
            else:
                answer = _told(request, children, ended)
            connection.sendall(json.dumps(answer).encode())
        except (OSError, ValueError):
            traceback.print_exc()
        for file in files:
            os.close(file)
        connection.close()


def _told(request: Mapping[str, Any], children: dict[int, dict[str, Any]], ended: dict[int, int]) -> Any:
    """How a child ended, or which are alive."""
    _reap(children, ended)
    if "alive" in request:
        word = request["alive"]
        return [(pid, it["environment"]) for pid, it in children.items() if word in it["command"]]
    number = request["ended"]
    if number in children:  # it is dead, and not a child to be waited for yet
        _, status = os.waitpid(number, 0)
        del children[number]
        ended[number] = os.waitstatus_to_exitcode(status)
    return ended[number]


def _prepare(modules: Sequence[str]) -> None:
    """Import what takes long, and forget mem0ai and whatever imports it, which is for each child itself."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    for name in list(sys.modules):
        if name == "mem0" or name.startswith("mem0."):
            del sys.modules[name]
    for name in modules:
        importlib.import_module(name)
    from mem0_syncd.courier import process

    # For the courier alone: whatever else is started is started as ever.
    forks = SimpleNamespace(PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired, Popen=Popen)
    setattr(process, "subprocess", forks)  # noqa: B010 - what a module imports is no attribute to mypy
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads can't be forked"  # noqa: PTH208
    gc.freeze()


def _reap(children: dict[int, dict[str, Any]], ended: dict[int, int]) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            del children[pid]
            ended[pid] = os.waitstatus_to_exitcode(status)


def _become(start: Mapping[str, Any], files: Sequence[int], shim: ctypes.CDLL) -> None:
    """Have this forked process be as a new one would be."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    if start["session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(start["environment"])
    importlib.reload(
        sys.modules["mem0_syncd.system.failpoint"]
    )  # the one module that reads a variable of its own
    with contextlib.suppress(OSError):
        os.chdir(start["cwd"])
    shim.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


if __name__ == "__main__":
    main()
