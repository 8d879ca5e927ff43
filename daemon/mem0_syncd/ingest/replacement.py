"""One text in the place of another that no file says: its memory is updated, and none is added."""

from __future__ import annotations

from collections.abc import Callable

from mem0_syncd.core.item import UNFILED, Item
from mem0_syncd.errors import Problem
from mem0_syncd.outbox import DestinationRow, Outbox


class Replacement:
    """Replaces what no file says; for the caller's transaction."""

    def __init__(self, outbox: Outbox, read_lag_of: Callable[[DestinationRow], float]) -> None:
        """`read_lag_of` says for how many seconds a destination may not show what it has just stored."""
        self._outbox = outbox
        self._read_lag_of = read_lag_of

    def is_open(self, item: Item, name: str) -> bool:
        """Whether what a name stands for is just being sent, where the item goes."""
        destination = self._outbox.destinations.of(item.project)
        return any(self._outbox.rekeying.is_open(destination.id, key) for key in self._keys(item, name))

    def replace(self, item: Item, name: str, now: float) -> Problem | None:
        """Have an item take the place of what a name stands for; says what is wrong where it can't."""
        outbox, key = self._outbox, item.identity
        replaced = [former for former in self._keys(item, name) if former != key]
        if not replaced and key not in self._keys(item, name):
            what = f"nothing that no file says is known as {name}: it was remembered beside it"
            return Problem(what, item.project, "mem0-syncd list; forget what is too much")
        outbox.tombstones.lift(replaced)
        for former in replaced:
            there = [it.id for it in outbox.destinations.all() if outbox.rekeying.known(it.id, [key])]
            if there:  # then it has a memory of its own, and the other one goes
                outbox.tombstones.bury(item.project, [former], erase=True, now=now)
                continue
            for destination in outbox.destinations.all():
                if outbox.rekeying.known(destination.id, [former]):
                    self._follow(destination, former, key)
        return None

    def _follow(self, destination: DestinationRow, former: str, key: str) -> None:
        rekeying = self._outbox.rekeying
        if not rekeying.is_open(destination.id, former):
            rekeying.rekey(destination.id, former, key, seen_seconds=self._read_lag_of(destination))
            rekeying.forget_source_id(destination.id, key)

    def _keys(self, item: Item, name: str) -> list[str]:
        """The keys of what a name stands for, among what no file says and the item may replace."""
        found = self._outbox.tombstones.find(item.project, name)
        alike = (it.sync_key for it in found if it.source in UNFILED and it.kind == item.kind)
        return list(dict.fromkeys(alike))
