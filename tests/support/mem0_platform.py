"""A Mem0 Platform on the loopback interface that keeps what it is sent, and fails as it is told.

    with Mem0Platform() as mem0:
        client = MemoryClient(api_key="k", host=mem0.url)
        mem0.fail("add", store_then(drop()))

As a process: `python tests/support/mem0_platform.py --port 8765 [--latency-ms 20] [--limit-per-minute 1000]`.
"""

import argparse
import asyncio
import json
import math
import operator
import random
import re
import socket
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

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
    reply,
)

T = TypeVar("T")
EventStatus = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
OPEN: tuple[EventStatus, ...] = ("PENDING", "RUNNING")
MAX_PAGE_SIZE = 200
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Memory:
    """A memory as it is stored now."""

    id: str
    text: str
    user_id: str | None
    agent_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    app_id: str | None = None
    run_id: str | None = None
    expiration_date: date | None = None
    replaced_by: str | None = None

    @property
    def expired(self) -> bool:
        """Whether its last day has passed."""
        return self.expiration_date is not None and self.expiration_date < datetime.now(UTC).date()

    def as_json(self, *, run: str = "session_id") -> dict[str, Any]:
        """The memory as Mem0 shows it; the key of its run id differs between endpoints."""
        return {
            "id": self.id,
            "memory": self.text,
            "user_id": self.user_id,
            "agent_id": self.agent_id,
            "app_id": self.app_id,
            run: self.run_id,
            "metadata": self.metadata,
            "categories": [],
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
            "expiration_date": self.expiration_date and self.expiration_date.isoformat(),
            "replaced_by": self.replaced_by,
        }


@dataclass(frozen=True)
class Event:
    """What became of one add."""

    id: str
    status: EventStatus
    body: dict[str, Any]
    results: tuple[dict[str, Any], ...]
    began: float
    error: str | None = None


@dataclass(frozen=True)
class Seen:
    """A request that arrived: all of it, whatever was done with it."""

    kind: Kind
    method: str
    path: str
    query: dict[str, str]
    body: Any
    at: float  # time.monotonic()
    target: str  # the id in the path
    headers: dict[str, str]

    def integer(self, name: str, default: int, most: float = math.inf) -> int:
        """A whole number of at least 1 from the query, else from the body."""
        value = self.query.get(name, self.body.get(name, default))
        if not re.fullmatch(r"[1-9]\d*", str(value)) or int(value) > most:
            raise bad_request(f"{name} must be an integer between 1 and {most}.")
        return int(value)

    def flag(self, name: str) -> bool:
        """Whether the query or the body says true."""
        return str(self.query.get(name, self.body.get(name))).lower() == "true"


