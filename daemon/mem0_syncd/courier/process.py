"""The daemon's end of the courier: starting it, writing and reading messages, ending it."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from mem0_syncd.core.destination_kinds import called
from mem0_syncd.courier.environment import environment, here, work_folder

ENDED = {"ended": True}
"""The last message that the listener is called with, after all of the courier's."""


class Courier:
    """One child process. It ends with its standard input, and so with the daemon, however that ends."""

    def __init__(
        self,
        start: Mapping[str, Any],
        listener: Callable[[Courier, dict[str, Any]], None],
        environ: Mapping[str, str],
    ) -> None:
        """Start the child, with some variables of `environ`.

        `listener` is called with this courier and each of its messages, on a thread of the courier's own.
        """
        self._environ = environ
        self._listener = listener
        self._start = start
        # A stopped child doesn't read, and must not block the thread that writes to it.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lines.put(_line(start))
        started: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._attend, args=(started,), name="courier-writer", daemon=True).start()
        self._process = started.result()
        threading.Thread(target=self._read, name="courier-reader", daemon=True).start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, request: Mapping[str, Any]) -> None:
        """Hand over a request; never blocks."""
        self._lines.put(_line(request))

    def close(self, timeout: float = 5.0) -> None:
        """Let the child end by itself, and kill it if it doesn't within `timeout` seconds."""
        self._lines.put(None)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the child at once; it has ended when this returns."""
        self._process.kill()
        self._process.wait()
        self._lines.put(None)

    def _attend(self, started: Future[subprocess.Popen[bytes]]) -> None:
        """Start the child and write to it.

        This thread outlives the child, which is killed when the thread ends.
        """
        try:
            kind = called(self._start["destination"])
            process = subprocess.Popen(
                # -P: nothing in the folder where it works takes the place of a module.
                [sys.executable, "-P", "-m", "mem0_syncd.courier.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(self._environ, here(), whole=kind.has_own_libraries),
                cwd=work_folder(Path(self._start["mem0_dir"])),
                # A session of its own: Ctrl-C in a terminal is for the daemon, which drains first.
                start_new_session=True,
            )
        except Exception as error:  # noqa: BLE001 - whoever starts it waits for an answer
            started.set_exception(error)
            return
        started.set_result(process)
        stdin = process.stdin
        assert stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(OSError), stdin:
            while (line := self._lines.get()) is not None:
                stdin.write(line)
                if self._lines.empty():
                    stdin.flush()
        process.wait()

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - it was asked for
        with stdout:
            for line in stdout:
                # A child that is killed may leave half a line.
                with contextlib.suppress(ValueError):
                    self._listener(self, json.loads(line))
        self._process.wait()
        self._lines.put(None)  # no thread writes to a child that crashed any more either
        self._listener(self, ENDED)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
