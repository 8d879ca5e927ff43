"""The scan: reads a project's files, plans against what is known, and makes the changes durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mem0_syncd.core.consent import EVERYTHING, Terms
from mem0_syncd.errors import is_want_of_handles
from mem0_syncd.ingest.batches import Part, has_old_namesakes, in_parts, room
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.new_entries import NewEntries, ReadingBudget, Turn
from mem0_syncd.ingest.seen_files import SeenFiles
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects.folders import Folders
from mem0_syncd.sources import Source, file_reader
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system.clock import Clock
from mem0_syncd.system.failpoint import failpoint
from mem0_syncd.system.unreadable_file import RefusedFile, Unreadable
from mem0_syncd.system.untrusted_folder import UntrustedFolder

SETTLING_SECONDS = 2.0
"""Seconds that a file that doesn't parse may be a writer at work, before it is a problem."""

RETRY_SECONDS = 0.2
DEFERRED_SECONDS = 2.0
AT_ONCE = 0.0

LARGE = 4 << 20
"""Bytes of a file that takes a noticeable time to read, and much memory."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of one scan: changes made durable, and when to look again (seconds).

    It `is_whole` if everything that is there was read.
    """

    changes: int = 0
    retry_after: float | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class _Sight:
    """A project that is scanned, its open folder, and the callback for each file."""

    project: ProjectRow
    folder: UntrustedFolder
    on_file: Callable[[str], None]


