"""Measures every budget and how each figure grows, in one run: `make bench`.

`--quick` tries all of it on small sizes, whose figures mean nothing; `--only` measures some of it, and leaves
the other figures of the page as they were.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    "memory": bench_idle.memory,
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
    is_met = True
    for name in options.only:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        if name in BUDGETS:
            rows = list(BUDGETS[name](quick=options.quick))
            is_met = is_met and all(row.is_met for row in rows)
            print(page.budgets_section(rows), flush=True)
            kept: str = "rows"
            found: Any = [row.as_dict() for row in rows]
        else:
            growth = GROWTHS[name](quick=options.quick).as_dict()
            print(page.growth_section(growth), flush=True)
            kept, found = "growths", growth
        if options.write:
            figures = results.load().get("bench", {"rows": {}, "growths": {}})
            figures[kept][name] = found
            page.write(results.keep("bench", figures))
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
