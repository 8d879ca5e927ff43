"""The scan: reads a project's files, plans against what is known, and makes the changes durable."""

from __future__ import annotations

import hashlib
import marshal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mem0_syncd import files
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.failpoint import failpoint
from mem0_syncd.folders import Folders
from mem0_syncd.intake import Intake, Taken
from mem0_syncd.item import Item
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.outbox.registry import Registry
from mem0_syncd.project_file import EVERYTHING, ProjectFile
from mem0_syncd.sources import SOURCES, Broken, Raw, Reading, Source
from mem0_syncd.unreadable import Refused, Unreadable
from mem0_syncd.watched_folder import WatchedFolder

SETTLING_SECONDS = 2.0
"""How long a file that doesn't parse may be a writer at work, before it is a problem."""

RETRY_SECONDS = 0.2
DEFERRED_SECONDS = 2.0

Digest = tuple[bytes, int]
"""An entry's content, and the how-manyth of that content in its file it is."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one scan did: changes made durable, and when to look again (seconds)."""

    changes: int = 0
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    keys: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass
class _Memo:
    """What is remembered of a file between scans; replaced as a whole, after the commit."""

    signature: tuple[int, ...] | None = ()
    mark: files.Mark | None = None
    seen: dict[Digest, _Seen] = field(default_factory=dict)
    bad_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file says now: its entries in their order, and the readings of those that are new."""

    source: Source
    contents: files.Contents | None
    entries: dict[Digest, Raw]
    readings: dict[Digest, Reading]

    @property
    def items(self) -> Iterator[Item]:
        """The items of the new entries, in the order of the file."""
        for digest in self.entries:
            if digest in self.readings:
                yield from self.readings[digest].items


class Scanner:
    """Reads the watched projects; one thread at a time."""

    def __init__(
        self,
        registry: Registry,
        intake: Intake,
        folders: Folders | None = None,
        *,
        sources: Sequence[Source] = SOURCES,
    ) -> None:
        self._registry = registry
        self._intake = intake
        self._folders = folders or Folders(registry)
        self._sources = sources
        self._memos: dict[tuple[Path, str], _Memo] = {}
        self._wishes: dict[Path, ProjectFile] = {}

    def scan(
        self,
        project: ProjectRow,
        wishes: ProjectFile = EVERYTHING,
        *,
        changed_only: bool = False,
        heed_marks: bool = True,
    ) -> Scanned:
        """Read every source of a project; `changed_only` passes over files that look as they did.

        Without `heed_marks` everything is read anew, and taken in whatever others marked as synced. Nothing
        is read of a folder that is not there, or that is refused as a whole.
        """
        if not heed_marks or self._wishes.get(project.path, EVERYTHING) != wishes:
            self.forget()
            self._wishes[project.path] = wishes
        try:
            with self._folders.of(project) as folder:
                reads, retry = self._read_all(project, folder, changed_only=changed_only)
        except (Refused, FileNotFoundError, NotADirectoryError):
            return Scanned()
        if not reads:
            return Scanned(retry_after=RETRY_SECONDS if retry else None)
        failpoint("read")
        items = [item for read in reads for item in read.items]
        taken = self._intake.take_in(project, items, wishes, heed_marks=heed_marks)
        failpoint("enqueued")
        for read in reads:
            self._remember(project, read, taken)
        wait = RETRY_SECONDS if retry else DEFERRED_SECONDS if taken.deferred else None
        if not taken.deferred and any(read.contents and read.contents.is_cut for read in reads):
            wait = 0.0
        return Scanned(taken.changes, wait)

    def forget(self) -> None:
        """Read everything anew at the next scan: what is known has changed by other means."""
        self._memos.clear()

    def _memo(self, project: ProjectRow, source: Source) -> _Memo:
        return self._memos.setdefault((project.path, source.name), _Memo())

    def _read_all(
        self, project: ProjectRow, folder: WatchedFolder, *, changed_only: bool
    ) -> tuple[list[_Read], bool]:
        """What the files say, and whether one is to be read again soon."""
        reads, retry = [], False
        # Hooks append a record first and then its echo to the queue: read the other way round, no
        # echo is seen before its record.
        for source in reversed(self._sources):
            try:
                read = self._read(project, folder, source, changed_only=changed_only)
            except Unreadable as error:
                retry |= self._unreadable(project, source, error)
            else:
                reads += [read] if read else []
        return reads[::-1], retry

    def _read(
        self, project: ProjectRow, folder: WatchedFolder, source: Source, *, changed_only: bool
    ) -> _Read | None:
        memo = self._memo(project, source)
        try:
            signature = files.signature_of(folder, source.path)
            if changed_only and signature != () and signature == memo.signature:
                return None
            if signature is None:
                return _Read(source, None, {}, {})
            contents = files.read(folder, source.path, signature, memo.mark, appended=source.appended)
        except FileNotFoundError:
            return _Read(source, None, {}, {})
        except OSError as error:
            if is_want_of_handles(error):
                raise
            raise Unreadable(
                f"can't be read: {error.strerror}", remedy="check what is at that path"
            ) from None
        entries = _with_digests(source.split(contents.data), contents.lines)
        # Of what was appended everything is new, even if it repeats a line: A, B, A ends at A.
        old = {} if contents.is_tail else memo.seen
        readings = {
            digest: source.understand(raw, project.id) for digest, raw in entries.items() if digest not in old
        }
        # Two entries with one key are told apart together, so a new one's namesakes are read again.
        fresh = {item.identity for reading in readings.values() for item in reading.items}
        readings |= {
            digest: source.understand(raw, project.id)
            for digest, raw in entries.items()
            if digest not in readings and not fresh.isdisjoint(old[digest].keys)
        }
        return _Read(source, contents, entries, readings)

    def _unreadable(self, project: ProjectRow, source: Source, error: Unreadable) -> bool:
        """A writer may be at work: only what stays unreadable is a problem; returns whether to retry."""
        memo = self._memo(project, source)
        memo.signature, memo.mark = (), None
        memo.bad_since = time.monotonic() if memo.bad_since is None else memo.bad_since
        if time.monotonic() - memo.bad_since < SETTLING_SECONDS:
            return True
        where = f"{source.path}: {error.place}" if error.place else source.path
        problem = Problem(error.what, where, error.remedy)
        self._registry.set_problems(project.id, source.name, [problem], project.tree)
        return False

    def _remember(self, project: ProjectRow, read: _Read, taken: Taken) -> None:
        memo, contents = self._memo(project, read.source), read.contents
        if taken.deferred:
            return
        seen = dict(memo.seen) if contents and contents.is_tail else {}
        for digest in read.entries:
            seen[digest] = (
                _seen(read.readings[digest], taken) if digest in read.readings else memo.seen[digest]
            )
        problems = [problem for entry in seen.values() for problem in entry.problems]
        self._registry.set_problems(project.id, read.source.name, problems, project.tree)
        broken = any(isinstance(raw.value, Broken) for raw in read.entries.values())
        self._memos[project.path, read.source.name] = _Memo(
            signature=contents.signature if contents else None,
            # What is broken at the end may be the first half of something: it is read again with the rest.
            mark=contents.mark if contents and (contents.is_cut or not broken) else None,
            seen=seen,
        )


def _seen(reading: Reading, taken: Taken) -> _Seen:
    problems = list(reading.problems)
    for item in reading.items:
        problems += taken.problems.get((item.path, item.place), ())
    return _Seen(tuple(item.identity for item in reading.items), tuple(dict.fromkeys(problems)))


def _with_digests(raws: Iterable[Raw], lines: int) -> dict[Digest, Raw]:
    """The entries by their content, in the order in which each content last occurs."""
    counts: Counter[bytes] = Counter()
    entries: dict[Digest, Raw] = {}
    for raw in raws:
        content = _digest(raw)
        counts[content] += 1
        entries[content, lines + counts[content]] = _moved(raw, lines)
    return entries


def _moved(raw: Raw, lines: int) -> Raw:
    """An entry with its line counted from the beginning of the file, where it was read from further on."""
    if not lines:
        return raw
    word, number, *rest = raw.place.replace(",", " ,").split(" ")
    return replace(raw, place=" ".join([word, str(int(number) + lines), *rest]).replace(" ,", ","))


def _digest(raw: Raw) -> bytes:
    value = (raw.place, raw.value.what) if isinstance(raw.value, Broken) else raw.value
    try:
        # Of all ways to tell two JSON values apart, marshal is ten times the fastest; version 2 has no
        # references between equal parts, which would depend on how the value was built.
        data = marshal.dumps(value, 2)
    except ValueError:  # nested too deep for it
        data = repr(value).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()
