"""A server on the loopback interface that answers whatever a test says, to the byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PING = b'{"status": "ok", "org_id": "org-1", "project_id": "proj-1", "user_email": "dev@example.com"}'


@dataclass(frozen=True)
class Said:
    """An answer: its bytes as they go over the wire, its status, and further headers."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Speak = Callable[[str, str, int], Said]
"""The answer to a method and a path; the number is that of the page that is asked for."""


def well(body: bytes = PING) -> Said:
    """JSON, with a 200."""
    return Said(body)


@contextmanager
def serving(speak: Speak) -> Iterator[tuple[str, list[str]]]:
    """The address of a server that speaks so, and the requests that it has had."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            heard.append(f"{self.command} {parts.path}")
            page = int(parse_qs(parts.query).get("page", ["1"])[0])
            said = speak(self.command, parts.path, page)
            self.send_response(said.status)
            for name, value in {"content-type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said.body)))
            self.end_headers()
            try:
                self.wfile.write(said.body)
            except OSError:  # the client has had enough
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - the library looks for these

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
