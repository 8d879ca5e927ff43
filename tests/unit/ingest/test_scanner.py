"""The scan of one project, as it is repeated every few minutes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from mem0_syncd import redact
from mem0_syncd.core.item import LONGEST_TEXT
from mem0_syncd.ingest import batches, new_entries
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.new_entries import Turn
from mem0_syncd.ingest.scanner import RETRY_SECONDS, Scanned, Scanner
from mem0_syncd.ingest.seen_files import Keys, SeenFile, SeenFiles
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.sources import Source, file_reader
from mem0_syncd.sources.agent_patterns import SOURCE as PATTERNS
from mem0_syncd.sources.decision_log import PATH
from mem0_syncd.sources.decision_records import LOG, RECORDS
from mem0_syncd.sources.decision_records import LOG as LINES
from mem0_syncd.sources.memory_queue import SOURCE as MEMORY_QUEUE
from mem0_syncd.system.clock import Clock
from support.decision_log import decision, write_log

CLOCK = Clock()
LONG_AGO = 1_700_000_000.0


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with a destination."""
    outbox = Outbox.open(tmp_path)
    outbox.destinations.use("platform", "https://mem0.example.org")
    yield outbox
    outbox.close()


def test_files_that_are_as_they_were_cost_the_outbox_nothing(outbox: Outbox, project: Path) -> None:
    """Nor do those that are still missing, of which most projects have a few; a new one is read."""
    row = ProjectRow("shop", project)
    outbox.projects.add(row)
    os.utime(write_log(project, [decision(1)]), (LONG_AGO, LONG_AGO))
    scanner = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK)
    assert scanner.scan(row, changed_only=True).changes == 1

    asked: list[str] = []
    outbox.database._connection.set_trace_callback(asked.append)
    assert scanner.scan(row, changed_only=True).changes == 0
    assert asked == []

    shutil.rmtree(project / ".claude")
    scanner.scan(row, changed_only=True)
    asked.clear()
    scanner.scan(row, changed_only=True)
    assert asked == []
    write_log(project, [decision(2)])
    assert scanner.scan(row, changed_only=True).changes == 1


def end_of(turns: Generator[Turn, None, Scanned]) -> Scanned:
    """What a scan did that goes on to its end."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            scanned: Scanned = end.value
            return scanned


def test_what_is_forgotten_amid_a_scan_is_read_again_soon(outbox: Outbox, row: ProjectRow) -> None:
    """Another project's turn may come between, and what is wrong with a file is told all the same."""
    write_log(row.path, [decision(1), 7])
    scanner = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK)
    turns = scanner.turns(row)
    while next(turns) is not Turn.AT_WORK:
        pass
    scanner.forget()
    assert end_of(turns) == Scanned(1, RETRY_SECONDS, is_whole=False)
    scanner.scan(row, changed_only=True)
    assert [what for what, _ in problems_of(outbox)] == ["a decision is an object, not a number"]


def test_of_an_appended_file_so_much_is_read_at_a_time(
    outbox: Outbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry is, whole, and each once; what is broken before the cut stops nothing."""
    row = ProjectRow("shop", project)
    outbox.projects.add(row)
    path = project / LINES.path
    path.parent.mkdir(parents=True)
    lines = [json.dumps({"summary": f"Decided for the {number}th time"}) for number in range(30)]
    lines[3] = json.dumps(json.loads(lines[3]), indent=2)
    path.write_text("\n".join(["broken", *lines]) + "\n")
    monkeypatch.setattr(file_reader, "LONGEST_READ", 200)
    scanner = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK, sources=(LINES,))
    scans = 0
    wait: float | None = 0.0
    while wait == 0.0:
        wait, scans = scanner.scan(row).retry_after, scans + 1
    assert scans > 5
    assert [row["n"] for row in outbox.database.rows("SELECT count(*) AS n FROM entry")] == [30]
    assert [problem.where for _, problem in outbox.problems.all()] == [f"{LINES.path}: line 1"]
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert scanner.scan(row).changes == 0


def test_of_a_long_log_the_first_can_be_delivered_while_the_rest_is_read(
    outbox: Outbox, project: Path
) -> None:
    """Few at first and then ever more become durable together, each of them once."""
    row = ProjectRow("shop", project)
    outbox.projects.add(row)
    write_log(project, [decision(number) for number in range(1, 2001)])
    durable: list[int] = []
    count = "SELECT count(*) AS n FROM entry"
    intake = Enqueuer(
        outbox,
        clock=CLOCK,
        on_change=lambda **_: durable.extend(row["n"] for row in outbox.database.rows(count)),
    )
    assert Scanner(outbox, intake, clock=CLOCK).scan(row).changes == 2000
    assert durable == [32, 96, 224, 480, 980, 1480, 1980, 2000]


def problems_of(outbox: Outbox) -> list[tuple[str, str]]:
    """What is reported, without the remedies."""
    return [(problem.what, problem.where) for _, problem in outbox.problems.all()]


def texts_of(outbox: Outbox) -> list[str]:
    """The texts of all entries, in the order in which they were made."""
    rows = outbox.database.rows("SELECT frozen ->> '$.text' AS text FROM entry ORDER BY id")
    return [row["text"] for row in rows]


@pytest.fixture
def row(outbox: Outbox, project: Path) -> ProjectRow:
    """A watched project."""
    row = ProjectRow("shop", project)
    outbox.projects.add(row)
    return row


def lines(project: Path, source: Source, *values: object) -> Path:
    """A file of lines with some values, one each."""
    path = project / source.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_of_very_many_problems_the_first_are_told_and_how_many_more(
    outbox: Outbox, row: ProjectRow, project: Path
) -> None:
    """When the first ones are mended, the next ones are told."""
    entries: list[object] = [decision(1), *range(301)]
    write_log(project, entries)
    scanner = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK)
    assert scanner.scan(row).changes == 1
    told = problems_of(outbox)
    assert told[0][1] == f"{PATH}: decisions[1]"
    assert len(told) == 21
    assert told[-1] == ("and 281 more", PATH)
    write_log(project, [decision(1), *entries[101:]])
    scanner.scan(row)
    told = problems_of(outbox)
    assert len(told) == 21
    assert told[-1] == ("and 181 more", PATH)
    write_log(project, [decision(1), 300])
    scanner.scan(row)
    assert [where for _, where in problems_of(outbox)] == [f"{PATH}: decisions[1]"]


def test_a_part_at_a_time_says_what_all_at_once_would(
    outbox: Outbox, row: ProjectRow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twins stay two items, and what is local in one file is local in every other."""
    monkeypatch.setattr(batches, "PART_ITEMS", 3)
    twins = [decision(5, title="One"), decision(5, title="Another")]
    log = [twins[0], *(decision(number) for number in range(10, 40)), twins[1]]
    write_log(project, log)
    record = {"id": "r1", "content": {"what": "It is said in two files"}}
    lines(project, RECORDS, record, *({"content": {"what": f"It is number {n}"}} for n in range(20)))
    lines(
        project,
        LOG,
        {"id": "r1", "summary": "It is said in two files", "metadata": {"sharing_scope": "local"}},
    )
    scanned = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK).scan(row)
    said = texts_of(outbox)
    assert len(said) == 52
    assert sum("One" in text or "Another" in text for text in said) == 2
    assert not any("two files" in text for text in said)
    assert scanned.retry_after is None
    assert Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK).scan(row).changes == 0


