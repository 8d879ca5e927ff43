"""How the outbox bears what piles up: entries that wait, and receipts of years."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.rows import Growth
from mem0_syncd.core.outcome import Found
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.status.snapshot import snapshot
from mem0_syncd.system.clock import Clock
from support.builders import item

NOW = 1_767_571_200.0
BATCH = 64

_RECEIPTS = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
INSERT INTO item (destination, sync_key, project, kind, source, source_id, status, seen_at)
SELECT :destination, printf('%032x', n), 'old-' || (n % 100), 'decision', 'decision-log',
    printf('DEC-20260105-%08x', n), 'delivered', :now FROM numbers
"""
_PROOFS = """
INSERT INTO receipt (destination, sync_key, memory_ids, content_hash, delivered_at)
SELECT destination, sync_key, '["' || lower(hex(randomblob(16))) || '"]', lower(hex(randomblob(16))), :now
FROM item
"""


@contextmanager
def outbox() -> Iterator[tuple[Outbox, int, Path]]:
    """An outbox with one project, its destination looked at already; and its folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        opened = Outbox.open(folder)
        destination = opened.destinations.use("platform", "https://mem0.example").id
        opened.projects.add(ProjectRow("shop", folder / "shop"))
        number = opened.first_contacts.begin_look(destination, "shop-decisions")
        opened.first_contacts.write_contact(
            destination, "shop-decisions", [("", Found("", ""))], NOW, number=number
        )
        yield opened, destination, folder
        opened.close()


def median_ms(work: Callable[[int], object], turns: int = 9) -> float:
    """The median of some turns, in milliseconds."""
    taken = []
    for turn in range(turns):
        begin = time.perf_counter()
        work(turn)
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def taker(opened: Outbox) -> Callable[[int], object]:
    """Takes in one new decision, durably."""
    intake = Enqueuer(opened, clock=Clock(wall=lambda: NOW))
    project = opened.projects.all()[0]
    return lambda turn: intake.take_in(project, [item(f"A new decision {turn}", f"NEW-{turn}")])


def _look(folder: Path, _turn: int) -> None:
    snapshot(folder, NOW)


def _deliver(opened: Outbox, destination: int, _turn: int) -> None:
    claims = opened.queue.claim(destination, NOW + 1, BATCH, major=False)
    assert len(claims) == BATCH
    opened.queue.settle(destination, [(it.entry, Receipt(("m",))) for it in claims], NOW + 1)


def queues(*, quick: bool) -> Growth:
    """By the number of entries that wait."""
    lines = []
    for size in (100, 1000) if quick else (100, 1000, 10_000, 100_000):
        with outbox() as (opened, destination, folder):
            intake = Enqueuer(opened, redaction="off", clock=Clock(wall=lambda: NOW))
            project = opened.projects.all()[0]
            waiting = [item(f"Decision number {number}", f"DEC-{number}") for number in range(size)]
            intake.take_in(project, waiting)

            lines.append(
                (
                    size,
                    median_ms(partial(_deliver, opened, destination), 1 if size < BATCH * 9 else 9) / BATCH,
                    median_ms(taker(opened)),
                    median_ms(partial(_look, folder)),
                )
            )
    head = ("entries waiting", "claim and settle one, ms", "take in a new one, ms", "status, ms")
    return Growth("A queue that waits", head, lines)


def receipts(*, quick: bool) -> Growth:
    """By the number of items that were delivered long ago."""
    lines = []
    for count in (1000, 10_000) if quick else (1000, 100_000, 1_000_000):
        with outbox() as (opened, destination, folder):
            with opened.transaction() as sql:
                sql.execute(_RECEIPTS, {"count": count, "destination": destination, "now": NOW})
                sql.execute(_PROOFS, {"now": NOW})
            new, status = median_ms(taker(opened)), median_ms(partial(_look, folder))
            opened.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            size = opened.database.path.stat().st_size
            lines.append((count, size / 2**20, size / count, new, status))
    head = ("delivered items", "MiB", "bytes an item", "take in a new one, ms", "status, ms")
    return Growth("An outbox of long standing", head, lines)
