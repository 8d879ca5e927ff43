"""What is new in one file: which of its entries are new, and their items as long as they aren't too many."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from mem0_syncd.core.entry_problems import EntryProblems
from mem0_syncd.core.item import Item
from mem0_syncd.core.position import Position
from mem0_syncd.core.withheld import KEPT_HOME
from mem0_syncd.ingest.seen_files import NO_ENTRIES, Keys, SeenFile
from mem0_syncd.sources import Broken, Raw, Source, file_reader
from mem0_syncd.sources.limits import LARGEST_ENTRY, MOST_ENTRIES, TOO_LARGE_REMEDY

ENTRIES_A_TURN = 1000
BYTES_A_TURN = 1 << 20
"""Bytes that are looked at in one turn."""


class Turn(Enum):
    """The end of a turn of a scan: others may have theirs."""

    AT_WORK = "at work"
    BEFORE_A_LARGE_FILE = "before a large file"
    WAITS = "another thread scans the same project"


@dataclass
class ReadingBudget:
    """How many items, and characters of their texts, can still be taken in together."""

    items: int
    characters: int

    def take(self, items: tuple[Item, ...]) -> bool:
        """Whether there was room for some more items."""
        self.items -= len(items)
        self.characters -= sum(len(item.text) for item in items)
        return self.items >= 0 and self.characters >= 0


@dataclass
class NewEntries:
    """What a file says now.

    `keys` has all its entries, in their order. `items` are those of the new ones with their entries' digests,
    or None where they are too many to be kept. Of the `fresh` entries, `found` have been met again since.
    """

    source: Source
    before: SeenFile
    signature: tuple[int, ...] | None = None
    mark: file_reader.Mark | None = None
    is_tail: bool = False
    has_more: bool = False
    keys: dict[bytes, Keys] = field(default_factory=dict)
    complaints: EntryProblems = field(default_factory=EntryProblems)
    items: list[tuple[bytes, Item]] | None = field(default_factory=list)
    kept_home: set[int] = field(default_factory=set)
    fresh: list[bytes] = field(default_factory=list)
    found: int = 0
    _half: set[bytes] = field(default_factory=set)

    def is_fresh(self, digest: bytes) -> bool:
        """Whether an entry is new; what was appended is, even if it repeats a line: A, B, A ends at A."""
        return self.is_tail or digest not in self.before.seen

    def fill(
        self,
        contents: file_reader.Contents,
        project: str,
        room: ReadingBudget,
        mark_before: Callable[[file_reader.Contents, int], file_reader.Mark],
    ) -> Iterator[Turn]:
        """Take in what the file holds; raises `Unreadable`.

        `mark_before` returns the mark at the beginning of a line.
        """
        self.signature, self.mark, self.is_tail = contents.signature, contents.mark, contents.is_tail
        self.has_more = contents.has_more
        self.complaints = EntryProblems(self.before.complaints.problems if self.is_tail else {})
        is_half_broken = False
        number = 0
        # Of a long file nearly all entries are known, and for each of them every call counts.
        is_well = not self.source.appended and not self.before.complaints.problems
        known = self.before.seen if is_well else NO_ENTRIES
        for entry in entries(self.source, contents):
            if isinstance(entry, Turn):
                yield entry
                continue
            digest, raw = entry
            if digest in known:
                self.keys[digest] = known[digest]
                number += 1
                continue
            number += 1
            if number > MOST_ENTRIES and not raw.place.column and self.source.appended:
                self.mark, self.has_more = mark_before(contents, raw.place.line), True
                self._half, is_half_broken = set(), False
                break
            self._take(digest, raw, project, room)
            if contents.block and raw.place.line > contents.block.lines:
                self._half.add(digest)
                is_half_broken = is_half_broken or isinstance(raw.value, Broken)
        if is_half_broken:  # it may be the first half of something: it is read again with its end
            self.mark = contents.block
        else:
            self._half = set()

    def _take(self, digest: bytes, raw: Raw, project: str, room: ReadingBudget) -> None:
        if not self.is_fresh(digest):
            self.keys[digest] = self.before.seen[digest]
            if self.before.complaints.problems and self.complaints.add_known(digest, self.before.complaints):
                self.complaints.add(digest, self.source.read(raw, project).problems)
            return
        reading = self.source.read(raw, project)
        self.complaints.add(digest, reading.problems)
        keys = tuple(key_of(item) for item in reading.items)
        self.keys[digest] = keys[0] if len(keys) == 1 else keys
        self.kept_home |= {key_of(item) for item in reading.items if item.withheld == KEPT_HOME}
        self.fresh.append(digest)
        if room.take(reading.items) and self.items is not None:
            self.items += [(digest, item) for item in reading.items]
        else:
            self.items = None

    @property
    def memo(self) -> SeenFile:
        """What is to be remembered, once all of it is taken in."""
        kept = {digest: keys for digest, keys in self.keys.items() if digest not in self._half}
        seen = {**self.before.seen, **kept} if self.is_tail else kept
        complaints = self.complaints.without(self._half)
        return SeenFile(() if self.has_more else self.signature, self.mark, seen or NO_ENTRIES, complaints)


def key_of(item: Item) -> int:
    """The hash of an item's key; small, because very many are remembered."""
    return int(item.identity[:15], 16)


def keys_of(keys: Keys) -> tuple[int, ...]:
    """The keys of one entry's items."""
    return (keys,) if isinstance(keys, int) else keys


def entries(source: Source, contents: file_reader.Contents) -> Iterator[Turn | tuple[bytes, Raw]]:
    """The entries with their digests: of an entry's content, and how many times that content came before.

    A turn ends now and then.
    """
    number = size = 0
    seen: set[bytes] = set()
    repeated: dict[bytes, int] = {}
    suffix = contents.lines.to_bytes(8) if contents.lines else b""
    for raw in source.split(contents.data):
        try:
            # Of all ways to compare two JSON values, marshal is ten times the fastest; version 2 has no
            # references between equal parts, which would depend on how the value was built.
            content = marshal.dumps(raw.value, 2)
        except ValueError:  # nested too deep for it, or broken
            content = _spelled(raw)
        number, size = number + 1, size + len(content)
        if number >= ENTRIES_A_TURN or size >= BYTES_A_TURN:
            number = size = 0
            yield Turn.AT_WORK
        digest = hashlib.blake2b(content, digest_size=15).digest() + suffix
        if digest in seen:
            repeated[digest] = repeated.get(digest, 1) + 1
            digest += repeated[digest].to_bytes(4)
        else:
            seen.add(digest)
        yield digest, _moved(raw, contents.lines)
    if contents.too_long:
        what = f"the line is longer than {LARGEST_ENTRY >> 20} MiB, and is passed over"
        yield b"too long" + suffix, Raw(Position(contents.too_long), Broken(what, TOO_LARGE_REMEDY))


def _moved(raw: Raw, lines: int) -> Raw:
    """An entry with its line counted from the beginning of the file, if it was read from further on."""
    return raw._replace(at=raw.place.further_by(lines)) if lines else raw


def _spelled(raw: Raw) -> bytes:
    value = (str(raw.place), raw.value.what) if isinstance(raw.value, Broken) else raw.value
    return repr(value).encode("utf-8", "surrogatepass")
