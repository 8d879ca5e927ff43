"""The control socket, both ends: one JSON line each way, for what needs the daemon itself.

Whoever asks for it hears of what takes long in further lines, before the one that answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, Problem, SyncdError
from mem0_syncd.system.reasons import of_error
from mem0_syncd.system.state_folder import StateFolder

_WANT_SECONDS = 0.5

Answer = Mapping[str, Any]
Request = Mapping[str, Any]
Operations = Mapping[str, Callable[[Request], Answer]]
LongOperations = Mapping[str, Callable[[Request, Tell], Answer]]
"""What may take so long that whoever waits wants to hear how far it has come."""


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
        """Listen at `path`, open to this user alone, and say so in the state folder, if it can be written.

        `explain` says what an error of an operation means, if it isn't the client's mistake.
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
        """Answer until `end`; unlike `serve_forever`, which looks for its end twice a second, it sleeps."""
        with selectors.PollSelector() as selector:  # it takes no file handle
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
        except OSError:  # for want of a file handle: the client still waits, and is at once due again
            time.sleep(_WANT_SECONDS)
            raise


def _say_where(state: Path, address: str) -> None:
    file = StateFolder(state).socket_address
    # A file that is right is left alone: on a full disk it would end up empty.
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


def ask(
    state: Path, op: str, *, timeout: float = 2.0, tell: Tell | None = None, **fields: Any
) -> dict[str, Any]:
    """Ask the daemon of a state folder; `tell` hears how far it has come with what takes long.

    Raises `DaemonNotRunning` where none listens or it stands by, `DaemonUnresponsive` where one listens and
    says nothing for `timeout` seconds, `SyncdError` with what the daemon answers of its own.
    """
    try:
        address = StateFolder(state).socket_address.read_text(encoding="utf-8")
    except OSError:
        raise _not_running(state) from None
    return ask_at(address, state, op, timeout=timeout, tell=tell, **fields)


def ask_at(
    address: str, state: Path, op: str, *, timeout: float, tell: Tell | None = None, **fields: Any
) -> dict[str, Any]:
    """Ask the daemon that listens at an address; raises what `ask` raises."""
    request = {"op": op, **fields} | ({"tell": True} if tell else {})
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with connection:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as file:
                answer = _answer(file, tell or to_nobody)
    # The latter where so many wait for an answer that there is no room for one more.
    except (TimeoutError, BlockingIOError):
        raise DaemonUnresponsive(
            "the daemon doesn't answer", where=str(state), remedy="restart it; see: mem0-syncd doctor"
        ) from None
    except OSError:
        raise _not_running(state) from None
    if answer is None:
        raise DaemonNotRunning("the daemon has just ended", where=str(state), remedy="mem0-syncd run")
    if answer.get("standby") and op != "ping":
        raise DaemonNotRunning("the daemon stands by", where=str(state), remedy="see: mem0-syncd status")
    if error := answer.get("error"):
        raise SyncdError(error["what"], where=error["where"], remedy=error["remedy"])
    return answer


def _answer(lines: Iterable[bytes], tell: Tell) -> dict[str, Any] | None:
    """The line that answers, None where there is none; those before it are told."""
    for line in lines:
        said: dict[str, Any] = json.loads(line)
        if "progress" not in said:
            return said
        tell(*said["progress"])
    return None


def _not_running(state: Path) -> DaemonNotRunning:
    return DaemonNotRunning("the daemon isn't running", where=str(state), remedy="start it: mem0-syncd run")
