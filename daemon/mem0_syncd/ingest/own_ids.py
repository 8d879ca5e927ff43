"""Two entries with one id and time: the one that is given an id of its own is the item that it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from mem0_syncd.core.item import RECORD, Item, instant
from mem0_syncd.outbox import DestinationRow, Outbox
from mem0_syncd.outbox.twins import Twin


@dataclass(frozen=True, slots=True)
class OwnIds:
    """The items of a batch that can be planned; whether one was known by another id, or must wait."""

    items: list[Item]
    moved: bool
    waits: bool


class OwnIdFinder:
    """Knows items again that were given ids of their own; for the caller's transaction."""

    def __init__(
        self,
        outbox: Outbox,
        as_sent: Callable[[Item], Item],
        read_lag_of: Callable[[DestinationRow], float],
    ) -> None:
        """`as_sent` is an item as it leaves; for `read_lag_of` see `Replacement`."""
        self._outbox, self._as_sent, self._read_lag_of = outbox, as_sent, read_lag_of

    def find(self, destination: DestinationRow, project: str, items: list[Item]) -> OwnIds:
        """Have what is known of such items go by their present keys, unless it is just being sent."""
        twins = self._outbox.twins.all(destination.id, project)
        if not twins:
            return OwnIds(items, moved=False, waits=False)
        known = self._outbox.rekeying.known(destination.id, [it.sync_key for it in items])
        left, moved, waits = [], False, False
        for item in items:
            twin = None if item.sync_key in known else self._former(item, twins)
            if twin is None:
                left.append(item)
            elif self._outbox.rekeying.is_open(destination.id, twin.sync_key):
                waits = True
            else:
                left.append(item)
                moved = True
                self._move(destination, twin, item)
        return OwnIds(left, moved, waits)

    def _move(self, destination: DestinationRow, twin: Twin, item: Item) -> None:
        seen_seconds = self._read_lag_of(destination)
        self._outbox.rekeying.rekey(destination.id, twin.sync_key, item.sync_key, seen_seconds=seen_seconds)
        self._outbox.twins.part(destination.id, item.sync_key, item.source_id)

    def _former(self, item: Item, twins: Iterable[Twin]) -> Twin | None:
        """Which of two with one id and time an item was, by its text."""
        if item.source_id is None or item.when is None:
            return None
        moment = instant(item.when)
        for twin in twins:
            if (twin.moment, twin.source) == (moment, item.source) and twin.source_id != item.source_id:
                former = _by_id(self._as_sent(item), twin.source_id)
                if former is not None and twin.is_said_by(former):
                    return twin
        return None


def keys_of_twins(items: Iterable[Item], parted: Iterable[Item]) -> Mapping[str, list[str]]:
    """By their time, the keys of those that share their id and time with others."""
    plain = {it.twin_key: it.sync_key for it in items if it.twin_key}
    found: dict[str, list[str]] = {}
    for it in parted:
        if it.is_twin and it.when is not None:
            found.setdefault(instant(it.when), []).extend({it.sync_key, plain.get(it.sync_key, it.sync_key)})
    return found


def _by_id(item: Item, source_id: str) -> Item | None:
    """An item as it was by another id, which its text says as well; None where that isn't known."""
    now, then = (name.removeprefix(RECORD) for name in (item.source_id or "", source_id))
    body, found, reference = item.text.rpartition(f"\n({now}")
    if not found or reference not in (")", f", {item.when})"):
        return None
    return replace(item, source_id=source_id, text=f"{body}\n({then}{reference}", is_twin=False, sent_as=None)
