"""Measures every budget and how each figure grows, in one run: `make bench`.

`--quick` tries all of it on small sizes, whose figures mean nothing; `--only` measures some of it, and leaves
the other figures of the page as they were.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import bench_delivery, bench_hook, bench_idle, bench_log, bench_outbox, page, results
from benchmarks.rows import Growth, Row

BUDGETS: dict[str, Callable[..., Iterator[Row]]] = {
    "latency": bench_delivery.latency,
    "throughput": bench_delivery.throughput,
    "limit": bench_delivery.limited,
    "log": bench_log.one_in_ten_thousand,
    "idle": bench_idle.two_hundred,
    "commands": bench_hook.rows,
    "kills": bench_idle.kills,
}
GROWTHS: dict[str, Callable[..., Growth]] = {
    "shares": bench_delivery.shares,
    "projects": bench_idle.growth,
    "logs": bench_log.growth,
    "queues": bench_outbox.queues,
    "receipts": bench_outbox.receipts,
}


def main() -> int:
    """Measure and print; returns 1 if a budget isn't met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=[*BUDGETS, *GROWTHS], default=[*BUDGETS, *GROWTHS])
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    rows, growths = {}, {}
    for name in options.only:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        if name in BUDGETS:
            rows[name] = list(BUDGETS[name](quick=options.quick))
        else:
            growths[name] = GROWTHS[name](quick=options.quick).as_dict()
    every = [row for some in rows.values() for row in some]
    if every:
        print(page.budgets_section(every))
    for growth in growths.values():
        print(page.growth_section(growth))
    if options.write:
        before = results.load().get("bench", {"rows": {}, "growths": {}})
        kept = {name: [row.as_dict() for row in some] for name, some in rows.items()}
        figures = {"rows": {**before["rows"], **kept}, "growths": {**before["growths"], **growths}}
        page.write(results.keep("bench", figures))
    return int(not all(row.is_met for row in every))


if __name__ == "__main__":
    sys.exit(main())
