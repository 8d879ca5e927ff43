"""Commands at the price of a fork: a process that has imported what they need, and forks for each one.

A test that runs a hundred commands pays for their imports once. Each is a process of its own all the same,
with its own environment, folder and input, and is killed when it doesn't end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SECONDS = 60
"""After so long a command that should end by itself is one that hangs."""


def run_quickly(
    arguments: tuple[str, ...], environment: Mapping[str, str], *, cwd: Path | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a `mem0-syncd` command prints and answers; raises `TimeoutExpired` for one that doesn't end."""
    command = ["mem0-syncd", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        files[0].write_text(stdin)
        request = {
            "command": command,
            "environment": dict(environment),
            "cwd": str(cwd or Path.cwd()),
            "files": [str(file) for file in files],
        }
        code = _parent().ask(request)
        if code is None:
            raise subprocess.TimeoutExpired(command, SECONDS, files[1].read_bytes(), files[2].read_bytes())
        said = [file.read_bytes().decode(errors="surrogateescape") for file in files[1:]]
    return subprocess.CompletedProcess(command, code, *said)


class _Parent:
    """This process's end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, request: Mapping[str, Any]) -> int | None:
        """The exit code of a command; None where it didn't end."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        code: int | None = json.loads(self._process.stdout.readline())
        return code

    def end(self) -> None:
        """End the process; it ends with its input."""
        self._process.communicate()


@cache
def _parent() -> _Parent:
    return _Parent()


def end() -> None:
    """End the process that forks, if there is one."""
    if _parent.cache_info().currsize:
        _parent().end()
        _parent.cache_clear()


def _import_everything() -> None:
    import importlib
    import pkgutil

    import mem0_syncd.cli

    for name in ("cli", "doctor", "outbox"):
        package = importlib.import_module(f"mem0_syncd.{name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in (
        "mem0_syncd.engine.engine",
        "mem0_syncd.config.settings",
        "mem0_syncd.agents.hook",
        "rich.console",
        "rich.table",
    ):
        importlib.import_module(name)
    assert mem0_syncd.cli


def _serve() -> None:
    _import_everything()
    answers = os.fdopen(os.dup(1), "wb", 0)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be(request)
        answers.write(json.dumps(_wait(pid)).encode() + b"\n")


def _be(request: Mapping[str, Any]) -> None:
    """Be the command; never returns."""
    code = 1
    try:
        os.setsid()
        for number, file in enumerate(request["files"]):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = request["command"]
        from mem0_syncd.__main__ import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - it is printed as an interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _wait(pid: int) -> int | None:
    def give_up(*_: object) -> None:
        os.killpg(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    status = os.waitpid(pid, 0)[1]
    is_killed = signal.alarm(0) == 0
    return None if is_killed else os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    _serve()
