"""Makes docs/performance.md, and its pictures, of the figures of the last runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks import chart
from benchmarks.results import DOCS, Results
from benchmarks.rows import Row, number

PAGE = DOCS / "performance.md"
ORDER = ("latency", "throughput", "limit", "log", "idle", "commands", "kills")
GROWTH_ORDER = ("shares", "projects", "memory", "logs", "queues", "receipts")

_INTRODUCTION = """\
# Performance

Made by `make bench` and `make soak`, which print the same tables. Machines differ, so budgets are ratios and
counts, measured in one run beside their baselines. What counts is what mem0-syncd adds to the baseline. All
figures are in [performance.json](performance.json).
"""

_ON_THROUGHPUT = """\
**Throughput.** Only on a loopback interface does Mem0 answer at once. Then the throughput of a backlog
depends on CPU time. The bare client and the server have a core each. Here a third process, the daemon,
makes every item durable before it is sent, and its receipt afterwards. "Where the time of an item goes"
shows what an item costs in each process. A new backlog of 8,000 items is read and planned in about a
second. Meanwhile that takes one core of two from the client and the server, so the second half goes
quicker. Runs differ by a tenth, so this budget is narrowly met in one run, and narrowly missed in the next.
At the usual limit of 900 adds a minute none of this can be seen.
"""

_ON_IDLING = """\
**Idle.** An idle daemon sleeps until a file changes or a command asks. For what no event can tell, it looks
at these:

- every nine seconds: signs of life of its own parts
- every twenty seconds: whether the watched folders and its outbox are still the same
- every minute: whether anything is due
- every five minutes: all files, of which it reads what has changed

Most of its memory is used by Python and the libraries it is built on ("Where the memory goes"). OpenSSL isn't
among them, for only the courier encrypts. All threads share one heap.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def about(run: Results) -> str:
    """When and on what a run was."""
    busy = f" (load {run['load']})" if "load" in run else ""
    machine = f"{run['system']} with {run['cores']} cores{busy}"
    return f"Run on {run['day']}, on {machine} and Python {run['python']}."


def budgets_section(rows: Iterable[Row]) -> str:
    """Every row with its budget."""
    lines = [
        (
            row.what,
            f"{number(row.value)} {row.unit}".strip(),
            f"{'≥' if row.at_least else '≤'} {number(row.budget)}",
            "yes" if row.is_met else "**no**",
            row.beside,
        )
        for row in rows
    ]
    return table(("what", "measured", "budget", "met", "with"), lines)


def growth_section(growth: Results) -> str:
    """One table of how figures grow."""
    lines = [[number(value) for value in line] for line in growth["lines"]]
    return f"### {growth['title']}\n\n{table(growth['head'], lines)}"


def soak_section(figures: Results) -> str:
    """What a soak found."""
    rows = []
    for process in ("daemon", "courier"):
        for name, label in (("mib", "resident memory, MiB"), ("files", "open files"), ("threads", "threads")):
            it = figures[process][name]
            digits = 1 if name == "mib" else 0
            values = [f"{it[key]:.{digits}f}" for key in ("start", "end", "most")]
            rows.append((f"{process}: {label}", *values, f"{it['an_hour']:+.1f}"))
    steps = ", ".join(f"{count} {name}" for name, count in sorted(figures["steps"].items()))
    daemon, courier = figures["daemon"], figures["courier"]
    said = (
        f"{figures['minutes']:.0f} minutes of mixed work on ten projects: {steps}. Meanwhile Mem0 failed"
        f" {figures['faults']:.0%} of all requests, and was gone {figures['outages']} times for ten seconds."
        f" The courier was killed {figures['kills']} time(s). In the end {figures['delivered']} of"
        f" {figures['items']} items were delivered, {figures['lost']} lost, {figures['doubled']} doubled"
        f" (seed {figures['seed']}). Of a core the daemon took {daemon['core']:.1%} and the courier"
        f" {courier['core']:.1%}; the courier of the table lived for {courier['minutes']:.0f} minutes."
    )
    head = ("process", "start", "end", "most", "slope an hour")
    return f"{said}\n\n{table(head, rows)}"


def write(results: Results) -> None:
    """Write the page of all figures that there are."""
    parts = [_INTRODUCTION]
    if "bench" in results:
        parts += _bench(results["bench"])
    if "soak" in results:
        parts += _soak(results["soak"])
    PAGE.write_text("\n".join(parts))


def _bench(bench: Results) -> list[str]:
    rows = [Row(**row) for name in ORDER for row in bench["rows"].get(name, ())]
    growths = [bench["growths"][name] for name in GROWTH_ORDER if name in bench["growths"]]
    (DOCS / "performance.svg").write_text(chart.budgets(rows))
    return [
        f"## Budgets: `make bench`\n\n{about(bench['run'])}\n",
        "![How much of each budget is used](performance.svg)\n",
        budgets_section(rows),
        _ON_THROUGHPUT,
        _ON_IDLING,
        "## How it grows\n",
        *map(growth_section, growths),
    ]


def _soak(soak: Results) -> list[str]:
    series = {
        process: [(seconds / 60, mib) for seconds, mib in soak[process]["points"]]
        for process in ("daemon", "courier")
    }
    (DOCS / "soak.svg").write_text(chart.courses("Resident memory in a soak", "MiB", series))
    return [
        f"## Soak: `make soak MINUTES={soak['minutes']:.0f}`\n\n{about(soak['run'])}\n",
        "![Resident memory over time](soak.svg)\n",
        soak_section(soak),
    ]
