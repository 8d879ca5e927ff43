"""Very many new items, taken in by parts: those of one key, which must be seen together, stay together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace

from mem0_syncd.core.item import QUEUE, Item
from mem0_syncd.core.withheld import KEPT_HOME, Withheld
from mem0_syncd.errors import Problem
from mem0_syncd.ingest.new_entries import NewEntries, ReadingBudget, Turn, entries, key_of, keys_of
from mem0_syncd.sources import Unreadable
from mem0_syncd.sources.file_reader import Contents

PART_ITEMS = 2000
PART_CHARACTERS = 2_000_000
"""Characters that are planned and made durable at once, to limit memory and the others' wait."""

SLACK = 4
"""How many times that items may have that share their keys."""

Part = list[tuple[NewEntries, bytes, Item]]

_Found = Turn | tuple[NewEntries, bytes, Item, int]


def room(times: int = 1) -> ReadingBudget:
    """The budget of one part, or of `times` parts."""
    return ReadingBudget(times * PART_ITEMS, times * PART_CHARACTERS)


def has_old_namesakes(news: NewEntries) -> bool:
    """Whether old entries of the file have a key of new ones: they must be told apart together."""
    fresh, seen = _fresh_keys(news), news.before.seen.values()
    # This takes no time, and is nearly always all: old entries that are no more don't matter then.
    if tuple not in map(type, seen) and fresh.isdisjoint(seen):
        return False
    return not fresh.isdisjoint(
        key for digest, keys in news.keys.items() if not news.is_fresh(digest) for key in keys_of(keys)
    )


def in_parts(
    all_news: Sequence[NewEntries], read_again: Callable[[NewEntries], Contents], project: str
) -> Iterator[Turn | Part]:
    """What is new in some files, by reading them again; with old entries that have a key of new ones.

    A queue comes last: no echo is taken in before its record. What is found of each file is counted.
    """
    kept_home = {key for news in all_news for key in news.kept_home}
    records = [news for news in all_news if news.source.name != QUEUE]
    queues = [news for news in all_news if news.source.name == QUEUE]
    for group in filter(None, (records, queues)):
        shared = _shared_keys(group)

        def found(
            *, is_first: bool, group: Sequence[NewEntries] = group, shared: set[int] = shared
        ) -> Iterator[_Found]:
            for news in group:
                for it in _again(news, read_again(news), project, shared, is_first=is_first):
                    if isinstance(it, Turn):
                        yield it
                        continue
                    digest, item, key = it
                    yield news, digest, replace(item, withheld=KEPT_HOME) if key in kept_home else item, key

        yield from _one_by_one(found(is_first=True), shared)
        together = sum(
            key in shared for news in group for keys in news.keys.values() for key in keys_of(keys)
        )
        # Several passes, so that not all of them are in memory at once.
        passes = math.ceil(together / PART_ITEMS)
        for number in range(passes):
            wanted = {key for key in shared if key % passes == number}
            yield from _together(found(is_first=False), wanted)


def _one_by_one(found: Iterable[_Found], shared: AbstractSet[int]) -> Iterator[Turn | Part]:
    """The items whose key no other item has."""
    part: Part = []
    left = room()
    for it in found:
        if isinstance(it, Turn):
            yield it
            continue
        news, digest, item, key = it
        if key in shared:
            continue
        if not left.take((item,)) and part:
            yield part
            part, left = [], room()
            left.take((item,))
        part.append((news, digest, item))
    if part:
        yield part


def _together(found: Iterable[_Found], wanted: AbstractSet[int]) -> Iterator[Turn | Part]:
    """Those of some keys, in one part; of one text, the last one counts."""
    part: dict[tuple[int, str, Withheld | None, str], tuple[NewEntries, bytes, Item]] = {}
    left = room(SLACK)
    for it in found:
        if isinstance(it, Turn):
            yield it
            continue
        news, digest, item, key = it
        same = (key, item.text, item.withheld, item.source)
        if key not in wanted:
            continue
        if same in part or left.take((item,)):
            part[same] = (news, digest, item)
        else:
            news.complaints.add(digest, [_left_out(item)])
    yield list(part.values())


def _again(
    news: NewEntries, contents: Contents, project: str, shared: AbstractSet[int], *, is_first: bool
) -> Iterator[Turn | tuple[bytes, Item, int]]:
    with suppress(Unreadable):  # it changed meanwhile
        for entry in entries(news.source, contents):
            if isinstance(entry, Turn):
                yield entry
                continue
            digest, raw = entry
            if digest not in news.keys:
                continue
            is_fresh = news.is_fresh(digest)
            news.found += is_fresh and is_first
            if is_fresh or not shared.isdisjoint(keys_of(news.keys[digest])):
                for item in news.source.read(raw, project).items:
                    key = key_of(item)
                    if is_fresh or key in shared:
                        yield digest, item, key


def _shared_keys(all_news: Iterable[NewEntries]) -> set[int]:
    """The keys of new items that other entries have as well."""
    once: set[int] = set()
    shared: set[int] = set()
    for news in all_news:
        old = []
        for digest, keys in news.keys.items():
            if news.is_fresh(digest):
                for key in keys_of(keys):
                    (shared if key in once else once).add(key)
            else:
                old.append(keys)
        if news.fresh and old:
            fresh = _fresh_keys(news)
            shared |= {key for keys in old for key in keys_of(keys) if key in fresh}
    return shared


def _fresh_keys(news: NewEntries) -> set[int]:
    return {key for digest in news.fresh for key in keys_of(news.keys[digest])}


def _left_out(item: Item) -> Problem:
    what = f"too many entries have the id and time of {item.source_id or 'others'}; this one is left out"
    return Problem(what, item.place.within(item.path), "give it an id of its own")
