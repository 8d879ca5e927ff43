"""A Mem0 Platform on the loopback interface that keeps what it is sent, and fails as it is told.

    with Mem0Platform() as mem0:
        client = MemoryClient(api_key="k", host=mem0.url)
        mem0.fail("add", store_then(drop()))

As a process: `python tests/support/mem0_platform.py --port 8765 [--latency-ms 20] [--limit-per-minute 1000]`.
"""

import argparse
import asyncio
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))

from support.faults import (
    NO_FAULT,
    TRANSIENT,
    TRANSIENT_ADD,
    Answer,
    Fault,
    Hold,
    Kind,
    Match,
    Matcher,
    Stage,
    Where,
    anything,
)
from support.mem0_api import Account, Seen
from support.mem0_model import Event, EventStatus, Memory

T = TypeVar("T")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_EPOCH = time.time() - time.monotonic()


def steady_time() -> float:
    """Seconds since the epoch, by a clock that nobody sets."""
    return _EPOCH + time.monotonic()


class Mem0Platform(Account):
    """An account served on 127.0.0.1 by a thread of this process, for the length of a `with` block."""

    def __init__(
        self, *, port: int = 0, latency_seconds: float = 0.0, limit_per_minute: int | None = None
    ) -> None:
        super().__init__(steady_time)
        self._lock = threading.RLock()
        self.latency_seconds = latency_seconds
        self.limit_per_minute = limit_per_minute
        self._port = port
        self._seen: list[Seen] = []
        self._raw: list[bytes] = []
        self._faults: list[tuple[Matcher, Fault]] = []
        self._holds: list[Hold] = []
        self._chaos: tuple[random.Random, float] | None = None
        self._bugs: list[Exception] = []
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        self._socket = self._reserve_port()
        self._port = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self._blame(context.get("exception")))
        self._thread = threading.Thread(target=self._loop.run_forever, name="mem0-platform", daemon=True)
        self._thread.start()
        self.come_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_down()
        self._socket.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._bugs and error is None:
            raise self._bugs[0]

    # What a test looks at, and does, while requests come.

    @property
    def memories(self) -> list[Memory]:
        with self._lock:
            return super().memories

    @property
    def events(self) -> list[Event]:
        with self._lock:
            return super().events

    def plant(self, text: str, **fields: Any) -> Memory:
        with self._lock:
            return super().plant(text, **fields)

    def change(self, memory_id: str, **fields: Any) -> Memory:
        with self._lock:
            return super().change(memory_id, **fields)

    def remove(self, memory_id: str) -> None:
        with self._lock:
            super().remove(memory_id)

    def settle(
        self, event_id: str | None = None, status: EventStatus = "SUCCEEDED", error: str | None = None
    ) -> None:
        with self._lock:
            super().settle(event_id, status, error)

    @property
    def url(self) -> str:
        """What a client takes as its host."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[Seen]:
        """Every request that arrived in full, in order."""
        with self._lock:
            return list(self._seen)

    @property
    def adds(self) -> list[Any]:
        """The bodies of all adds that arrived, whatever became of them."""
        return [seen.body for seen in self.requests if seen.kind == "add"]

    @property
    def received(self) -> bytes:
        """Every byte of every request: its line, headers and body."""
        with self._lock:
            return b"".join(self._raw)

    def fail(self, match: Match, fault: Fault, *, times: int | None = 1, where: Where = anything) -> None:
        """Let the next `times` such requests (None: all) fail so; earlier orders are used up first."""
        with self._lock:
            self._faults.append((Matcher(match, where, times), fault))

    def hold(
        self, match: Match, *, stage: Stage = "received", times: int | None = None, where: Where = anything
    ) -> Hold:
        """Stop such requests when they are received, or when they are carried out but not yet answered."""
        hold = Hold(Matcher(match, where, times), stage, self._loop)
        with self._lock:
            self._holds.append(hold)
        return hold

    def chaos(self, rng: random.Random, rate: float) -> None:
        """Let this share of all requests fail in some transient way that `rng` picks."""
        with self._lock:
            self._chaos = (rng, rate)

    def calm(self) -> None:
        """Forget all faults and the chaos, and release what is held."""
        with self._lock:
            self._chaos = None
            self._faults.clear()
            for hold in self._holds:
                hold.release()
            self._holds.clear()

    def go_down(self) -> None:
        """Refuse connections and cut the open ones; what they asked is lost, but for a `commit_after`."""
        if self._server is not None:
            self._run(self._stop(self._server))
            self._server = None
            # Bound but not listening: refuses connections, and nobody else gets the port.
            self._socket = self._reserve_port()

    def come_back(self) -> None:
        """Serve again, on the same port, with everything that was stored."""
        if self._server is None:
            self._server = self._run(self._start())

    def _reserve_port(self) -> socket.socket:
        # The protocol is named, for asyncio sets TCP_NODELAY only then: without, answers wait 40 ms.
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", self._port))
        return reserved

    def _run(self, work: Coroutine[Any, Any, T], seconds: float = 10) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=seconds)

    async def _start(self) -> uvicorn.Server:
        config = uvicorn.Config(
            self._app(),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=60,  # silent: a cut connection is no news here, and bugs are raised at the end
            timeout_keep_alive=3600,  # an idle connection closes only when a test says so
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # Not server.serve(): its loop and its farewell cost a test up to 0.3 s.
        await server.startup(sockets=[self._socket])
        return server

    async def _stop(self, server: uvicorn.Server) -> None:
        for listener in server.servers:
            listener.close()
        tasks = list(server.server_state.tasks)
        for connection in list(server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports close their sockets

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                self._route("GET", "/v1/ping/", "ping", self._ping),
                self._route("POST", "/v3/memories/add/", "add", self._add),
                self._route("POST", "/v3/memories/search/", "search", self._search),
                self._route("POST", "/v3/memories/", "lookup", self._lookup),
                self._route("GET", "/v1/memories/{id}/", "get", self._get),
                self._route("PUT", "/v1/memories/{id}/", "update", self._update),
                self._route("DELETE", "/v1/memories/{id}/", "delete", self._delete),
                self._route("GET", "/v1/event/{id}/", "event", self._event),
                *(self._route(method, "/{rest:path}", "other", self._other) for method in METHODS),
            ]
        )

    def _route(self, method: str, path: str, kind: Kind, action: Callable[[Seen], Answer]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await self._serve(request, kind, action)
            except ClientDisconnect:  # halfway through its request
                return Response()
            except Exception as bug:
                self._blame(bug)
                raise

        return Route(path, endpoint, methods=[method])

    def _blame(self, bug: BaseException | None) -> None:
        if isinstance(bug, Exception):
            self._bugs.append(bug)

    async def _serve(self, request: Request, kind: Kind, action: Callable[[Seen], Answer]) -> Response:
        seen = self._note(request, kind, await request.body())
        fault = self._fault_for(seen)
        seen = replace(seen, put_off=fault.put_off)
        await self._pause("received", seen)
        await asyncio.sleep(self.latency_seconds)
        if fault.carried_out == "first":
            true_answer = self._carry_out(action, seen)
            await self._pause("stored", seen)
        await asyncio.sleep(fault.after)
        if fault.drops:
            await self._cut(request)
            if fault.carried_out == "last":
                self._carry_out_later(fault.commit_after, action, seen)
                self._loop.call_later(fault.commit_after, self._catch_up)
            return Response()
        if fault.carried_out == "last":
            true_answer = self._carry_out(action, seen)
            await self._pause("stored", seen)
        answer = fault.answer or true_answer
        return Response(answer.body, answer.status, answer.headers)

    def _note(self, request: Request, kind: Kind, body: bytes) -> Seen:
        content = None
        with suppress(ValueError):
            content = json.loads(body)
        seen = Seen(
            kind=kind,
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            body=content,
            at=time.monotonic(),
            target=request.path_params.get("id", ""),
            headers=dict(request.headers),
        )
        headers = b"".join(b"%s: %s\r\n" % pair for pair in request.headers.raw)
        target = b"?".join(filter(None, (request.scope["raw_path"], request.scope["query_string"])))
        line = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), target)
        with self._lock:
            self._seen.append(seen)
            self._raw.append(line + headers + b"\r\n" + body + b"\r\n")
        return seen

    def _fault_for(self, seen: Seen) -> Fault:
        with self._lock:
            for matcher, fault in self._faults:
                if matcher.takes(seen.kind, seen.body):
                    return fault
            if self._chaos is not None:
                rng, rate = self._chaos
                if rng.random() < rate:
                    return rng.choice(TRANSIENT_ADD if seen.kind == "add" else TRANSIENT)
            return NO_FAULT

    async def _pause(self, stage: Stage, seen: Seen) -> None:
        with self._lock:
            holds = [h for h in self._holds if h.stage == stage and h.matcher.takes(seen.kind, seen.body)]
        for hold in holds:
            await hold.pause()

    def _carry_out(self, action: Callable[[Seen], Answer], seen: Seen) -> Answer:
        with self._lock:
            return self.answer(action, seen)

    def _catch_up(self) -> None:
        with self._lock:
            self.catch_up()

    def _carry_out_later(self, seconds: float, action: Callable[[Seen], Answer], seen: Seen) -> None:
        with self._lock:
            self.at(self.now + seconds, partial(self.answer, action, seen))

    async def _cut(self, request: Request) -> None:
        if self._server is not None:
            for connection in self._server.server_state.connections:
                if isinstance(connection, H11Protocol) and connection.client == request.client:
                    connection.transport.abort()
        while (await request.receive())["type"] != "http.disconnect":
            pass


def main() -> None:
    """Serve until killed, and say where."""
    parser = argparse.ArgumentParser(description="A Mem0 Platform on the loopback interface, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long each answer takes")
    parser.add_argument("--limit-per-minute", type=int, help="adds beyond this get a 429")
    given = parser.parse_args()
    platform = Mem0Platform(
        port=given.port, latency_seconds=given.latency_ms / 1000, limit_per_minute=given.limit_per_minute
    )
    platform.event_seconds = 0.0  # nobody is there to settle events
    with suppress(KeyboardInterrupt), platform as mem0:
        sys.stdout.write(f"{mem0.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