class Scanner:
    """Reads the watched projects; one thread at a time."""

    def __init__(
        self,
        outbox: Outbox,
        intake: Enqueuer,
        folders: Folders | None = None,
        *,
        clock: Clock,
        sources: Sequence[Source] = SOURCES,
    ) -> None:
        self._outbox = outbox
        self._intake = intake
        self._clock = clock
        self._folders = folders or Folders(outbox.projects)
        self._sources = sources
        self._memos = SeenFiles()
        self._terms: dict[Path, Terms] = {}
        self._forgotten: Counter[Path | None] = Counter()

    def scan(
        self,
        project: ProjectRow,
        terms: Terms = EVERYTHING,
        *,
        changed_only: bool = False,
        heed_marks: bool = True,
    ) -> Scanned:
        """Read every source of a project; `changed_only` skips files that look as they did.

        Without `heed_marks` everything is read again, and taken in whatever others marked as synced. Nothing
        is read of a folder that is missing, or that is refused as a whole.
        """
        turns = self.turns(project, terms, changed_only=changed_only, heed_marks=heed_marks)
        while True:
            try:
                next(turns)
            except StopIteration as end:
                scanned: Scanned = end.value
                return scanned

    def turns(
        self,
        project: ProjectRow,
        terms: Terms = EVERYTHING,
        *,
        changed_only: bool = False,
        heed_marks: bool = True,
        on_file: Callable[[str], None] = lambda _path: None,
    ) -> Generator[Turn, None, Scanned]:
        """Scan in turns: between two turns other projects may be scanned, and others may write.

        `on_file` is called with each file that is read.
        """
        if not heed_marks or self._terms.get(project.path, terms) != terms:
            self.forget(project.path)
        self.take_as_read(project.path, terms)
        with ExitStack() as opened:
            try:
                folder = opened.enter_context(self._folders.of(project))
            except (RefusedFile, OSError) as error:
                if is_want_of_handles(error):
                    raise
                return Scanned(is_whole=False)
            sight = _Sight(project, folder, on_file)
            scanned = yield from self._scan(sight, terms, changed_only=changed_only, heed_marks=heed_marks)
        return scanned

    def _scan(
        self, sight: _Sight, terms: Terms, *, changed_only: bool, heed_marks: bool
    ) -> Generator[Turn, None, Scanned]:
        project, forgotten = sight.project, self.forgotten(sight.project.path)
        all_news, retry = yield from self._read_all(sight, changed_only=changed_only)
        if not all_news:
            retry = retry or forgotten != self.forgotten(project.path)
            return Scanned(retry_after=RETRY_SECONDS if retry else None, is_whole=not retry)
        failpoint("read")
        changes, is_deferred = 0, False
        for part in self._parts(sight, all_news):
            if isinstance(part, Turn):
                yield part
                continue
            taken = self._intake.take_in(project, [item for *_, item in part], terms, heed_marks=heed_marks)
            changes, is_deferred = changes + taken.changes, is_deferred or taken.deferred
            if taken.moved:
                self.forget(project.path)
            for news, digest, item in part:
                news.complaints.add(digest, taken.problems.get((item.path, item.place), ()))
            yield Turn.AT_WORK
        failpoint("enqueued")
        has_more = any(news.has_more for news in all_news)
        if is_deferred:
            is_whole = not retry and not has_more
            return Scanned(changes, RETRY_SECONDS if retry else DEFERRED_SECONDS, is_whole)
        if forgotten != self.forgotten(
            project.path
        ):  # what was read before has to be read again, problems and all
            return Scanned(changes, RETRY_SECONDS, is_whole=False)
        for news in all_news:
            self._remember(project, news)
        if has_more:
            return Scanned(changes, AT_ONCE, is_whole=False)
        retry = retry or any(news.found < len(news.fresh) for news in all_news)
        return Scanned(changes, RETRY_SECONDS if retry else None, is_whole=not retry)

    def forget(self, folder: Path | None = None) -> None:
        """Read a folder, or all, anew at the next scan: what is known of it has changed by other means."""
        self._memos.forget(folder)
        self._forgotten[folder] += 1

    def forgotten(self, folder: Path) -> int:
        """How many times what was read of a folder was forgotten."""
        return self._forgotten[folder] + self._forgotten[None]

    def has_read_all(self, folder: Path) -> bool:
        """Whether none of a folder's files is to be read again even if it looks as it did.

        One that couldn't be read or understood is: what kept it from that may end without a trace.
        """
        return all(self._memos.of(folder, source.name).signature != () for source in self._sources)

    def take_as_read(self, folder: Path, terms: Terms) -> None:
        """Count what was read of a folder as read by these terms."""
        self._terms[folder] = terms

    def _read_all(
        self, sight: _Sight, *, changed_only: bool
    ) -> Generator[Turn, None, tuple[list[NewEntries], bool]]:
        """What the files say, in the order of record, and whether one is to be read again soon."""
        all_news, retry, left = [], False, room()
        # Hooks append a record first and then its echo to the queue: read the other way round, no
        # echo is seen before its record.
        for source in reversed(self._sources):
            sight.on_file(source.path)
            try:
                news = yield from self._read_one(sight, source, left, changed_only=changed_only)
            except Unreadable as error:
                retry |= self._unreadable(sight.project, source, error)
            else:
                all_news += [news] if news else []
        return all_news[::-1], retry

    def _read_one(
        self, sight: _Sight, source: Source, left: ReadingBudget, *, changed_only: bool
    ) -> Generator[Turn, None, NewEntries | None]:
        project, folder = sight.project, sight.folder
        news = NewEntries(source, self._memos.of(project.path, source.name))
        with _told_of(), suppress(FileNotFoundError):
            signature = file_reader.signature_of(folder, source.path, self._clock.wall())
            if changed_only and signature != () and signature == news.before.signature:
                return None
            if signature is None:
                return news
            found = folder.stat(source.path)
            if found and found.st_size > LARGE:
                yield Turn.BEFORE_A_LARGE_FILE
            contents = file_reader.read(
                folder, source.path, signature, news.before.mark, appended=source.appended
            )
            mark_before = partial(file_reader.mark_before, folder, source.path)
            yield from news.fill(contents, project.id, left, mark_before)
            return news
        return NewEntries(source, news.before)

    def _parts(self, sight: _Sight, all_news: Sequence[NewEntries]) -> Iterator[Turn | Part]:
        """What is new, all of it together unless it is too much."""
        if all(news.items is not None and not has_old_namesakes(news) for news in all_news):
            for news in all_news:
                news.found = len(news.fresh)
            yield [(news, digest, item) for news in all_news for digest, item in news.items or ()]
            return
        for news in all_news:
            news.items = None

        def read_again(news: NewEntries) -> file_reader.Contents:
            name, signature = news.source.path, news.signature or ()
            sight.on_file(name)
            with suppress(FileNotFoundError, Unreadable), _told_of():
                return file_reader.read(
                    sight.folder, name, signature, news.before.mark, appended=news.source.appended
                )
            return file_reader.Contents(b"", ())

        fresh = [news for news in all_news if news.fresh]
        yield from in_parts(fresh, read_again, sight.project.id)

    def _unreadable(self, project: ProjectRow, source: Source, error: Unreadable) -> bool:
        """Note that a file can't be read; returns whether to read it again, for a writer may be at work."""
        memo = self._memos.of(project.path, source.name)
        memo.signature, memo.mark = (), None
        memo.bad_since = self._clock.monotonic() if memo.bad_since is None else memo.bad_since
        if self._clock.monotonic() - memo.bad_since < SETTLING_SECONDS:
            return True
        problem = error.problem(source.path)
        self._outbox.problems.replace(project.id, source.name, [problem], project.tree)
        return False

    def _remember(self, project: ProjectRow, news: NewEntries) -> None:
        if news.found < len(news.fresh):  # it changed meanwhile, and is read again
            return
        problems = news.complaints.told(news.source.path)
        self._outbox.problems.replace(project.id, news.source.name, problems, project.tree)
        self._memos.replace(project.path, news.source.name, news.memo)


@contextmanager
def _told_of() -> Iterator[None]:
    """Turn a file's error into `Unreadable`, unless it says nothing about the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if is_want_of_handles(error):
            raise
        what = f"can't be read: {error.strerror}"
        raise Unreadable(what, remedy="check what is at that path") from None
