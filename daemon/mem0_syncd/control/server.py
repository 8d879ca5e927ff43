"""The daemon's end of the control socket."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from mem0_syncd.control.protocol import Answer, LongOperations, Operations
from mem0_syncd.core.progress import to_nobody
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.system.scrubbed_reasons import of_error
from mem0_syncd.system.state_folder import StateFolder

_WANT_SECONDS = 0.5


class ControlServer:
    """The daemon's end: answers each request on a thread of its own."""

    def __init__(
        self,
        path: Path,
        state: Path,
        operations: Operations,
        long_operations: LongOperations | None = None,
        explain: Callable[[Exception], Problem | None] = lambda _: None,
    ) -> None:
        """Listen at `path`, open to this user alone, and note it in the state folder, if that can be written.

        `explain` returns the problem that an operation's error means, unless it is the client's mistake.
        """
        self._path = path
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        # A socket is open to others between bind and chmod, unless it is made closed.
        umask = os.umask(0o177)
        try:
            self._server = _Server(str(path), _handler(operations, long_operations or {}, explain))
        finally:
            os.umask(umask)
        _say_where(state, str(path))
        self._thread = threading.Thread(target=self._server.serve, name="control", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and take the socket away."""
        if self._thread.is_alive():
            self._server.end()
            self._thread.join()
        self._server.server_close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, handler: type[socketserver.BaseRequestHandler]) -> None:
        self._ended, self._ending = socket.socketpair()
        super().__init__(path, handler)

    def serve(self) -> None:
        """Answer until `end`; unlike `serve_forever`, which wakes twice a second, it sleeps."""
        with selectors.PollSelector() as selector:  # it needs no file handle
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._ended, selectors.EVENT_READ)
            while all(key.fileobj is self for key, _ in selector.select()):
                self.handle_request()

    def end(self) -> None:
        """Have `serve` return."""
        self._ending.close()

    def server_close(self) -> None:
        super().server_close()
        self._ended.close()
        self._ending.close()

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError:  # without a free file handle: the client still waits, and is due again at once
            time.sleep(_WANT_SECONDS)
            raise


def _say_where(state: Path, address: str) -> None:
    file = StateFolder(state).socket_address
    # A correct file is left alone: on a full disk it would end up empty.
    with contextlib.suppress(OSError):
        if not file.exists() or file.read_text(encoding="utf-8") != address:
            file.write_text(address, encoding="utf-8")


def _handler(
    operations: Operations,
    long_operations: LongOperations,
    explain: Callable[[Exception], Problem | None],
) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        timeout: ClassVar[float | None] = 10.0

        def handle(self) -> None:
            answer: Answer
            try:
                request = json.loads(self.rfile.readline())
                if (op := request["op"]) in long_operations:
                    answer = long_operations[op](request, self._tell if request.get("tell") else to_nobody)
                else:
                    answer = operations[op](request)
            except SyncdError as error:
                answer = {"error": error.problem.as_dict()}
            except Exception as error:  # noqa: BLE001 - a client's mistake mustn't end the server's thread
                problem = explain(error) or Problem(of_error(error), "", "")
                answer = {"error": problem.as_dict()}
            self._say(answer)

        def _tell(self, done: int, total: int) -> None:
            self._say({"progress": [done, total]})

        def _say(self, line: Answer) -> None:
            with contextlib.suppress(OSError):
                self.wfile.write(json.dumps(line).encode() + b"\n")

    return Handler
