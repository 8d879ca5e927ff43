"""The inspection: compares all that is known with all that Mem0 holds, one user id after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mem0_syncd.core.delivered import Delivered
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.courier.inventory_file import read_inventory
from mem0_syncd.outbox import DestinationRow, Outbox
from mem0_syncd.outbox.receipts import Scope
from mem0_syncd.system.clock import Clock
from mem0_syncd.verify.comparison import Comparison, compare

TakeInventory = Callable[..., Mapping[str, Any]]
"""`operations.take_inventory`, here or in the daemon: takes `destination`, `user_id` and `tell`."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What differs for one user id of a destination."""

    destination: DestinationRow
    user_id: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Inspection:
    """How to compare: `gone` were just deleted, and may still be listed.

    `say` is called with what is being done, and `tell` with (done, total) items.
    """

    outbox: Outbox
    take_inventory: TakeInventory
    clock: Clock
    say: Callable[[str], None]
    tell: Tell = to_nobody
    gone: AbstractSet[str] = frozenset()

    def run(self, project: str | None = None) -> Iterator[Inspected]:
        """Compare everything, or one project, wherever its items go."""
        receipts = self.outbox.receipts
        parts = [
            (destination, user_id, scope, sum(receipts.count(destination.id, *it) for it in scope))
            for destination, user_id, scope in self._parts(project)
        ]
        total, done = sum(count for *_, count in parts), 0
        for destination, user_id, scope, count in parts:
            self.say(f"comparing {user_id}")
            self.tell(done, total)
            comparison = self._compare(destination, user_id, scope, self._in_part(done, count, total))
            if user_id == GLOBAL_BEST_PRACTICES and project is not None:
                comparison.foreign = []  # what other projects know doesn't concern this one
            done += count
            yield Inspected(destination, user_id, comparison)

    def _parts(self, project: str | None) -> Iterator[tuple[DestinationRow, str, Scope]]:
        outbox = self.outbox
        for destination in outbox.destinations.in_use():
            for user_id, scope in outbox.receipts.scopes(destination.id, project).items():
                if here := [it for it in scope if outbox.destinations.of(it[0]).id == destination.id]:
                    yield destination, user_id, here

    def _in_part(self, before: int, count: int, total: int) -> Tell:
        """Called with how many memories of one listing are read; calls on with how many items that makes."""

        def tell(read: int, listed: int) -> None:
            self.tell(before + count * read // max(listed, 1), total)

        return tell

    def _compare(self, destination: DestinationRow, user_id: str, scope: Scope, tell: Tell) -> Comparison:
        for is_last in (False, True):
            begun, before = self.clock.wall(), self._delivered(destination, scope)
            inventory = self.take_inventory(destination=destination.id, user_id=user_id, tell=tell)
            kept = [it for it in read_inventory(Path(inventory["path"])) if it.id not in self.gone]
            # What was delivered, revised or forgotten meanwhile is compared the next time.
            after = set(self._delivered(destination, scope))
            known = {key for it in scope for key in self.outbox.receipts.keys(destination.id, *it)}
            keys = {it.sync_key for it in kept if it.sync_key not in known}
            former = self.outbox.item_keys.present(destination.id, keys)
            comparison = compare((it for it in before if it in after), known, kept, former)
            if not inventory["is_complete"]:
                comparison.pass_over_missing()
            shown_from = begun - inventory["read_lag"]
            if is_last or all(it.delivered_at <= shown_from for it in comparison.doubted):
                break
            self.say("waiting until Mem0 surely shows what has just been delivered")
            self.clock.sleep(inventory["read_lag"])
        return comparison

    def _delivered(self, destination: DestinationRow, scope: Scope) -> list[Delivered]:
        return [item for it in scope for item in self.outbox.receipts.delivered(destination.id, *it)]
