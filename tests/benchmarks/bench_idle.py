"""A daemon that has nothing to do: what it takes, by the number of projects, and what a kill leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.rows import Growth, Row
from support.daemon import Daemon, couriers, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.footprint import Footprint, footprint
from support.mem0_platform import Mem0Platform

SETTLE_SECONDS = 10.0
PATIENCE_SECONDS = 600.0
KILLS = 5
ORPHAN_SECONDS = 2.0

RESIDENT = """
from mem0_syncd.system import lean_heap as heap
from mem0_syncd.system.lean_imports import needless_hashes, without
heap.share()
with without("rich", "ssl", *needless_hashes()):
    {imports}
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""
PARTS = [
    ("Python", "pass"),
    (
        "of its library: sqlite3, logging, ctypes, child processes",
        "import ctypes, logging.handlers, sqlite3, subprocess",
    ),
    ("click", "import click"),
    ("structlog, with asyncio", "import structlog"),
    ("pydantic and pydantic-settings", "import pydantic_settings"),
    ("APScheduler", "import apscheduler.schedulers.background"),
    ("watchdog and filelock", "import filelock, watchdog.observers"),
    ("mem0-syncd's own modules", "import mem0_syncd.cli.run, mem0_syncd.daemon.standby"),
]
"""What a daemon imports, in the order in which it is counted."""


def idle(projects: int, seconds: float) -> tuple[Footprint, Footprint]:
    """The daemon's footprint at the beginning and at the end of so long an idle time, its courier gone."""
    with tempfile.TemporaryDirectory() as name, Mem0Platform() as mem0:
        folder = Path(name)
        paths = [folder / f"project-{number}" for number in range(projects)]
        for path in paths:
            log = write_log(path, [decision(number) for number in range(3)])
            os.utime(log, (time.time() - 3600,) * 2)  # the files of idle projects aren't fresh
        settings = platform_settings(mem0.url, MEM0_SYNCD_COURIER_IDLE_SECONDS="1")
        with running(Daemon(folder, paths, **settings), wait=False) as daemon:
            wait_until(daemon.answers, "a daemon that answers", PATIENCE_SECONDS)
            wait_until(
                lambda: daemon.totals()["delivered"] == 3 * projects, "the first decisions", PATIENCE_SECONDS
            )
            wait_until(lambda: daemon.courier is None, "the courier's rest")
            time.sleep(SETTLE_SECONDS)
            before = footprint(daemon.pid)
            time.sleep(seconds)
            after = footprint(daemon.pid)
    assert before is not None
    assert after is not None
    return before, after


def two_hundred(*, quick: bool) -> Iterator[Row]:
    """The budget's rows; long enough for a full scan to be among what the daemon does."""
    projects, seconds = (20, 20.0) if quick else (200, 310.0)
    before, after = idle(projects, seconds)
    share = (after.cpu_seconds - before.cpu_seconds) / seconds * 100
    what = f"{projects} idle projects, courier gone"
    yield Row(f"{what}: CPU", share, "% of a core", 0.05, f"{seconds:.0f} s, a full scan among them")
    yield Row(f"{what}: resident memory", after.mib, "MiB", 48, f"{after.threads} threads")
    yield Row(f"{what}: growth meanwhile", max(0.0, after.mib - before.mib), "MiB", 0.5, "after ten seconds")


def growth(*, quick: bool) -> Growth:
    """By the number of projects."""
    lines = []
    for projects in (1, 5) if quick else (1, 10, 100, 500):
        seconds = 10.0 if quick else 40.0
        before, after = idle(projects, seconds)
        share = (after.cpu_seconds - before.cpu_seconds) / seconds * 100
        lines.append((projects, share, after.mib, float(after.threads), float(after.files)))
    head = ("projects", "CPU, % of a core", "MiB", "threads", "open files")
    return Growth("Idle projects", head, lines)


def memory(*, quick: bool) -> Growth:
    """Whose the resident memory is: what each thing adds to those before it, down to the projects."""
    so_far, lines = 0.0, []
    for count, (whose, _) in enumerate(PARTS, 1):
        imports = [statement for _, statement in PARTS[:count]]
        run = subprocess.run(
            [sys.executable, "-c", RESIDENT.format(imports="\n    ".join(imports))],
            capture_output=True,
            text=True,
            check=True,
        )
        mib = int(run.stdout) / 1024
        lines.append((whose, mib - so_far, mib))
        so_far = mib
    for projects in (1, 2) if quick else (1, 200):
        _, after = idle(projects, 1.0)
        whose = "a daemon of one project at work" if projects == 1 else f"{projects - 1} further projects"
        lines.append((whose, after.mib - so_far, after.mib))
        so_far = after.mib
    return Growth("Where the memory goes", ("", "adds, MiB", "resident, MiB"), lines)


def kills(*, quick: bool) -> Iterator[Row]:
    """Whether a killed daemon leaves a courier behind."""
    left, turns = 0, 1 if quick else KILLS
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as name, Mem0Platform(latency_seconds=0.2) as mem0:
            folder = Path(name)
            write_log(folder / "shop", [decision(number) for number in range(200)])
            daemon = Daemon(folder, [folder / "shop"], **platform_settings(mem0.url))
            with running(daemon):
                wait_until(partial(_has_delivered, daemon), "the courier at work")
                daemon.kill()
            time.sleep(ORPHAN_SECONDS)
            left += len(couriers(daemon))
    yield Row("children left after kill -9 of the daemon", left, "", 0, f"{turns} kills at work")


def _has_delivered(daemon: Daemon) -> bool:
    return daemon.totals()["delivered"] > 0
