"""What the open-source Mem0's answers are taken for, where the store behind it may do less than it should."""

from __future__ import annotations

from typing import Any

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Found


class Heedless:
    """A `mem0.Memory` whose store lists everything, whatever the filter."""

    def get_all(self, **_: Any) -> dict[str, Any]:
        """Three memories: two of one user id, one of another."""
        return {"results": [_listed("a", "shop", 1), _listed("b", "shop", 2), _listed("c", "blog", 3)]}


def _listed(name: str, user_id: str, number: int) -> dict[str, Any]:
    metadata = {"sync_key": f"key-{number}", "content_hash": f"hash-{number}", "source": "mem0-syncd"}
    return {"id": name, "memory": name, "created_at": "2026", "user_id": user_id, "metadata": metadata}


def asked_for(number: int) -> Memory:
    """An item of `shop`."""
    return Memory("shop", "x", None, {"sync_key": f"key-{number}", "content_hash": f"hash-{number}"})


def test_a_store_that_heeds_no_filter_has_no_memory_taken_for_another() -> None:
    """Or an item would be written over another one's memory."""
    from mem0_syncd.destinations.mem0_oss import OpenSource

    class Store(OpenSource):
        def outcome_of(self, error: Exception) -> Any:
            raise error

    store = Store(Heedless())
    assert store.look(asked_for(2)) == Found("b", "hash-2")
    assert store.look(asked_for(3)) == Absent()
    assert store.look(asked_for(4)) == Absent()
