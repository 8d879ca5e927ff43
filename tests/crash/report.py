"""The matrix as tables: for the terminal step by step, for docs/delivery.md path by path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from crash.board import Point, Role, Step
from crash.paths import PATHS
from crash.results import ROOT, Results

PAGE = ROOT / "docs" / "delivery.md"
TITLE = "## Proof: the crash matrix"

COLUMNS: dict[str, frozenset[tuple[Role, Step]]] = {
    "detect": frozenset({(Role.DAEMON, Step.DETECT)}),
    "enqueue": frozenset(
        (Role.DAEMON, step) for step in (Step.SCAN, Step.ENQUEUE, Step.SPOOL, Step.ELSEWHERE)
    ),
    "claim": frozenset({(Role.DAEMON, Step.CLAIM)}),
    "hand over": frozenset({(Role.DAEMON, Step.HAND_OVER), (Role.COURIER, Step.HEAR)}),
    "send": frozenset({(Role.COURIER, Step.CONNECT), (Role.COURIER, Step.SEND)}),
    "store": frozenset({(Role.COURIER, Step.STORE)}),
    "answer": frozenset(
        {(Role.COURIER, Step.ANSWER), (Role.COURIER, Step.HAND_OVER), (Role.DAEMON, Step.HEAR)}
    ),
    "settle": frozenset({(Role.DAEMON, Step.SETTLE)}),
    "look": frozenset({(Role.DAEMON, Step.CONTACT), (Role.DAEMON, Step.SECOND_LOOK)}),
    "repair": frozenset({(Role.DAEMON, Step.REPAIR)}),
    "mark": frozenset({(Role.DAEMON, Step.MARK)}),
}
"""The steps as the page shows them, with the calls of both processes that belong to each."""

TEXT = """{title}

Daemon and courier are killed with SIGKILL just before every call by which something becomes durable or is
sent (write, pwrite, fsync, fdatasync, ftruncate, rename, unlink, connect, send, receive). That is done on
each of the paths below. A point is one such call: its process, the step of the path, and its number within
that step. What a process calls while it starts doesn't count, nor does what goes to the log. After each kill
the killed process starts again. Then three things must hold:

- Mem0's own list has each item once, in its newest content.
- The receipts name exactly these memories.
- The sync-state file marks what is delivered, and nothing else.

*Open* are the points at which Mem0 held something that the outbox had no receipt of.

{table}

**{points} points, {open} of them open: {lost} lost, {doubled} doubled, {other} otherwise wrong.**{left}
`make crash-matrix` walks all of them and writes this section; `make test` walks a few. The kills come from a
small library, `tests/crash/shim.c`, that is preloaded into both processes.
"""


def summary(all_results: Iterable[Results]) -> str:
    """How many points each process has at each step of each path."""
    lines = []
    for results in all_results:
        steps = Counter((it.point.role, it.point.step) for it in results.kills)
        lines += [f"{results.path}: {len(results.kills)} points, {_open(results)} open"]
        lines += [
            f"  {role.name.lower():8} {_words(step):12} {n:4}" for (role, step), n in sorted(steps.items())
        ]
        lines += [f"  WRONG at {_place(it.point)}: {it}" for it in results.kills if _is_wrong(it)]
        if results.left:
            lines += [f"  {len(results.left)} points are still to come"]
    return "\n".join(lines)


def write(all_results: list[Results]) -> None:
    """Put what was found into the page."""
    kills = [it for results in all_results for it in results.kills]
    left = sum(len(results.left) for results in all_results)
    section = TEXT.format(
        title=TITLE,
        table="\n".join(_table(all_results)),
        points=f"{len(kills):,}",
        open=sum(it.open for it in kills),
        left=f" At least {left} more points are still to be walked." if left else "",
        lost=sum(bool(it.lost) for it in kills),
        doubled=sum(bool(it.doubled) for it in kills),
        other=sum(bool(it.other) and not it.lost and not it.doubled for it in kills),
    )
    put(TITLE, section)


def put(title: str, section: str, page: Path = PAGE) -> None:
    """Put a section into the page, in the place of the former one or at the end."""
    text = page.read_text(encoding="utf-8")
    before, found, after = text.partition(f"{title}\n")
    rest = re.search(r"^## ", after, re.MULTILINE)
    before = before if found else f"{before}\n"
    page.write_text(before + section + (f"\n{after[rest.start() :]}" if rest else ""), encoding="utf-8")


def _table(all_results: Iterable[Results]) -> Iterator[str]:
    abouts = {path.name: path.about for path in PATHS}
    yield "| path | " + " | ".join(COLUMNS) + " | points | open |"
    yield "|---|" + "--:|" * (len(COLUMNS) + 2)
    for results in all_results:
        points = [it.point for it in results.kills]
        counts = [sum((it.role, it.step) in members for it in points) for members in COLUMNS.values()]
        cells = [str(count or "") for count in counts] + [str(len(points)), str(_open(results))]
        yield f"| **{results.path}**: {abouts[results.path]} | " + " | ".join(cells) + " |"


def _open(results: Results) -> int:
    return sum(it.open for it in results.kills)


def _is_wrong(result: object) -> bool:
    return any(getattr(result, name) for name in ("lost", "doubled", "other"))


def _place(point: Point) -> str:
    return f"{point.role.name.lower()}, {_words(point.step)} {point.number}"


def _words(step: Step) -> str:
    return step.name.lower().replace("_", " ")
