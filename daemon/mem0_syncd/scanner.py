"""The scan: reads a project's files, plans against what is known, and makes the changes durable."""

from __future__ import annotations

import hashlib
import marshal
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mem0_syncd.errors import Problem
from mem0_syncd.failpoint import failpoint
from mem0_syncd.item import Item, Kind
from mem0_syncd.memory import memory_of
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.ledger import Prepared
from mem0_syncd.plan import Change, Enqueue, Reject, part_twins, plan
from mem0_syncd.sources import SOURCES, Raw, Reading, Source, Unreadable, decision_log

SETTLING_SECONDS = 2.0
"""How long a file that doesn't parse may be a writer at work, before it is a problem."""

RETRY_SECONDS = 0.2

# A file system's clock ticks some milliseconds apart: two writes in one tick can look like one.
_RACY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one scan did: changes made durable, whether a major one, and when to look again (seconds)."""

    changes: int = 0
    major: bool = False
    retry_after: float | None = None


@dataclass
class _Memo:
    """What is remembered of a file between scans; replaced as a whole, after the commit."""

    signature: tuple[int, ...] | None = None
    seen: dict[bytes, _Seen] = field(default_factory=dict)
    bad_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    keys: tuple[str, ...]
    problems: tuple[Problem, ...]


class Scanner:
    """Reads the watched projects; one thread at a time."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        major_categories: Iterable[str] = (),
        infer: bool = False,
        now: Callable[[], float] = time.time,
        sources: tuple[Source, ...] = SOURCES,
    ) -> None:
        self._outbox = outbox
        self._major_categories = {category.lower() for category in major_categories}
        self._infer = infer
        self._now = now
        self._sources = sources
        self._memos: dict[tuple[str, str], _Memo] = {}

    def scan(self, project: ProjectRow, *, changed_only: bool = False) -> Scanned:
        """Read every source of a project; `changed_only` passes over files that look as they did."""
        results = [self._scan_source(project, source, changed_only=changed_only) for source in self._sources]
        return Scanned(
            changes=sum(result.changes for result in results),
            major=any(result.major for result in results),
            retry_after=min((r.retry_after for r in results if r.retry_after is not None), default=None),
        )

    def forget(self) -> None:
        """Read everything anew at the next scan: what is known has changed by other means."""
        self._memos.clear()

    def _scan_source(self, project: ProjectRow, source: Source, *, changed_only: bool) -> Scanned:
        memo = self._memos.setdefault((project.id, source.name), _Memo())
        path = project.path / source.path
        try:
            signature = _signature(path)
            if changed_only and signature and signature == memo.signature:
                return Scanned()
            entries = source.split(path.read_bytes()) if signature is not None else []
        except Unreadable as error:
            return self._unreadable(project, source, memo, error)
        except OSError as error:
            problem = Unreadable(f"can't be read: {error.strerror}", remedy="check what is at that path")
            return self._unreadable(project, source, memo, problem)
        failpoint("read")
        return self._take_in(project, source, entries, signature)

    def _unreadable(self, project: ProjectRow, source: Source, memo: _Memo, error: Unreadable) -> Scanned:
        """A writer may be at work: only what stays unreadable is a problem."""
        memo.signature = None
        memo.bad_since = memo.bad_since if memo.bad_since is not None else self._now()
        if self._now() - memo.bad_since < SETTLING_SECONDS:
            return Scanned(retry_after=RETRY_SECONDS)
        where = f"{source.path}: {error.place}" if error.place else source.path
        self._report(project, source, [Problem(error.what, where, error.remedy)])
        return Scanned()

    def _take_in(
        self, project: ProjectRow, source: Source, entries: list[Raw], signature: tuple[int, ...] | None
    ) -> Scanned:
        memo = self._memos[project.id, source.name]
        digests = [_digest(raw) for raw in entries]
        readings = {
            digest: source.understand(raw, project.id)
            for raw, digest in zip(entries, digests, strict=True)
            if digest not in memo.seen
        }
        self._reread_namesakes(project, source, dict(zip(digests, entries, strict=True)), readings)
        items = [item for reading in readings.values() for item in reading.items]
        changes, parted = self._plan(project, source, items)
        if changes:
            destination = self._outbox.registry.destination()
            self._outbox.ledger.apply(destination.id, changes, self._now())
            failpoint("enqueued")
        problems = _problems_by_entry(readings, parted, changes)
        seen = {
            digest: _Seen(
                tuple(item.sync_key for item in readings[digest].items), tuple(problems.get(digest, ()))
            )
            if digest in readings
            else memo.seen[digest]
            for digest in digests
        }
        self._memos[project.id, source.name] = _Memo(signature, seen)
        self._report(project, source, [problem for entry in seen.values() for problem in entry.problems])
        return Scanned(changes=len(changes), major=any(change.major for change in changes))

    def _reread_namesakes(
        self, project: ProjectRow, source: Source, entries: dict[bytes, Raw], readings: dict[bytes, Reading]
    ) -> None:
        """Understand again what shares its key with a new entry: twins are told apart together."""
        memo = self._memos[project.id, source.name]
        fresh = {item.sync_key for reading in readings.values() for item in reading.items}
        for digest, raw in entries.items():
            if digest not in readings and not fresh.isdisjoint(memo.seen[digest].keys):
                readings[digest] = source.understand(raw, project.id)

    def _plan(
        self, project: ProjectRow, source: Source, items: list[Item]
    ) -> tuple[list[Prepared], list[Item]]:
        if not items:
            return [], []
        destination = self._outbox.registry.destination()
        keys = [item.sync_key for item in items]
        keys += [item.as_twin().sync_key for item in items if item.source_id is not None]
        known = self._outbox.ledger.known(destination.id, keys)
        parted = part_twins(items, known)
        # The marks of others tell of the Platform, and of the decision log alone.
        is_marked = destination.name == "platform" and source.name == decision_log.SOURCE.name
        marked = self._outbox.registry.foreign_marks(project.id) if is_marked else set()
        return [self._prepare(change) for change in plan(parted, known, marked)], parted

    def _prepare(self, change: Change) -> Prepared:
        if not isinstance(change, Enqueue | Reject):
            return Prepared(change)
        item = change.item
        category = str(item.metadata.get("category", "")).lower()
        major = item.kind is Kind.DECISION and (item.weighty or category in self._major_categories)
        return Prepared(change, memory_of(item, infer=self._infer), major)

    def _report(self, project: ProjectRow, source: Source, problems: list[Problem]) -> None:
        self._outbox.registry.set_problems(project.id, source.name, problems)


