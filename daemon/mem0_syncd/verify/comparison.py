"""Compares what is known locally with what Mem0 holds, item by item: a pure decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType

from mem0_syncd.core.delivered import Delivered
from mem0_syncd.core.duplicate_memories import Double, Kept, find_doubles
from mem0_syncd.core.memory_payload import SOURCE


@dataclass(frozen=True, slots=True)
class Match:
    """An item, and its memory in Mem0."""

    item: Delivered
    memory: Kept


@dataclass(frozen=True, slots=True)
class Variants:
    """Other memories of an item beside the one that stays, with another content: not true doubles."""

    sync_key: str
    survivor: Kept
    others: tuple[Kept, ...]


@dataclass
class Comparison:
    """What differs for one user id.

    `moved` are items as they were sent, but under another memory id than the receipt names; `unlisted` is how
    many items couldn't be compared.
    """

    checked: int = 0
    unlisted: int = 0
    missing: list[Delivered] = field(default_factory=list)
    altered: list[Match] = field(default_factory=list)
    moved: list[Match] = field(default_factory=list)
    doubled: list[Double] = field(default_factory=list)
    unlike: list[Variants] = field(default_factory=list)
    foreign: list[Kept] = field(default_factory=list)

    def pass_over_missing(self) -> None:
        """Drop what is missing: the listing was incomplete, so what isn't in it may still be there."""
        self.unlisted, self.missing = len(self.missing), []
        self.checked -= self.unlisted

    @property
    def doubted(self) -> list[Delivered]:
        """The items that aren't as their receipts say."""
        return [*self.missing, *(it.item for it in (*self.altered, *self.moved))]


def compare(
    delivered: Iterable[Delivered],
    known: AbstractSet[str],
    listing: Iterable[Kept],
    former: Mapping[str, str] = MappingProxyType({}),
) -> Comparison:
    """What differs between the receipts of one user id and a complete listing of it.

    `known` are the keys of all items that ever existed, delivered or not: a memory with another key, or
    without one, is foreign. `former` are keys that such items had before, each with the present one.
    """
    by_id = {memory.id: memory for memory in listing}
    by_key: dict[str, list[Kept]] = {}
    for memory in sorted(by_id.values(), key=_age):
        key = former.get(memory.sync_key, memory.sync_key)
        if memory.source == SOURCE and key in known:
            by_key.setdefault(key, []).append(memory)
    result = Comparison()
    ours = {memory.id for copies in by_key.values() for memory in copies}
    named: set[str] = set()
    for item in delivered:
        result.checked += 1
        there = [by_id[number] for number in item.memory_ids if number in by_id]
        copies = by_key.get(item.sync_key, [])
        # With its own id it is ours even if somebody removed its key.
        named |= {memory.id for memory in there}
        _judge(item, there, copies, result)
        if len(item.memory_ids) > 1:  # of one add, by Mem0's language model: not doubles
            by_key[item.sync_key] = [it for it in copies if it.id not in item.memory_ids]
    _find_copies(by_key, named, result)
    result.foreign = [memory for number, memory in by_id.items() if number not in ours | named]
    return result


def _judge(item: Delivered, there: list[Kept], copies: list[Kept], result: Comparison) -> None:
    if there:
        result.altered += [Match(item, it) for it in there if not item.is_said_by(it)][:1]
        return
    same = [it for it in copies if item.is_said_by(it)]
    if same:
        result.moved.append(Match(item, same[0]))
    elif copies:
        result.altered.append(Match(item, copies[0]))
    else:
        result.missing.append(item)


def _find_copies(by_key: Mapping[str, list[Kept]], named: AbstractSet[str], result: Comparison) -> None:
    for key, copies in by_key.items():
        doubles = find_doubles(copies)
        result.doubled += doubles
        extras = {extra.id for double in doubles for extra in double.extras}
        unlike = [it for it in copies if it.id not in extras]
        if len(unlike) > 1:
            stays, *others = sorted(unlike, key=lambda it: (it.id not in named, *_age(it)))
            result.unlike.append(Variants(key, stays, tuple(others)))


def _age(memory: Kept) -> tuple[str, str]:
    return memory.created_at, memory.id
