"""The control socket, both ends: one JSON line each way, for what needs the daemon itself."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mem0_syncd.errors import DaemonNotRunning, SyncdError

ADDRESS_FILE = "socket"
"""The file in the state folder that says where the socket is: a shell elsewhere may not find it."""

Answer = Mapping[str, Any]
Operations = Mapping[str, Callable[[Mapping[str, Any]], Answer]]


class ControlServer:
    """The daemon's end: answers each request on a thread of its own."""

    def __init__(self, path: Path, state: Path, operations: Operations) -> None:
        """Listen at `path`, open to this user alone, and say so in the state folder."""
        self._path = path
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        # A socket is open to others between bind and chmod, unless it is made closed.
        umask = os.umask(0o177)
        try:
            self._server = _Server(str(path), _handler(operations))
        finally:
            os.umask(umask)
        (state / ADDRESS_FILE).write_text(str(path), encoding="utf-8")
        self._thread = threading.Thread(target=self._server.serve_forever, name="control", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and take the socket away."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def _handler(operations: Operations) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        timeout: ClassVar[float | None] = 10.0

        def handle(self) -> None:
            answer: Answer
            try:
                request = json.loads(self.rfile.readline())
                answer = operations[request["op"]](request)
            except SyncdError as error:
                answer = {"error": error.problem.as_dict()}
            except Exception as error:  # noqa: BLE001 - a client's mistake mustn't end the server's thread
                answer = {"error": {"what": f"{type(error).__name__}: {error}", "where": "", "remedy": ""}}
            with contextlib.suppress(OSError):
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    return Handler


def ask(state: Path, op: str, *, timeout: float = 2.0, **fields: Any) -> dict[str, Any]:
    """Ask the daemon of a state folder.

    Raises `DaemonNotRunning` where none listens, `TimeoutError` where one listens and doesn't answer in
    `timeout` seconds, `SyncdError` with what the daemon answers of its own.
    """
    try:
        address = (state / ADDRESS_FILE).read_text(encoding="utf-8")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with connection:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
            with connection.makefile("rb") as file:
                line = file.readline()
    except TimeoutError:
        raise
    except BlockingIOError:  # so many wait for an answer that there is no room for one more
        raise TimeoutError("the daemon doesn't answer") from None
    except OSError:
        raise DaemonNotRunning(
            "the daemon isn't running", where=str(state), remedy="start it: mem0-syncd run"
        ) from None
    if not line:
        raise DaemonNotRunning("the daemon has just ended", where=str(state), remedy="mem0-syncd run")
    answer: dict[str, Any] = json.loads(line)
    if error := answer.get("error"):
        raise SyncdError(error["what"], where=error["where"], remedy=error["remedy"])
    return answer
