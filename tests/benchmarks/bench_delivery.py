"""Measures delivery to a loopback Platform: latency of a major decision, and throughput of a backlog.

Run as `python tests/benchmarks/bench_delivery.py [--items N] [--majors N]`. Throughput is a ratio to the bare
client with as many threads, measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.daemon import Daemon, platform_settings, running
from support.decision_log import decision, write_log

SERVER = Path(__file__).parents[1] / "support" / "mem0_platform.py"
THREADS = 8


class Server:
    """A loopback Platform in a process of its own, so that it shares no interpreter with what is measured."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(SERVER.parents[1])}
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), "--port", "0"], stdout=subprocess.PIPE, env=environment
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def bare_client(url: str, count: int) -> float:
    """Adds a second of mem0ai's client alone, with as many threads."""
    os.environ["MEM0_TELEMETRY"] = "False"
    from mem0 import MemoryClient

    client = MemoryClient(api_key="m0-test", host=url)

    def add(number: int) -> None:
        client.add(
            [{"role": "user", "content": f"Bare decision number {number}"}],
            user_id="bare-decisions",
            metadata={"number": number},
            infer=False,
        )

    begin = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add, range(count)))
    return count / (time.perf_counter() - begin)


def backlog(url: str, count: int) -> float:
    """Deliveries a second of a backlog, from the first to the last."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "shop"
        settings = platform_settings(
            url, MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="10000000", MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS="30"
        )
        write_log(project, [decision(1)])
        with running(Daemon(folder, [project], **settings)) as daemon:
            daemon.wait_delivered(1)  # the courier is warm
            begin = time.perf_counter()
            write_log(project, [decision(number) for number in range(1, count + 1)])
            while daemon.totals()["delivered"] < count:
                time.sleep(0.25)  # looking costs, too
            return (count - 1) / (time.perf_counter() - begin)


def latencies(count: int) -> list[float]:
    """Milliseconds from a major decision's rename to Mem0's receiving its add."""
    from support.mem0_platform import Mem0Platform

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


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--majors", type=int, default=100)
    options = parser.parse_args()
    server = Server()
    try:
        bare = bare_client(server.url, options.items)
        ours = backlog(server.url, options.items)
    finally:
        server.stop()
    cuts = statistics.quantiles(latencies(options.majors), n=100)
    print(f"throughput, against the bare client with {THREADS} threads: {ours / bare:.2f}")
    print(f"  ({ours:.0f} and {bare:.0f} adds a second, {options.items} items)")
    print(
        f"a major decision's rename to Mem0's receiving the add: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms"
    )


if __name__ == "__main__":
    main()