def test_no_echo_is_taken_in_before_its_record_however_long_the_files(
    outbox: Outbox, row: ProjectRow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record and its line in the queue stay one memory."""
    monkeypatch.setattr(batches, "PART_ITEMS", 2)
    stamp = {"timestamp": "2026-01-05T10:00:00Z"}
    records = [{"type": "t", "content": {"what": f"It is number {n}"}, "metadata": stamp} for n in range(9)]
    queued = [
        {"text": f"t: It is number {n}", "user_id": "shop-decisions", "metadata": stamp} for n in range(9)
    ]
    lines(project, RECORDS, *records)
    lines(project, MEMORY_QUEUE, *queued)
    Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK).scan(row)
    assert len(texts_of(outbox)) == 9


def test_a_file_of_lines_is_read_on_where_the_last_read_ended(
    outbox: Outbox, row: ProjectRow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be as long as it likes: only one read is limited, in its bytes and in its entries."""
    for name, most in ((file_reader, "LONGEST_READ"), (new_entries, "MOST_ENTRIES")):
        with monkeypatch.context() as limited:
            limited.setattr(name, most, 400 if name is file_reader else 7)
            agent = f"of {most}"
            values = [{"agent": agent, "pattern": f"It is number {n} of {most}"} for n in range(40)]
            path = lines(project, PATTERNS, *values, {"agent": agent, "pattern": "The last one of all"})
            os.utime(path, (LONG_AGO, LONG_AGO))
            scanner, scans = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK), 1
            while scanner.scan(row, changed_only=True).retry_after == 0.0:
                scans += 1
            assert scans > 5
            assert len([text for text in texts_of(outbox) if f"of {most}" in text]) == 40
    assert problems_of(outbox) == []


def test_a_line_without_an_end_is_passed_over_and_named(
    outbox: Outbox, row: ProjectRow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before and behind it is read."""
    monkeypatch.setattr(file_reader, "LONGEST_READ", 200)
    path = project / PATTERNS.path
    path.parent.mkdir(parents=True)
    good = [json.dumps({"pattern": f"It is number {n}"}) for n in range(2)]
    path.write_text(f"{good[0]}\n{'x' * 1000}")
    scanner = Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK)
    while scanner.scan(row).retry_after == 0.0:
        pass
    assert [where for _, where in problems_of(outbox)] == [f"{PATTERNS.path}: line 2"]
    with path.open("a") as file:
        file.write(f"{'x' * 1000}\n{good[1]}\n")
    while scanner.scan(row).retry_after == 0.0:
        pass
    assert texts_of(outbox) == ["It is number 0", "It is number 1"]
    assert [where for _, where in problems_of(outbox)] == [f"{PATTERNS.path}: line 2"]


def test_what_is_remembered_of_all_files_has_a_limit(tmp_path: Path) -> None:
    """What was replaced longest ago gives way."""
    memos = SeenFiles(most=5)
    for number in range(4):
        seen: dict[bytes, Keys] = {bytes([it]): it for it in range(2)}
        memos.replace(tmp_path / str(number), "log", SeenFile(seen=seen))
    assert [len(memos.of(tmp_path / str(number), "log").seen) for number in range(4)] == [0, 0, 2, 2]


def test_a_text_that_is_too_long_is_set_aside_unread(
    outbox: Outbox, row: ProjectRow, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be sent isn't looked through for credentials, and nothing of it is kept."""
    looked: list[int] = []

    def look_through(text: str) -> tuple[str, list[str]]:
        looked.append(len(text))
        return text, []

    monkeypatch.setattr(redact, "redact", look_through)
    write_log(project, [decision(1), decision(2, description="x" * (LONGEST_TEXT + 1))])
    Scanner(outbox, Enqueuer(outbox, clock=CLOCK), clock=CLOCK).scan(row)
    (letter,) = outbox.dead_letters.newest(outbox.destinations.get().id, limit=9)
    assert letter.reason.startswith("too large")
    assert letter.memory.text == ""
    assert max(looked) < LONGEST_TEXT
