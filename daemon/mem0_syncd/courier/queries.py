"""Queries of a destination beside all deliveries, for callers who wait for the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mem0_syncd.core.duplicate_memories import Double, Kept
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.courier import CourierSupervisor
from mem0_syncd.errors import SyncdError

ANSWER_SECONDS = 60.0
LISTING_SECONDS = 1800.0


class Queries:
    """The queries of one destination, for any thread.

    Each raises `SyncdError` if it can't be answered.
    """

    def __init__(self, line: CourierSupervisor[Any]) -> None:
        self._line = line

    def search(self, query: str, user_ids: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """The memories that are nearest to a query."""
        request = {"verb": "search", "query": query, "user_ids": list(user_ids), "limit": limit}
        hits: list[dict[str, Any]] = self._ask("the search failed", request, "hits")
        return hits

    def delete(self, memory_id: str) -> None:
        """Delete a memory."""
        self._ask("the memory can't be deleted", {"verb": "delete", "memory_id": memory_id}, "deleted")

    def memory(self, memory_id: str) -> dict[str, Any] | None:
        """One memory as it is in Mem0, in the form of `destinations.Remote`; None where it is gone."""
        request = {"verb": "memory", "memory_id": memory_id}
        there: dict[str, Any] | None = self._ask("the memory can't be read", request, "memory")
        return there

    def account(self) -> str:
        """The account of the destination, by the key that is in use."""
        return str(self._ask("the account can't be found out", {"verb": "whose"}, "account"))

    def take_inventory(self, user_id: str, since: str, path: Path, tell: Tell = to_nobody) -> dict[str, Any]:
        """Have all that a user id holds written to a file, or what is new `since` Mem0's time of a moment.

        Returns Mem0's time of the `newest` of it ('' if there is nothing), and whether it `is_complete`.
        `tell` is called with how many memories are read.
        """
        request: dict[str, Any] = {"verb": "inventory", "user_id": user_id, "since": since, "path": str(path)}
        # It may take minutes: not on the thread that is only for major decisions.
        request["major"] = False
        said: dict[str, Any] = self._ask(
            "Mem0's memories can't be listed", request, "inventory", LISTING_SECONDS, tell
        )
        return said

    def copies(self, user_id: str, sync_key: str) -> list[Kept]:
        """Every memory of an item."""
        request = {"verb": "copies", "user_id": user_id, "sync_key": sync_key}
        return [Kept(**it) for it in self._ask("the item can't be looked up", request, "memories")]

    def renew(self, memory_id: str, **item: Any) -> dict[str, str] | None:
        """Have a memory carry key and hash of what it says; returns them, or None if it was left alone.

        `item` is what `destinations.rehashed_memory.renewed` takes.
        """
        request = {"verb": "renew", "memory_id": memory_id, "item": item, "major": False}
        said: dict[str, str] | None = self._ask("a memory can't be renewed", request, "renewed")
        return said

    def remove(self, double: Double) -> list[str]:
        """Delete what is still a double after both were read again; returns the ids of what was deleted."""
        extras = [extra.id for extra in double.extras]
        request = {"verb": "remove", "survivor": double.survivor.id, "extras": extras}
        return [str(it) for it in self._ask("a double can't be removed", request, "ids")]

    def _ask(
        self,
        failure: str,
        request: Mapping[str, Any],
        wanted: str,
        timeout: float = ANSWER_SECONDS,
        tell: Tell = to_nobody,
    ) -> Any:
        answer = self._line.ask(request, timeout, tell)
        if wanted not in answer:
            what = answer.get("reason") or answer.get("error") or "the courier didn't get to it"
            where = str(request.get("user_id") or request.get("memory_id") or "Mem0")
            raise SyncdError(f"{failure}: {what}", where=where, remedy=answer.get("remedy") or "try again")
        return answer[wanted]
