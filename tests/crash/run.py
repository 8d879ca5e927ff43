"""Walks the crash matrix and writes what came of it into docs/delivery.md.

python -m crash.run [--minutes N] [--jobs N] [--only PATH]

A run that was cut off, or that was given too few minutes, is continued by the next one of the same code.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from crash import report
from crash.board import shim
from crash.matrix import kill_at, points_of
from crash.paths import PATHS
from crash.paths import Path as PathOfItem
from crash.results import Result, Results
from crash.shop import Shop

MOST_FAILURES = 3

JOBS = 4 * (os.cpu_count() or 1)
"""Paths at a time: they wait for most of it."""


def keep_to(home: str) -> None:
    """Have nothing of the user's own count, or be touched."""
    for variable in [it for it in os.environ if it.startswith(("MEM0_", "XDG_"))]:
        del os.environ[variable]
    os.environ |= {"HOME": home, "MEM0_DIR": f"{home}/mem0", "MEM0_TELEMETRY": "False"}


def walk(name: str, deadline: float) -> None:
    """Kill at every point of a path that is left, until the deadline."""
    path = next(it for it in PATHS if it.name == name)
    results, failures = Results.load(name), 0
    while time.time() < deadline and not (results.points and not results.left):
        with TemporaryDirectory(prefix="crash-") as folder:
            keep_to(folder)
            shop = path.shop(Path(folder))
            shop.open()
            try:
                _walk_in(shop, path, results, deadline)
            except AssertionError:
                # Something took too long, at a point that has no result yet: once more, in another shop.
                failures += 1
                if failures == MOST_FAILURES:
                    raise
            finally:
                shop.close()


def _walk_in(shop: Shop, path: PathOfItem, results: Results, deadline: float) -> None:
    if not results.points:
        results.begin(points_of(shop, path))
    last = None
    for point in results.left:
        if time.time() > deadline:
            break
        last = kill_at(shop, path, point)
        results.add(last)
        if last.lost or last.doubled or last.other:
            return  # what is wrong doesn't come right: the next point has a shop of its own
    wrong = shop.reopen()
    if wrong and last:
        results.add(Result(last.point, True, last.call, last.target, last.open, *vars(wrong).values()))


def main() -> None:
    """Walk, print, write; exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--jobs", type=int, default=JOBS, help="so many paths at a time")
    parser.add_argument("--only", action="append", help="a path; may be given several times")
    given = parser.parse_args()
    if shim() is None:
        sys.exit("the crash matrix needs a C compiler: cc")
    deadline = time.time() + 60 * given.minutes
    names = [path.name for path in PATHS if not given.only or path.name in given.only]
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        # The later ones take longer.
        for done in [pool.submit(walk, name, deadline) for name in reversed(names)]:
            done.result()
    found = [Results.load(path.name) for path in PATHS]
    sys.stdout.write(f"{report.summary(found)}\n")
    report.write(found)
    wrong = [it for results in found for it in results.kills if it.lost or it.doubled or it.other]
    if not wrong and any(it.left or not it.points for it in found):
        sys.exit("it isn't complete: run it again, and it goes on")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
