"""A self-hosted Mem0 server on the loopback interface: a real `mem0.Memory` behind Mem0's own REST paths.

    with Mem0Server(folder) as mem0:
        httpx.get(f"{mem0.url}/memories", params={"user_id": "u"}, headers={"X-API-Key": mem0.api_key})
        mem0.fail("add", store_then(drop()))

It does what `server/main.py` of Mem0's repository does beside mem0ai 2.2 (its paths, its checks, its answers
when something fails behind it), without its accounts. Listings, filters and search are mem0ai's own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Router

from mem0_syncd.core.embedding import DIMENSIONS
from support.faults import Answer, Fault, answer, reply
from support.mem0_api import Seen
from support.mem0_filters import Refusal
from support.mem0_model import Memory
from support.mem0_platform import METHODS, Mem0Platform

LIST_LIMIT = 1000
OPEN_PATH = "/openapi.json"


def upstream(code: str, detail: str = "Upstream provider error.") -> Fault:
    """A 502 as the server answers where what it relies on fails; nothing is carried out."""
    return answer(502, {"detail": detail, "code": code, "request_id": "3f2a91bc"})


class Mem0Server(Mem0Platform):
    """A server for the length of a `with` block, which fails as the fake Platform does."""

    def __init__(self, folder: Path, *, api_key: str | None = "m0sk-of-a-test") -> None:
        super().__init__()
        self.api_key = api_key
        self.description: Any = {
            "openapi": "3.1.0",
            "paths": {"/memories": {"get": {"parameters": [{"name": "user_id"}, {"name": "top_k"}]}}},
            "components": {"schemas": {"MemoryCreate": {"properties": {"messages": {}, "infer": {}}}}},
        }
        self._folder = folder
        self._mem0: Any = None

    def come_back(self) -> None:
        """Open the store, and serve."""
        if self._mem0 is None:
            self._run(self._open(), seconds=60)
        super().come_back()

    def go_down(self) -> None:
        """Refuse connections, and let go of the store."""
        super().go_down()
        if self._mem0 is not None:
            self._run(self._close())

    @property
    def memories(self) -> list[Memory]:
        """All that is stored, oldest first, as the vector store has it."""
        return self._run(self._all())

    def add(self, text: str, user_id: str, **metadata: str) -> str:
        """The id of a memory that somebody else adds."""
        return self._run(self._planted(text, user_id, metadata))

    def fill(self, user_id: str, count: int) -> None:
        """Have others' memories there, many at once, without a model's work for each."""
        self._run(self._filled(user_id, count), seconds=120)

    # On the thread that serves: Qdrant in a folder is for one thread.

    async def _open(self) -> None:
        from mem0_syncd.destinations.embedded import open_store

        self._mem0 = open_store(self._folder)

    async def _close(self) -> None:
        self._mem0.vector_store.client.close()
        self._mem0.close()
        self._mem0 = None

    async def _all(self) -> list[Memory]:
        self.catch_up()
        (rows, *_) = self._mem0.vector_store.list(top_k=100_000)
        return sorted((_memory(row.id, row.payload) for row in rows), key=lambda memory: memory.created_at)

    async def _planted(self, text: str, user_id: str, metadata: dict[str, str]) -> str:
        done = self._mem0.add(text, user_id=user_id, metadata=metadata, infer=False)
        return str(done["results"][0]["id"])

    async def _filled(self, user_id: str, count: int) -> None:
        now = datetime.now(UTC).isoformat()
        payloads = [
            {"data": f"Noted {number}", "user_id": user_id, "created_at": now, "updated_at": now}
            for number in range(count)
        ]
        vectors = [
            [float(number % DIMENSIONS == place) for place in range(DIMENSIONS)] for number in range(count)
        ]
        ids = [str(uuid.UUID(int=number + 1)) for number in range(count)]  # listed before any other
        self._mem0.vector_store.insert(vectors=vectors, payloads=payloads, ids=ids)

    def _app(self) -> Starlette:
        app = Starlette(
            routes=[
                self._route("GET", OPEN_PATH, "ping", self._describe),
                self._route("POST", "/memories", "add", self._answering(self._add)),
                self._route("GET", "/memories", "lookup", self._answering(self._lookup)),
                self._route("POST", "/search", "search", self._answering(self._search)),
                self._route("GET", "/memories/{id}", "get", self._answering(self._get)),
                self._route("PUT", "/memories/{id}", "update", self._answering(self._update)),
                self._route("DELETE", "/memories/{id}", "delete", self._answering(self._delete)),
                *(self._route(method, "/{rest:path}", "other", self._other) for method in METHODS),
            ]
        )
        assert isinstance(app.router, Router)
        app.router.redirect_slashes = False
        return app

    def _admit(self, seen: Seen) -> None:
        if seen.path == OPEN_PATH or self.api_key is None:
            return
        key = seen.headers.get("x-api-key")
        if key is None:
            raise Refusal(
                401, {"detail": "Authentication required. Provide a Bearer token or X-API-Key header."}
            )
        if key != self.api_key:
            raise Refusal(401, {"detail": "Invalid API key."})

    def _answering(self, action: Callable[[Seen], Any]) -> Callable[[Seen], Answer]:
        """What the server answers to what its Memory returns or raises."""

        def act(seen: Seen) -> Answer:
            from mem0.exceptions import ValidationError

            try:
                text = json.dumps(action(seen))
            except Refusal:
                raise
            except (ValueError, ValidationError) as error:
                status = 404 if "not found" in str(error).lower() else 400
                return reply(status, {"detail": str(error)})
            except Exception:  # noqa: BLE001 - as the server does
                return reply(502, {"detail": "Upstream provider error.", "code": "unknown"})
            # A memory that isn't there is null.
            return Answer(200, text.encode(), {"content-type": "application/json"})

        return act

    def _describe(self, _: Seen) -> Answer:
        return reply(200, self.description)

    def _add(self, seen: Seen) -> Any:
        messages = _field(seen, "messages", list)
        for message in messages:
            if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
                raise _unprocessable("messages")
        named = {name: seen.body.get(name) for name in ("user_id", "agent_id", "run_id")}
        if not any(named.values()):
            detail = "At least one identifier (user_id, agent_id, run_id) is required."
            raise Refusal(400, {"detail": detail})
        given = {name: value for name, value in seen.body.items() if value is not None and name != "messages"}
        if given.get("infer", True):
            raise NotImplementedError("the loopback server has no language model")
        return self._mem0.add(messages=messages, **given)

    def _lookup(self, seen: Seen) -> Any:
        filters = {
            name: seen.query[name] for name in ("user_id", "run_id", "agent_id") if seen.query.get(name)
        }
        if not filters:
            raise NotImplementedError("nobody lists the memories of all")
        given: dict[str, Any] = {"show_expired": seen.flag("show_expired")}
        if "top_k" in seen.query:
            top_k = int(seen.query["top_k"])
            if not 0 <= top_k <= LIST_LIMIT:
                raise _unprocessable("top_k")
            given["top_k"] = top_k
        return self._mem0.get_all(filters=filters, **given)

    def _search(self, seen: Seen) -> Any:
        names = ("top_k", "threshold", "show_expired")
        given = {name: seen.body[name] for name in names if seen.body.get(name) is not None}
        return self._mem0.search(
            query=_field(seen, "query", str), filters=seen.body.get("filters") or {}, **given
        )

    def _get(self, seen: Seen) -> Any:
        return self._mem0.get(_uuid(seen))

    def _update(self, seen: Seen) -> Any:
        given = {name: seen.body[name] for name in ("text", "metadata") if name in seen.body}
        return self._mem0.update(memory_id=_uuid(seen), **given)

    def _delete(self, seen: Seen) -> Any:
        return self._mem0.delete(memory_id=_uuid(seen))

    def _other(self, _: Seen) -> Answer:
        return reply(404, {"detail": "Not Found"})


def _memory(memory_id: Any, payload: Mapping[str, Any]) -> Memory:
    ours = {"data", "hash", "user_id", "agent_id", "role", "text_lemmatized", "created_at", "updated_at"}
    return Memory(
        id=str(memory_id),
        text=payload["data"],
        user_id=payload.get("user_id"),
        agent_id=payload.get("agent_id"),
        metadata={name: value for name, value in payload.items() if name not in ours},
        created_at=datetime.fromisoformat(payload["created_at"]),
        updated_at=datetime.fromisoformat(payload["updated_at"]),
    )


def _field(seen: Seen, name: str, kind: type) -> Any:
    value = seen.body.get(name)
    if not isinstance(value, kind):
        raise _unprocessable(name)
    return value


def _unprocessable(name: str) -> Refusal:
    return Refusal(422, {"detail": [{"type": "value_error", "loc": ["body", name], "msg": "not valid"}]})


def _uuid(seen: Seen) -> str:
    return str(uuid.UUID(seen.target))
