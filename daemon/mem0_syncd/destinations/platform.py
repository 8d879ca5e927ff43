"""The Mem0 Platform, through mem0ai's `MemoryClient`."""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
from mem0 import MemoryClient

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import (
    Absent,
    Gone,
    Held,
    Later,
    LookOutcome,
    PushOutcome,
    Refused,
    Stored,
    Unknown,
)
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.destinations.answer_checks import (
    Misunderstood,
    account_of,
    count_of,
    hit_of,
    object_of,
    remote_of,
    results_of,
)
from mem0_syncd.destinations.base import CannotOpen, Hit, Remote, choose, of_a_read
from mem0_syncd.destinations.http import BoundedClient
from mem0_syncd.destinations.http_errors import outcome_of_add, outcome_of_error, outcome_of_response

PAGE_SIZE = 200
MOST_PAGES = 10_000
LONGEST_LISTING = 256 << 20
"""Bytes, about: a listing is read whole."""

LATEST = timedelta(minutes=15)
"""How late a memory may turn up in a listing, after one that was made later."""

_TRIES = 3
_EVERYTHING = {"include_merged": True, "show_expired": True}


class Platform:
    """Mem0's hosted service; safe to call from many threads."""

    listing_limit = math.inf

    def __init__(self, client: MemoryClient, account: str, threads: int) -> None:
        self._client = client
        self.account = account
        self.threads = threads

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> Platform:
        """A client whose key Mem0 has just accepted; raises `CannotOpen`.

        `config`: api_key, host, timeout (seconds), threads, proxy and ca_bundle (or None).
        """
        if not config["api_key"]:
            raise CannotOpen(Held("there is no API key", "set MEM0_API_KEY, or run: mem0-syncd login"))
        account = ""

        def keep(response: httpx.Response) -> None:
            if response.request.url.path == "/v1/ping/" and response.is_success:
                nonlocal account
                account = account_of(response.json())

        try:
            http = BoundedClient(
                timeout=config["timeout"],
                proxy=config["proxy"],
                verify=ssl.create_default_context(cafile=config["ca_bundle"]),
                limits=httpx.Limits(max_connections=config["threads"] + 2),
                hear=keep,
            )
        except Exception as error:
            raise CannotOpen(_cannot_open(error)) from error
        try:
            client = MemoryClient(api_key=config["api_key"], host=config["host"], client=http)
        except Exception as error:
            http.close()
            raise CannotOpen(_cannot_open(error)) from error
        return cls(client, account, config["threads"])

    def push(self, memory: Memory, memory_id: str | None) -> PushOutcome:
        """Add or update; an add is verbatim unless the memory says `infer`."""
        try:
            if memory_id is not None:
                self._client.update(memory_id, text=memory.text, metadata=memory.metadata)
                return Stored((memory_id,))
            entities = {"user_id": memory.user_id}
            if memory.agent_id:
                entities["agent_id"] = memory.agent_id
            answer = self._client.add(
                [{"role": "user", "content": memory.text}],
                **entities,
                metadata=memory.metadata,
                infer=memory.infer,
                enable_graph=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this push's outcome
            return outcome_of_error(error, is_update=memory_id is not None)
        return outcome_of_add(answer)

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:
        """Find the memory by its key, and then by its text if asked to."""
        try:
            found = choose(self.copies(memory.user_id, memory.sync_key), memory)
            if isinstance(found, Absent) and by_text:
                same = [it for it in self.listing(memory.user_id) if it.text.strip() == memory.text.strip()]
                return choose(same, memory)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this look-up's outcome
            return self.outcome_of(error)
        return found

    def poll(self, event_id: str) -> PushOutcome:
        """The outcome of the event; `Unknown` for one that is gone."""
        try:
            # mem0ai has no method for events; its own HTTP client carries the key.
            response = self._client.client.get(f"/v1/event/{event_id}/")
            if not response.is_success:
                outcome = outcome_of_response(response, is_update=True)
                return Unknown("the event is gone") if isinstance(outcome, Gone | Refused) else outcome
            return outcome_of_add({"event_id": event_id, **object_of(response.json())})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this poll's outcome
            outcome = outcome_of_error(error)
            return Later(outcome.reason, outcome.after) if isinstance(outcome, Unknown) else outcome

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """Mem0's own semantic search."""
        filters = {"OR": [{"user_id": user_id} for user_id in user_ids]}
        found = self._client.search(query, filters=filters, top_k=limit)
        return [hit_of(it) for it in results_of(found)][:limit]

    def listing(self, user_id: str, since: str = "", tell: Tell = to_nobody) -> list[Remote]:
        """Every memory of a user id, page by page; raises `PagesShift` if no complete listing can be had."""
        conditions: list[dict[str, Any]] = [{"user_id": user_id}]
        if since:
            conditions.append({"created_at": {"gte": _a_while_before(since)}})
        return self._list({"AND": conditions}, tell)

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory of a user id with this key."""
        return self._list({"AND": [{"user_id": user_id}, {"metadata": {"sync_key": sync_key}}]})

    def get(self, memory_id: str) -> Remote | None:
        """One memory as it is now."""
        try:
            return remote_of(self._client.get(memory_id))
        except Exception as error:
            if isinstance(outcome_of_error(error, is_update=True), Gone):
                return None
            raise

    def delete(self, memory_id: str) -> None:
        """Delete a memory."""
        try:
            self._client.delete(memory_id)
        except Exception as error:
            if not isinstance(outcome_of_error(error, is_update=True), Gone):
                raise

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from a read means."""
        return of_a_read(outcome_of_error(error))

    def close(self) -> None:
        """Close the connections."""
        self._client.client.close()

    def _list(self, filters: dict[str, Any], tell: Tell = to_nobody) -> list[Remote]:
        for _ in range(_TRIES):
            found, count = self._pages(filters, tell)
            # Memories that come or go meanwhile shift the pages: one may be seen twice, another never.
            if len(found) == count:
                return list(found.values())
        raise PagesShift(f"Mem0's listing keeps changing: {len(found)} of {count} memories")

    def _pages(self, filters: dict[str, Any], tell: Tell) -> tuple[dict[str, Remote], int]:
        found: dict[str, Remote] = {}
        size = 0
        for page in range(1, MOST_PAGES + 1):
            answer = object_of(
                self._client.get_all(filters=filters, page=page, page_size=PAGE_SIZE, **_EVERYTHING)
            )
            known = len(found)
            for remote in map(remote_of, results_of(answer)):
                found[remote.id] = remote
                size += remote.size
            count = count_of(answer)
            tell(len(found), count)
            # A page without anything new is not a page of this listing, even if it names a next one.
            if not answer.get("next") or len(found) == known or len(found) > count:
                return found, count
            if size > LONGEST_LISTING:
                break
        raise Misunderstood(f"Mem0's listing is longer than {LONGEST_LISTING >> 20} MiB, or doesn't end")


class PagesShift(Exception):
    """A listing of several pages could not be read as a whole."""


def _a_while_before(moment: str) -> str:
    """A moment before which nothing can turn up any more once this one has been listed."""
    return (datetime.fromisoformat(moment) - LATEST).isoformat()


def _cannot_open(error: Exception) -> Later | Held:
    outcome = outcome_of_error(error)
    if isinstance(outcome, Held | Later):
        return outcome
    if isinstance(error, OSError):
        return Held(f"the CA bundle can't be used: {error}", "check platform.ca_bundle")
    if isinstance(error, json.JSONDecodeError | Misunderstood):
        return Held("something that isn't Mem0 answers", "check platform.host and the proxy")
    if isinstance(error, UnicodeError):
        return Held("the API key has characters that no key has", "check MEM0_API_KEY")
    # Nothing was sent yet, so a failure here makes no entry doubtful.
    after = outcome.after if isinstance(outcome, Unknown) else 0.0
    return Later(str(getattr(outcome, "reason", error)), after)
