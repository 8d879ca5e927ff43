"""One new decision in a long log: from the rename until it is durable in the outbox."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Growth, Row
from mem0_syncd.outbox import Outbox
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log

NOWHERE = "http://127.0.0.1:9"
PATIENCE_SECONDS = 300.0


def durable(length: int, turns: int) -> float:
    """Milliseconds, the median of some turns, while nothing can be delivered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "shop"
        log = [decision(number) for number in range(1, length + 1)]
        write_log(project, log)
        with running(Daemon(folder, [project], **platform_settings(NOWHERE))) as daemon:
            wait_until(lambda: daemon.totals()["seen"] == length, "the first scan", PATIENCE_SECONDS)
            outbox = Outbox.open_to_read(daemon.state)
            assert outbox is not None
            found = []
            for number in range(length + 1, length + 1 + turns):
                before = outbox.queue.newest_id()
                log.append(decision(number))
                write_log(project, log)
                renamed = time.perf_counter()
                while outbox.queue.newest_id() == before:
                    time.sleep(0.0005)
                found.append((time.perf_counter() - renamed) * 1000)
                time.sleep(0.2)
            outbox.close()
    return statistics.median(found)


def one_in_ten_thousand(*, quick: bool) -> Iterator[Row]:
    """The budget's row."""
    length = 1000 if quick else 10_000
    what = f"one new decision in a log of {length:,}: scanned and durable"
    yield Row(what, durable(length, 5 if quick else 15), "ms", 150, "the median, with the file event")


def growth(*, quick: bool) -> Growth:
    """By the length of the log."""
    lengths = (10, 100) if quick else (10, 1000, 10_000, 100_000)
    lines = [(length, durable(length, 5)) for length in lengths]
    return Growth("Entries in one log", ("entries", "a new one durable, ms"), lines)
