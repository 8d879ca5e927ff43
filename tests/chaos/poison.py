"""Measures what refused items cost the good ones: `python tests/chaos/poison.py [--good N] [--poison N]`.

The same good items are delivered alone, and with the refused ones strewn between them, each twice. Ends with
1 if a good item is missing, or a refused one is no dead letter with a reason.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.storm import Storm
from chaos.troubles import Times
from chaos.world import POISON, case_of, is_poison
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.reckoning import dead_letters

FIRST_POISON = 10**6
PATIENCE = 600.0


@dataclass(frozen=True)
class Delivered:
    """When each good case arrived, in seconds after all were written; and the reasons of the dead letters."""

    arrived: dict[int, float]
    dead: Counter[str]


def deliver(folder: Path, good: int, poison: int) -> Delivered:
    """Have a daemon deliver a log in which every so many decisions one is refused."""
    log = [_decision(number) for number in range(1, good + 1)]
    for number in range(poison):
        where = round(number * (good + poison) / poison)
        log.insert(where, _decision(FIRST_POISON + number, f", {POISON}"))
    project = folder / "shop"
    with Storm("poison", Times(), is_poison=is_poison, rate=0.0) as mem0:
        settings = {"MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE": "10000000"}
        write_log(project, [_decision(0)])
        daemon = Daemon(folder, [project], **platform_settings(mem0.url, **settings))
        with running(daemon):
            daemon.wait_delivered(1)  # the courier is warm
            write_log(project, [_decision(0), *log])
            written = time.time()

            def is_done() -> bool:
                totals = daemon.totals()
                return totals["delivered"] == good + 1 and totals["dead"] == poison

            wait_until(is_done, "all are delivered or dead", PATIENCE)
            arrived = {case_of(it.text) or 0: it.created_at.timestamp() - written for it in mem0.memories}
            dead = Counter(
                it.reason.partition(":")[0] for it in dead_letters(daemon.state) if is_poison(it.frozen)
            )
    return Delivered({case: seconds for case, seconds in arrived.items() if case}, dead)


def _decision(number: int, more: str = "") -> dict[str, Any]:
    return decision(number, description=f"revision 0 of case {number}{more}")


def _times(name: str, runs: list[Delivered]) -> float:
    """Print when good items arrived, and return their mean."""
    times = sorted(seconds for run in runs for seconds in run.arrived.values())
    cuts, mean = statistics.quantiles(times, n=100), statistics.mean(times)
    print(
        f"  {name:<14} mean {mean:7.3f}   p50 {cuts[49]:7.3f}   p99 {cuts[98]:7.3f}   last {times[-1]:7.3f}"
    )
    return mean


def main() -> None:
    """Run both, and print what the good ones had to wait."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--good", type=int, default=4490)
    parser.add_argument("--poison", type=int, default=200)
    given = parser.parse_args()
    alone: list[Delivered] = []
    among: list[Delivered] = []
    # In an order that is fair to both on a machine whose speed drifts.
    for runs, poison in ((alone, 0), (among, given.poison), (among, given.poison), (alone, 0)):
        with tempfile.TemporaryDirectory(prefix="mem0-syncd-poison-") as name:
            runs.append(deliver(Path(name), given.good, poison))
    delivered, dead = [len(run.arrived) for run in among], [run.dead.total() for run in among]
    print(f"good items delivered: {delivered} of {given.good}")
    print(f"refused items in the dead letters, with a reason: {dead} of {given.poison}")
    for reason, count in among[0].dead.most_common():
        print(f"  {count:>4}  {reason}")
    print("seconds from the write of the log to the arrival of a good item:")
    before, after = _times("alone", alone), _times("among poison", among)
    more = given.poison / given.good
    print(f"added delay of a good item: {after - before:+.3f} s, {after / before - 1:+.1%}")
    print(f"  (the refused are {more:.1%} more requests)")
    sys.exit({*delivered} != {given.good} or {*dead} != {given.poison})


if __name__ == "__main__":
    main()
