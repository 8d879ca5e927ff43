"""A self-hosted Mem0 server, the REST server of Mem0's own repository, through httpx.

mem0ai's `MemoryClient` works with the Platform only. Facts about the server are from its `server/main.py` as
it is beside mem0ai 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import (
    Absent,
    Gone,
    Held,
    Later,
    LookOutcome,
    Outcome,
    PushOutcome,
    Stored,
    Unknown,
)
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.destinations.answer_checks import hit_of, remote_of, results_of
from mem0_syncd.destinations.base import CannotOpen, Hit, Remote, choose, of_a_read
from mem0_syncd.destinations.http import BoundedClient
from mem0_syncd.destinations.http_errors import NOT_FOUND, outcome_of_add
from mem0_syncd.destinations.server_errors import PASSING, code_of, outcome_of_error, what_lacks

LIST_LIMIT = 1000
"""The most memories that the server lists for a user id; there are no pages."""


class Server:
    """A Mem0 server; safe to call from many threads.

    An absence is certain only among the first thousand memories of a user id. Beyond them the server's search
    by key is asked, which is approximate.
    """

    account = ""  # All keys read and write the same memories.
    listing_limit: float = LIST_LIMIT

    def __init__(self, client: httpx.Client, threads: int) -> None:
        self._client = client
        self.threads = threads
        self._too_many_to_list: set[str] = set()

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> Server:
        """A client whose key the server has just accepted; raises `CannotOpen`.

        `config`: url and api_key (or None), timeout (seconds), threads.
        """
        if not config["url"]:
            raise CannotOpen(Held("no Mem0 server is named", "set MEM0_SYNCD_SERVER__URL"))
        try:
            client = BoundedClient(
                base_url=config["url"],
                headers={"X-API-Key": config["api_key"]} if config["api_key"] else {},
                timeout=config["timeout"],
                limits=httpx.Limits(max_connections=config["threads"] + 2),
            )
        except UnicodeError as error:
            unsendable = Held(
                "the API key has characters that no key has", "check MEM0_SYNCD_SERVER__API_KEY"
            )
            raise CannotOpen(unsendable) from error
        server = cls(client, config["threads"])
        trouble = server._knock()
        if trouble is not None:
            server.close()
            raise CannotOpen(trouble)
        return server

    def _knock(self) -> Later | Held | None:
        """What is wrong, if anything: no server, an old one, or one that refuses the key."""
        try:
            if lacks := what_lacks(self._client.get("/openapi.json")):
                return Held(f"the Mem0 server is too old: it has no {lacks}", "update the Mem0 server")
            self._list("mem0-syncd")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what stands in the way
            outcome = self.outcome_of(error)
            # Nothing was sent yet, so no entry is doubtful.
            return Later(outcome.reason, outcome.after) if isinstance(outcome, Unknown) else outcome
        return None

    def push(self, memory: Memory, memory_id: str | None) -> Outcome:
        """Add or update; an add is verbatim unless the memory says `infer`."""
        try:
            return self._update(memory, memory_id) if memory_id else self._add(memory)
        except httpx.HTTPStatusError as error:
            outcome = outcome_of_error(error, is_update=memory_id is not None)
            if memory_id is None and isinstance(outcome, Unknown):
                return self._look_again(memory, outcome, code_of(error.response))
            return outcome
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this push's outcome
            return outcome_of_error(error)

    def _add(self, memory: Memory) -> Outcome:
        if memory.user_id in self._too_many_to_list and not isinstance(found := self.look(memory), Absent):
            return found
        message = {"role": "user", "content": memory.text}
        body = {
            "messages": [message],
            "user_id": memory.user_id,
            "metadata": memory.metadata,
            "infer": memory.infer,
        }
        if memory.agent_id:
            body["agent_id"] = memory.agent_id
        return outcome_of_add(self._ask("POST", "/memories", json=body))

    def _update(self, memory: Memory, memory_id: str) -> PushOutcome:
        known = self.get(memory_id)
        # For an update of what is gone, some versions report only that something failed.
        if known is None:
            return Gone("the memory is no longer there")
        body = {"text": memory.text, "metadata": known.replaced_by(memory)}
        self._ask("PUT", f"/memories/{quote(memory_id, safe='')}", json=body)
        return Stored((memory_id,))

    def _look_again(self, memory: Memory, outcome: Unknown, code: str) -> Outcome:
        # The server itself has answered, so what it did is done: a look-up tells.
        found = self.look(memory) if code in PASSING else outcome
        if isinstance(found, Absent):
            return Later(f"the Mem0 server has trouble of its own: {code}", outcome.after)
        return found

    def look(self, memory: Memory, *, by_text: bool = False) -> LookOutcome:
        """Find the memory by its key, and then by its text if asked to."""
        try:
            listed = self._list(memory.user_id)
            found = choose(self._of_key(listed, memory.user_id, memory.sync_key, memory.text), memory)
            if isinstance(found, Absent) and by_text:
                return choose([it for it in listed if it.text.strip() == memory.text.strip()], memory)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this look-up's outcome
            return self.outcome_of(error)
        return found

    def poll(self, event_id: str) -> PushOutcome:
        """The server has no events."""
        return Unknown(f"a Mem0 server has no event {event_id}")

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[Hit]:
        """The server's own semantic search."""
        hits = [
            hit_of(it, user_id)
            for user_id in user_ids
            for it in self._search(query, {"user_id": user_id}, limit)
        ]
        return sorted(hits, key=lambda hit: hit.score, reverse=True)[:limit]

    def listing(
        self,
        user_id: str,
        since: str = "",  # noqa: ARG002 - it can't be asked for
        tell: Tell = to_nobody,  # noqa: ARG002 - all is read at once
    ) -> list[Remote]:
        """The memories of a user id, a thousand at most; beyond that each add is looked up first."""
        return self._list(user_id)

    def copies(self, user_id: str, sync_key: str) -> list[Remote]:
        """Every memory of a user id with this key, as far as the server finds it."""
        return self._of_key(self._list(user_id), user_id, sync_key, sync_key)

    def get(self, memory_id: str) -> Remote | None:
        """One memory as it is now."""
        try:
            it = self._ask("GET", f"/memories/{quote(memory_id, safe='')}")
        except httpx.HTTPStatusError as error:
            if error.response.status_code == NOT_FOUND:
                return None
            raise
        return remote_of(it) if it is not None else None

    def delete(self, memory_id: str) -> None:
        """Delete a memory."""
        try:
            self._ask("DELETE", f"/memories/{quote(memory_id, safe='')}")
        except httpx.HTTPStatusError:
            # A memory that is gone is a 404 or a 502, by the server's version.
            if self.get(memory_id) is not None:
                raise

    def outcome_of(self, error: Exception) -> Later | Unknown | Held:
        """What an exception from a read means."""
        return of_a_read(outcome_of_error(error))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _list(self, user_id: str) -> list[Remote]:
        asked = {"user_id": user_id, "top_k": LIST_LIMIT, "show_expired": True}
        listed = [remote_of(it) for it in results_of(self._ask("GET", "/memories", params=asked))]
        if len(listed) >= LIST_LIMIT:
            self._too_many_to_list.add(user_id)
        return listed

    def _of_key(self, listed: Sequence[Remote], user_id: str, sync_key: str, query: str) -> list[Remote]:
        seen = {it.id: it for it in listed}
        if user_id in self._too_many_to_list:
            filters = {"user_id": user_id, "sync_key": sync_key}
            found = map(remote_of, self._search(query, filters, LIST_LIMIT))
            seen |= {it.id: it for it in found}
        return [it for it in seen.values() if it.is_of(user_id, sync_key)]

    def _search(self, query: str, filters: Mapping[str, str], limit: int) -> list[Mapping[str, Any]]:
        asked = {
            "query": query,
            "filters": filters,
            "top_k": limit,
            "threshold": 0.0,
            "show_expired": "sync_key" in filters,
        }
        return results_of(self._ask("POST", "/search", json=asked))

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        response = self._client.request(method, path, **request)
        response.raise_for_status()
        return response.json()