class Refusal(Exception):
    """The answer to a request that the Platform doesn't carry out."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(body)
        self.answer = reply(status, body, headers)


def bad_request(why: str) -> Refusal:
    """A 400."""
    return Refusal(400, {"error": why})


# ---- Filters ----

Predicate = Callable[[Memory], bool]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "contains": lambda value, wanted: value is not None and wanted in value,
}
ENTITY_OPERATORS = ("eq", "ne", "in")
METADATA_OPERATORS = ("eq", "ne", "contains")
TIME_OPERATORS = ("gt", "gte", "lt", "lte")


def predicate_of(filters: Any) -> Predicate:
    """What Mem0 understands by `filters`, which must name an entity."""
    if not _names_entity(filters):
        raise bad_request("filters must contain at least one of user_id, agent_id, app_id, run_id.")
    return _all_of(filters)


def _names_entity(filters: Any) -> bool:
    if not isinstance(filters, dict):
        return False
    named = (value for key, value in filters.items() if key in ENTITIES)
    if any(not isinstance(value, dict) or "ne" not in value for value in named):
        return True
    return any(_names_entity(part) for key in ("AND", "OR") for part in filters.get(key, ()))


def _all_of(filters: Any) -> Predicate:
    if not isinstance(filters, dict) or not filters:
        raise bad_request("filters must be a non-empty object.")
    # Beside an AND, Mem0 drops an OR without a word.
    tests = [_clause(key, value) for key, value in filters.items() if not (key == "OR" and "AND" in filters)]
    return _every(tests)


def _every(tests: list[Predicate]) -> Predicate:
    # Most conditions have one part, and a look-up runs over every memory.
    return tests[0] if len(tests) == 1 else lambda memory: all(test(memory) for test in tests)


def _clause(key: str, value: Any) -> Predicate:
    if key in ("AND", "OR", "NOT"):
        tests = [_all_of(part) for part in (value if isinstance(value, list) else [value])]
        if key == "AND":
            return _every(tests)
        return lambda memory: any(test(memory) for test in tests) != (key == "NOT")
    if key in ENTITIES:
        if value == "*":
            return lambda memory: getattr(memory, key) is not None
        return _comparison(lambda memory: getattr(memory, key), value, ENTITY_OPERATORS)
    if key in ("created_at", "updated_at") and isinstance(value, dict):
        moments = {name: _moment(text) for name, text in value.items()}
        return _comparison(lambda memory: getattr(memory, key), moments, TIME_OPERATORS)
    if key == "metadata" and isinstance(value, dict):
        tests = [_metadata_clause(name, wanted) for name, wanted in value.items()]
        return _every(tests)
    raise bad_request(f"Invalid filter: {key!r}.")


def _metadata_clause(name: str, wanted: Any) -> Predicate:
    return _comparison(lambda memory: memory.metadata.get(name), wanted, METADATA_OPERATORS)


def _comparison(value_of: Callable[[Memory], Any], wanted: Any, allowed: tuple[str, ...]) -> Predicate:
    comparisons = wanted if isinstance(wanted, dict) else {"eq": wanted}
    if not comparisons.keys() <= set(allowed):
        raise bad_request(f"Invalid operator among {sorted(comparisons)}; known here: {', '.join(allowed)}.")
    return _every([_compared(value_of, OPERATORS[name], other) for name, other in comparisons.items()])


def _compared(
    value_of: Callable[[Memory], Any], operate: Callable[[Any, Any], bool], other: Any
) -> Predicate:
    return lambda memory: operate(value_of(memory), other)


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise bad_request(f"Not a date: {text!r}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(text: Any) -> date | None:
    return _moment(text).date() if text is not None else None


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


# ---- What the Platform knows ----


class Account:
    """One project of one account: its memories, its settings, and its answers to well-formed requests."""

    def __init__(self) -> None:
        self.api_key: str | None = None  # None: any
        self.org_id = "org-1"
        self.project_id = "proj-1"
        self.user_email = "dev@example.com"
        self.dedup = False
        self.limit_per_minute: int | None = None
        self.minute_seconds = 60.0  # how long a minute is to the limit
        self.minutes_slide = True  # or else they begin when the clock says so
        self.read_lag_seconds = 0.0
        self.event_seconds: float | None = None  # None: an event stays open until `settle`
        self.extract: Callable[[str], list[str]] = lambda text: [f"Noted: {text}"]
        self._lock = threading.RLock()
        # Every version with its time, None once deleted: what a lagging reader sees is an earlier one.
        self._versions: dict[str, list[tuple[float, Memory | None]]] = {}
        # The ids that ever had a value, by its name and itself: a look-up needn't run over every memory.
        self._ids_with: defaultdict[tuple[str, Any], dict[str, None]] = defaultdict(dict)
        self._events: dict[str, Event] = {}
        self._open_ids: dict[str, None] = {}
        self._metered: deque[float] = deque()

    @property
    def memories(self) -> list[Memory]:
        """All that is stored, oldest first, even what is merged, expired or too young to be listed."""
        with self._lock:
            self._settle_due()
            return self._as_of(math.inf)

    def texts(self, user_id: str | None = None) -> Counter[str]:
        """How often each text is stored, for one user or for all."""
        return Counter(m.text for m in self.memories if user_id is None or m.user_id == user_id)

    @property
    def events(self) -> list[Event]:
        """Every add that was carried out or put off, oldest first."""
        with self._lock:
            self._settle_due()
            return list(self._events.values())

    def plant(self, text: str, **fields: Any) -> Memory:
        """The memory that now exists because somebody else wrote it; `fields` are those of `Memory`."""
        now = datetime.now(UTC)
        blank: dict[str, Any] = {"user_id": None, "agent_id": None, "metadata": {}}
        times = {"created_at": now, "updated_at": fields.get("created_at", now)}
        return self._keep(Memory(**{"id": str(uuid.uuid4()), "text": text, **blank, **times, **fields}))

    def change(self, memory_id: str, **fields: Any) -> Memory:
        """The memory after somebody else changed it; `replaced_by=ID` is how a merge hides it."""
        with self._lock:
            return self._keep(replace(self._existing(memory_id), **fields))

    def remove(self, memory_id: str) -> None:
        """Delete a memory as a person would, on the dashboard."""
        with self._lock:
            self._existing(memory_id)
            self._versions[memory_id].append((time.monotonic(), None))

    def settle(
        self, event_id: str | None = None, status: EventStatus = "SUCCEEDED", error: str | None = None
    ) -> None:
        """Bring one open event, or all of them, to this status; success stores what they were about."""
        with self._lock:
            for event in self._open_events():
                if event_id in (None, event.id):
                    texts = [t for m in event.body["messages"] for t in self.extract(m["content"])]
                    results = self._store(event.body, texts) if status == "SUCCEEDED" else ()
                    self._events[event.id] = replace(event, status=status, results=results, error=error)
                    if status not in OPEN:
                        del self._open_ids[event.id]

    def _open_events(self) -> list[Event]:
        return [self._events[number] for number in self._open_ids]

    def _settle_due(self) -> None:
        if self.event_seconds is not None:
            for event in self._open_events():
                if time.monotonic() - event.began >= self.event_seconds:
                    self.settle(event.id)

    def _keep(self, memory: Memory) -> Memory:
        with self._lock:
            self._versions.setdefault(memory.id, []).append((time.monotonic(), memory))
            names = ("user_id", memory.user_id), ("text", memory.text)
            for pair in (*names, ("sync_key", memory.metadata.get("sync_key"))):
                self._ids_with[pair][memory.id] = None
        return memory

    def _candidates(self, filters: Any) -> Iterable[str]:
        """The ids of all memories that can pass these filters, as far as that is cheap to tell."""
        found: Collection[str] = self._versions
        for part in [filters, *filters.get("AND", ())]:
            for name, value in {**part, **part.get("metadata", {})}.items():
                if name in {"user_id", "sync_key"} and isinstance(value, str) and value != "*":
                    found = min(found, self._ids_with.get((name, value), ()), key=len)
        return found

    def _as_of(self, moment: float, ids: Iterable[str] | None = None) -> list[Memory]:
        known = []
        for number in list(self._versions if ids is None else ids):
            for at, memory in reversed(self._versions[number]):
                if at <= moment:
                    if memory is not None:
                        known.append(memory)
                    break
        return known

    def _existing(self, memory_id: str) -> Memory:
        try:
            uuid.UUID(memory_id)
        except ValueError:
            raise Refusal(400, {"error": "memory_id should be a valid UUID"}) from None
        memory = self._versions.get(memory_id, [(0.0, None)])[-1][1]
        if memory is None:
            raise Refusal(404, {"error": "Memory not found!"})
        return memory

    def _store(self, body: dict[str, Any], texts: list[str]) -> tuple[dict[str, Any], ...]:
        scope = {name: body.get(name) for name in ENTITIES}
        fields = {
            **scope,
            "metadata": body.get("metadata") or {},
            "expiration_date": _day(body.get("expiration_date")),
        }
        if "timestamp" in body:
            fields["created_at"] = datetime.fromtimestamp(body["timestamp"], UTC)
        return tuple(
            {"id": self.plant(text, **fields).id, "data": {"memory": text}, "event": "ADD"}
            for text in texts
            if not (self.dedup and self._has(text, scope))
        )

    def _has(self, text: str, scope: dict[str, Any]) -> bool:
        return any(
            memory.text == text and all(getattr(memory, name) == scope[name] for name in ENTITIES)
            for memory in self._as_of(math.inf, self._ids_with.get(("text", text), ()))
        )

    def _listed(self, seen: Seen) -> list[Memory]:
        """The memories that a listing or a search ranges over, newest first."""
        if any(name in seen.body for name in ENTITIES):
            raise bad_request("Entity ids belong into filters.")
        if unknown := {"fields", "categories", "keywords", "metadata"} & seen.body.keys():
            raise NotImplementedError(f"the fake Platform knows no {unknown}")
        filters = seen.body.get("filters")
        wanted = predicate_of(filters)
        first = _day(seen.body.get("start_date")) or date.min
        last = _day(seen.body.get("end_date")) or date.max
        merged, expired = seen.flag("include_merged"), seen.flag("show_expired")
        found = [
            memory
            for memory in self._as_of(time.monotonic() - self.read_lag_seconds, self._candidates(filters))
            if wanted(memory)
            and (merged or memory.replaced_by is None)
            and (expired or not memory.expired)
            and first <= memory.created_at.date() <= last
        ]
        # Sorted and then reversed, so that of two with one time the later comes first.
        found.sort(key=lambda memory: memory.created_at)
        return found[::-1]

    def _admit(self, seen: Seen) -> None:
        if self.api_key is not None and seen.headers.get("authorization") != f"Token {self.api_key}":
            raise Refusal(401, {"detail": "Invalid API key."})
        if seen.method in ("POST", "PUT") and not isinstance(seen.body, dict):
            raise bad_request("The body must be a JSON object.")

    # The endpoints: each carries out one request, under the lock.

    def _ping(self, _: Seen) -> Answer:
        who = {"org_id": self.org_id, "project_id": self.project_id, "user_email": self.user_email}
        return reply(200, {"status": "ok", **who})

    def _add(self, seen: Seen) -> Answer:
        body = seen.body
        messages = body.get("messages")
        if not messages or not isinstance(messages, list):
            raise bad_request("messages is required.")
        if not all(
            isinstance(message, dict) and {"role", "content"} <= message.keys() for message in messages
        ):
            raise bad_request("Each message needs a role and a content.")
        if not any(body.get(name) for name in ENTITIES):
            raise bad_request("At least one of user_id, agent_id, app_id, run_id is required.")
        self._meter()
        event = Event(str(uuid.uuid4()), "PENDING", body, (), time.monotonic())
        if body.get("infer", True):
            self._events[event.id] = event
            self._open_ids[event.id] = None
            return reply(200, {"event_id": event.id, "status": "PENDING"})
        results = self._store(body, [m["content"] for m in messages])
        self._events[event.id] = replace(event, status="SUCCEEDED", results=results)
        return reply(200, {"status": "SUCCEEDED", "event_id": event.id, "results": results})

    def _meter(self) -> None:
        now, minute = time.monotonic(), self.minute_seconds
        begun = now - minute if self.minutes_slide else now - now % minute
        while self._metered and self._metered[0] <= begun:
            self._metered.popleft()
        if self.limit_per_minute is not None and len(self._metered) >= self.limit_per_minute:
            over = self._metered[0] if self._metered and self.minutes_slide else begun
            wait = math.ceil(over + minute - now)
            raise Refusal(429, {"detail": "Request was throttled."}, {"retry-after": str(wait)})
        self._metered.append(now)

    def _lookup(self, seen: Seen) -> Answer:
        page, size = seen.integer("page", 1), seen.integer("page_size", 100, MAX_PAGE_SIZE)
        found = self._listed(seen)
        pages = max(1, math.ceil(len(found) / size))
        if page > pages:
            raise Refusal(404, {"detail": "Invalid page."})
        shown = [memory.as_json() for memory in found[(page - 1) * size : page * size]]

        def link(number: int) -> str | None:
            here = f"http://{seen.headers['host']}{seen.path}"
            return f"{here}?page={number}&page_size={size}" if 1 <= number <= pages else None

        links = {"next": link(page + 1), "previous": link(page - 1)}
        return reply(200, {"count": len(found), **links, "results": shown})

    def _search(self, seen: Seen) -> Answer:
        query = seen.body.get("query")
        if not isinstance(query, str) or not query.strip():
            raise bad_request("query must not be empty.")
        asked = _words(query)
        scores = [(len(asked & _words(m.text)) / max(1, len(asked)), m) for m in self._listed(seen)]
        good = [(score, m) for score, m in scores if score >= seen.body.get("threshold", 0.1)]
        best = sorted(good, key=lambda pair: pair[0], reverse=True)[: seen.integer("top_k", 10, 1000)]
        return reply(200, {"results": [{**m.as_json(run="run_id"), "score": score} for score, m in best]})

    def _get(self, seen: Seen) -> Answer:
        return reply(200, self._existing(seen.target).as_json())

    def _update(self, seen: Seen) -> Answer:
        memory, body = self._existing(seen.target), seen.body
        if not {"text", "metadata", "expiration_date"} & body.keys():
            raise bad_request("Nothing to update.")
        changes = {name: body[name] for name in ("text", "metadata") if name in body}
        if "expiration_date" in body:
            changes["expiration_date"] = _day(body["expiration_date"])
        changed = replace(memory, **changes, updated_at=datetime.now(UTC))
        return reply(200, self._keep(changed).as_json())

    def _delete(self, seen: Seen) -> Answer:
        self.remove(seen.target)
        return reply(200, {"message": "Memory deleted successfully!"})

    def _event(self, seen: Seen) -> Answer:
        event = self._events.get(seen.target)
        if event is None:
            raise Refusal(404, {"error": "Event not found or you don't have permission to access it."})
        kept = {"id": event.id, "event_type": "ADD", "status": event.status, "payload": event.body}
        return reply(200, {**kept, "results": event.results, "error": event.error})

    def _other(self, _: Seen) -> Answer:
        return reply(404, "<html><body><h1>Not Found</h1></body></html>")


# ---- How it is reached ----


class Mem0Platform(Account):
    """An account served on 127.0.0.1 by a thread of this process, for the length of a `with` block."""

    def __init__(
        self, *, port: int = 0, latency_seconds: float = 0.0, limit_per_minute: int | None = None
    ) -> None:
        super().__init__()
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
        if fault.taken_as:
            seen = replace(seen, body={**seen.body, **fault.taken_as})
        await self._pause("received", seen)
        await asyncio.sleep(self.latency_seconds)
        if fault.carried_out == "first":
            true_answer = self._carry_out(action, seen)
            await self._pause("stored", seen)
        await asyncio.sleep(fault.after)
        if fault.drops:
            await self._cut(request)
            if fault.carried_out == "last":
                self._loop.call_later(fault.commit_after, self._carry_out, action, seen)
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
            self._settle_due()
            try:
                self._admit(seen)
                return action(replace(seen, body=seen.body or {}))
            except Refusal as refusal:
                return refusal.answer

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
