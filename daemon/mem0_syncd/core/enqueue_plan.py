"""Compares items with what is known of them: the pure decision of what changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mem0_syncd.core.item import LONGEST_TEXT, Item
from mem0_syncd.core.withheld import FORGOTTEN, KEPT_HOME, Withheld


@dataclass(frozen=True, slots=True)
class Known:
    """What the outbox holds of one item for one destination: content hashes, or None.

    `wanted` is what a person wants sent again; `forgotten` is what one wants in no Mem0.
    """

    waiting: str | None = None
    in_flight: str | None = None
    dead: str | None = None
    delivered: str | None = None
    dropped: str | None = None
    withheld: bool = False
    skipped: bool = False
    project: str | None = None
    source: str | None = None
    tree: str = ""
    wanted: bool = False
    forgotten: bool = False

    @property
    def newest(self) -> str | None:
        """The newest revision intended: waiting, else in flight, else dead, else delivered."""
        return self.waiting or self.in_flight or self.dead or self.delivered

    @property
    def underlying(self) -> str | None:
        """What Mem0 will hold if the waiting revision is withdrawn."""
        return self.in_flight or self.dead or self.delivered


UNKNOWN = Known()


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A new item, or a new revision: to be delivered."""

    item: Item


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The revision that waits was taken back before it was sent."""

    item: Item


@dataclass(frozen=True, slots=True)
class Withhold:
    """An item is seen and counted, and doesn't leave the machine."""

    item: Item
    reason: Withheld


@dataclass(frozen=True, slots=True)
class Skip:
    """An item was marked as synced by another program."""

    item: Item


@dataclass(frozen=True, slots=True)
class Reject:
    """An item that no destination could take is a dead letter from the start."""

    item: Item
    reason: str


Change = Enqueue | Withdraw | Withhold | Skip | Reject


def part_twins(items: Iterable[Item], known: Mapping[str, Known]) -> list[Item]:
    """The items of one read, each under the key that is its own.

    Of two with one id and time, one keeps the plain key: the one whose content that key already stands for,
    else the first. The text of every other joins its key. So neither their order nor the removal of one
    changes another's identity.
    """
    by_key: dict[str, dict[str, Item]] = {}
    for item in items:
        by_key.setdefault(item.sync_key, {})[item.text] = item  # of one text, the last one counts
    parted = []
    for key, by_text in by_key.items():
        plain = known.get(key, UNKNOWN).newest
        strangers = [item for item in by_text.values() if not _is_known_twin(item, plain, known)]
        keeper = next((item for item in strangers if item.was_sent_as(plain)), None)
        keeper = keeper or next(iter(strangers), None)
        parted += [item if item is keeper else item.as_twin() for item in by_text.values()]
    return parted


def _is_known_twin(item: Item, plain: str | None, known: Mapping[str, Known]) -> bool:
    if item.source_id is None:
        return False
    return not item.was_sent_as(plain) and known.get(item.twin_key, UNKNOWN) != UNKNOWN


def plan(
    items: Iterable[Item],
    known: Mapping[str, Known],
    ranks: Mapping[str, int] | None = None,
    marked: AbstractSet[str] = frozenset(),
    tree: str = "",
) -> list[Change]:
    """What changes, from parted items and what is known of their keys.

    `ranks` orders the sources: a later one doesn't revise what an earlier one said. `marked` are the keys
    that other programs marked as synced. `tree` is the worktree that the items were read in. It revises only
    what it said itself, and the project's own folder, '', overrules it.
    """
    record = _Record(ranks or {}, tree)
    changes = (_change(item, known.get(item.sync_key, UNKNOWN), record, marked) for item in items)
    return [change for change in changes if change is not None]


@dataclass(frozen=True, slots=True)
class _Record:
    """Where items were read, and what that may revise."""

    ranks: Mapping[str, int]
    tree: str

    def may_revise(self, item: Item, known: Known) -> bool:
        """Whether this read may revise an item.

        An item has one source of record. A best practice that several projects say belongs to the first one.
        """
        if known.source is None or known.project is None:
            return True
        is_of_record = self.ranks.get(item.source, 0) <= self.ranks.get(known.source, 0)
        return item.project == known.project and is_of_record and self.tree in ("", known.tree)


def _is_taken_back(item: Item, known: Known, record: _Record) -> bool:
    """Whether the waiting revision of an item must not be sent, as its source or its user says now."""
    if item.withheld is None or known.waiting is None:
        return False
    return item.withheld == KEPT_HOME or (item.withheld.is_by_consent and record.may_revise(item, known))


def _change(item: Item, known: Known, record: _Record, marked: AbstractSet[str]) -> Change | None:
    if known.forgotten:
        return None if known.withheld or known.in_flight else Withhold(item, FORGOTTEN)
    if known.dropped == item.content_hash and not known.wanted:
        return None
    if item.withheld and _is_taken_back(item, known, record):
        return Withdraw(item) if known.underlying else Withhold(item, item.withheld)
    if known.newest is None:
        if item.withheld:
            return None if known.withheld else Withhold(item, item.withheld)
        if item.sync_key in marked:
            return None if known.skipped else Skip(item)
    elif item.withheld or not record.may_revise(item, known):
        return None
    elif item.content_hash == known.newest and not known.wanted:
        # What was dropped, or died, meanwhile was another revision: this one is delivered, as it was.
        return Withdraw(item) if known.dropped or (known.in_flight and known.dead) else None
    if known.waiting is not None and item.content_hash == known.underlying:
        return Withdraw(item)
    if len(item.text) > LONGEST_TEXT:
        return Reject(item, f"too large: {len(item.text):,} characters, of {LONGEST_TEXT:,} at most")
    return Enqueue(item)
