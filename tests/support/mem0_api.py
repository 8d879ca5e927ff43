"""The Platform's endpoints: what it answers to well-formed requests, and which ones it refuses."""

from __future__ import annotations

import math
import re
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from support.faults import Answer, Kind, PutOff, reply
from support.mem0_filters import Refusal, bad_request, day, predicate_of
from support.mem0_model import ENTITIES, Mem0Model, Memory

MAX_PAGE_SIZE = 200


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
    put_off: PutOff | None = None  # stored later, whatever it asked for

    def integer(self, name: str, default: int, most: float = math.inf) -> int:
        """A whole number of at least 1 from the query, else from the body."""
        value = self.query.get(name, self.body.get(name, default))
        if not re.fullmatch(r"[1-9]\d*", str(value)) or int(value) > most:
            raise bad_request(f"{name} must be an integer between 1 and {most}.")
        return int(value)

    def flag(self, name: str) -> bool:
        """Whether the query or the body says true."""
        return str(self.query.get(name, self.body.get(name))).lower() == "true"


class Account(Mem0Model):
    """One project of one account: its memories, its settings, and its answers to requests."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.api_key: str | None = None  # None: any
        self.org_id = "org-1"
        self.project_id = "proj-1"
        self.user_email = "dev@example.com"
        self.limit_per_minute: int | None = None
        self.minute_seconds = 60.0  # how long a minute is to the limit
        self.minutes_slide = True  # or else they begin when the clock says so
        self._metered: deque[float] = deque()

    def answer(self, action: Callable[[Seen], Answer], seen: Seen) -> Answer:
        """Carry out a request, once everything has taken effect that came before."""
        self.catch_up()
        try:
            self._admit(seen)
            return action(replace(seen, body=seen.body or {}))
        except Refusal as refusal:
            return refusal.answer

    def _admit(self, seen: Seen) -> None:
        if self.api_key is not None and seen.headers.get("authorization") != f"Token {self.api_key}":
            raise Refusal(401, {"detail": "Invalid API key."})
        if seen.method in ("POST", "PUT") and not isinstance(seen.body, dict):
            raise bad_request("The body must be a JSON object.")

    def _existing(self, memory_id: str) -> Memory:
        try:
            uuid.UUID(memory_id)
        except ValueError:
            raise Refusal(400, {"error": "memory_id should be a valid UUID"}) from None
        memory = self.find(memory_id)
        if memory is None:
            raise Refusal(404, {"error": "Memory not found!"})
        return memory

    def _listed(self, seen: Seen) -> list[Memory]:
        """The memories that a listing or a search ranges over, newest first."""
        if any(name in seen.body for name in ENTITIES):
            raise bad_request("Entity ids belong into filters.")
        if unknown := {"fields", "categories", "keywords", "metadata"} & seen.body.keys():
            raise NotImplementedError(f"the fake Platform knows no {unknown}")
        filters = seen.body.get("filters")
        wanted = predicate_of(filters)
        first = day(seen.body.get("start_date")) or date.min
        last = day(seen.body.get("end_date")) or date.max
        today = datetime.fromtimestamp(self.now, UTC).date()
        merged, expired = seen.flag("include_merged"), seen.flag("show_expired")
        found = [
            memory
            for memory in self.shown(self._candidates(filters))
            if wanted(memory)
            and (merged or memory.replaced_by is None)
            and (expired or not memory.is_expired(today))
            and first <= memory.created_at.date() <= last
        ]
        # Sorted and then reversed, so that of two with one time the later comes first.
        found.sort(key=lambda memory: memory.created_at)
        return found[::-1]

    def _candidates(self, filters: Any) -> Iterable[str]:
        """The ids of all memories that can pass these filters, as far as that is cheap to tell."""
        found: Collection[str] = self._versions
        for part in [filters, *filters.get("AND", ())]:
            for name, value in {**part, **part.get("metadata", {})}.items():
                if name in {"user_id", "sync_key"} and isinstance(value, str) and value != "*":
                    found = min(found, self.ids_with(name, value), key=len)
        return found

    # The endpoints: each carries out one request.

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
        texts = [message["content"] for message in messages]
        if seen.put_off is not None or body.get("infer", True):
            when = seen.put_off.when(self.now) if seen.put_off else {}
            event = self.put_off(body, texts, _fields(body), **when)
            return reply(200, {"event_id": event.id, "status": event.status})
        event = self.add_now(body, texts, _fields(body))
        return reply(200, {"status": event.status, "event_id": event.id, "results": event.results})

    def _meter(self) -> None:
        now, minute = self.now, self.minute_seconds
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
        memory_id, body = self._existing(seen.target).id, seen.body
        if not {"text", "metadata", "expiration_date"} & body.keys():
            raise bad_request("Nothing to update.")
        changes = {name: body[name] for name in ("text", "metadata") if name in body}
        if "expiration_date" in body:
            changes["expiration_date"] = day(body["expiration_date"])
        return reply(200, self.change(memory_id, **changes).as_json())

    def _delete(self, seen: Seen) -> Answer:
        self.remove(self._existing(seen.target).id)
        return reply(200, {"message": "Memory deleted successfully!"})

    def _event(self, seen: Seen) -> Answer:
        event = self.event(seen.target)
        if event is None:
            raise Refusal(404, {"error": "Event not found or you don't have permission to access it."})
        kept = {"id": event.id, "event_type": "ADD", "status": event.status, "payload": event.body}
        return reply(200, {**kept, "results": event.results, "error": event.error})

    def _other(self, _: Seen) -> Answer:
        return reply(404, "<html><body><h1>Not Found</h1></body></html>")


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    """What an add says of the memories that come of it."""
    fields = {name: body.get(name) for name in ENTITIES}
    fields["metadata"] = body.get("metadata") or {}
    fields["expiration_date"] = day(body.get("expiration_date"))
    if "timestamp" in body:
        fields["created_at"] = datetime.fromtimestamp(body["timestamp"], UTC)
    return fields


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
