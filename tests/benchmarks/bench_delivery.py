"""Delivery to a loopback Platform: latency of a major decision, throughput, and a limit of adds a minute."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.loopback import Server, bare_client, platform, process_per_item
from benchmarks.rows import Growth, Row
from mem0_syncd.outbox import Outbox
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.footprint import footprint
from support.mem0_platform import Mem0Platform

THREADS = 8
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Drained:
    """A backlog that was delivered: items a second, and milliseconds of CPU an item of each process.

    `late_rate` is that of its second half, by when all of it is planned.
    """

    rate: float
    late_rate: float
    cpu: dict[str, float]


def backlog(server: Server, count: int) -> Drained:
    """Deliver a backlog to a Platform that knows none of it, from the log's rename to the last receipt."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "shop"
        settings = platform_settings(
            server.url,
            MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="10000000",
            MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS="30",
        )
        write_log(project, [decision(1)])
        with running(Daemon(folder, [project], **settings)) as daemon:
            daemon.wait_delivered(1)  # the courier is warm
            pids = {"daemon": daemon.pid, "courier": daemon.courier or 0, "Mem0": server.pid}
            before = {name: cpu_of(pid) for name, pid in pids.items()}
            begin = time.time()
            write_log(project, [decision(number) for number in range(1, count + 1)])
            while daemon.totals()["delivered"] < count:
                time.sleep(0.25)  # looking costs, too
            spent = {name: (cpu_of(pid) - before[name]) / count * 1000 for name, pid in pids.items()}
            times = delivery_times(daemon)
    middle = len(times) // 2
    late_rate = (len(times) - 1 - middle) / (times[-1] - times[middle])
    return Drained((count - 1) / (times[-1] - begin), late_rate, spent)


def delivery_times(daemon: Daemon) -> list[float]:
    """When each item's receipt was written, in order."""
    outbox = Outbox.open_to_read(daemon.state)
    assert outbox is not None
    with contextlib.closing(outbox):
        return sorted(row["delivered_at"] for row in outbox.database.rows("SELECT delivered_at FROM receipt"))


def cpu_of(pid: int) -> float:
    """The CPU time of a process so far, in seconds."""
    taken = footprint(pid)
    assert taken is not None
    return taken.cpu_seconds


def shares(*, quick: bool) -> Growth:
    """What an item costs in each process, with the bare client and with ours."""
    count = 300 if quick else 4000
    with platform() as server:
        bare_client(server.url, THREADS, THREADS)  # its imports are not what is measured
        own, its = time.process_time(), cpu_of(server.pid)
        bare_client(server.url, count, THREADS)
        own, its = time.process_time() - own, cpu_of(server.pid) - its
        ours = backlog(server, count).cpu
    bare = {"client": own / count * 1000, "Mem0": its / count * 1000}
    lines = [
        ("the bare client", 0.0, bare["client"], bare["Mem0"], sum(bare.values())),
        ("mem0-syncd", ours["daemon"], ours["courier"], ours["Mem0"], sum(ours.values())),
    ]
    head = ("CPU an item, ms", "daemon", "client or courier", "Mem0 (the loopback server)", "all")
    return Growth("Where the time of an item goes", head, lines)


def latencies(count: int) -> list[float]:
    """Milliseconds from a major decision's rename to Mem0's receiving its add."""
    found = []
    with tempfile.TemporaryDirectory() as name, Mem0Platform() as mem0:
        folder = Path(name)
        project = folder / "shop"
        log = [decision(1)]
        write_log(project, log)
        with running(Daemon(folder, [project], **platform_settings(mem0.url))) as daemon:
            daemon.wait_delivered(1)
            for number in range(2, count + 2):
                log.append(decision(number, impact={"scope": "system"}))
                seen = len(mem0.adds)
                write_log(project, log)
                renamed = time.monotonic()
                while len(mem0.adds) == seen:
                    time.sleep(0.0005)
                received = next(it.at for it in reversed(mem0.requests) if it.kind == "add")
                found.append((received - renamed) * 1000)
                time.sleep(0.05)
    return found


def latency(*, quick: bool) -> Iterator[Row]:
    """How soon a major decision is with Mem0."""
    count = 20 if quick else 200
    cuts = statistics.quantiles(latencies(count), n=100)
    what = "a major decision's rename to Mem0's receiving the add"
    yield Row(f"{what}, p50", cuts[49], "ms", 25, f"{count} decisions")
    yield Row(f"{what}, p99", cuts[98], "ms", 250, f"{count} decisions")


def throughput(*, quick: bool) -> Iterator[Row]:
    """A backlog against the bare client, turn by turn, so that a busy machine is as busy for both."""
    count, turns = (300, 1) if quick else (8000, 3)
    ours, bare = [], []
    for _ in range(turns):
        with platform() as server:
            bare.append(bare_client(server.url, count, THREADS))
            ours.append(backlog(server, count))
    with platform() as server:
        today = process_per_item(server.url, 3 if quick else 8)
    ratio = statistics.median(mine.rate / its for mine, its in zip(ours, bare, strict=True))
    mine, its = statistics.median(it.rate for it in ours), statistics.median(bare)
    late = statistics.median(it.late_rate for it in ours)
    yield Row(
        f"throughput against the bare client with {THREADS} threads",
        ratio,
        "x",
        0.8,
        f"{mine:.0f} ({late:.0f} in the second half) and {its:.0f} adds a second, {count} items,"
        f" median of {turns}",
        at_least=True,
    )
    yield _against_today("Mem0 answering at once", mine, today, 300)
    with platform("--latency-ms", "100") as server:
        patient = backlog(server, 100 if quick else 800).rate
        today = process_per_item(server.url, 3 if quick else 8)
    yield _against_today("Mem0 answering 100 ms late", patient, today, 80)


def _against_today(how: str, mine: float, today: float, budget: float) -> Row:
    what = f"throughput against one Python process an item, {how}"
    return Row(what, mine / today, "x", budget, f"{mine:.0f} and {today:.2f} adds a second", at_least=True)


def limited(*, quick: bool) -> Iterator[Row]:
    """A backlog into a Platform that takes so many adds a minute, with the client's limit set to that."""
    limit, count = (600, 60) if quick else (600, 1500)
    with tempfile.TemporaryDirectory() as name, Mem0Platform(limit_per_minute=limit) as mem0:
        folder = Path(name)
        project = folder / "shop"
        settings = platform_settings(mem0.url, MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE=str(limit))
        write_log(project, [])
        with running(Daemon(folder, [project], **settings)) as daemon:
            begin = time.monotonic()
            write_log(project, [decision(number) for number in range(1, count + 1)])
            wait_until(lambda: daemon.totals()["delivered"] == count, "the backlog's end", PATIENCE_SECONDS)
            seconds = time.monotonic() - begin
        refused = len(mem0.adds) - count
    ideal = count / limit * 60
    what = f"a backlog of {count} under a limit of {limit} a minute, against {ideal:.0f} s"
    yield Row(what, seconds / ideal, "x", 1.02, f"{seconds:.0f} s; the first minute's share goes at once")
    yield Row("adds of it that Mem0 refused with 429", refused, "", 0, f"{count} delivered")