def _problems_by_entry(
    readings: dict[bytes, Reading], parted: list[Item], changes: list[Prepared]
) -> dict[bytes, list[Problem]]:
    twins = {(item.path, item.place) for item in parted if item.is_twin}
    rejected = {
        (change.change.item.path, change.change.item.place): change.change.reason
        for change in changes
        if isinstance(change.change, Reject)
    }
    found: dict[bytes, list[Problem]] = {}
    for digest, reading in readings.items():
        problems = found.setdefault(digest, list(reading.problems))
        for item in reading.items:
            where = f"{item.path}: {item.place}"
            if (item.path, item.place) in twins:
                what = f"another entry has the id and time of {item.source_id}; both are kept"
                problems.append(Problem(what, where, "give one of them an id of its own"))
            if reason := rejected.get((item.path, item.place)):
                problems.append(Problem(reason, where, "shorten it; it waits as a dead letter"))
    return found


def _digest(raw: Raw) -> bytes:
    # Of all ways to tell two JSON values apart, marshal is ten times the fastest; version 2 has no
    # references between equal parts, which would depend on how the value was built.
    return hashlib.blake2b(marshal.dumps(raw.value, 2), digest_size=16).digest()


def _signature(path: Path) -> tuple[int, ...] | None:
    """What tells a file from its earlier self; None where there is none, () where that can't be told."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(
            "a folder is in the file's place" if stat.S_ISDIR(found.st_mode) else "not a regular file",
            remedy="move it away",
        )
    if time.time() - found.st_mtime < _RACY_SECONDS:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
