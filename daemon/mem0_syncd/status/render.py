"""Renders the status: as a table, rich on a terminal and plain in a pipe."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from mem0_syncd.core.destination_kinds import Guarantee
from mem0_syncd.status.snapshot import COUNTS
from mem0_syncd.system import output
from mem0_syncd.system.terminal_safety import visible

KIND_NAMES = {
    "session_summary": "session summaries",
    "decision": "decisions",
    "agent_pattern": "agent patterns",
    "best_practice": "best practices",
}

_RUNNING = {
    "ok": "Running",
    "degraded": "Running, with problems",
    "paused": "Paused",
    "stopped": "Not running",
    "unresponsive": "Running, but it doesn't answer",
}
_COLOURS = {"ok": "green", "degraded": "yellow", "paused": "yellow", "stopped": "red", "unresponsive": "red"}
_REMEDIES = {
    "stopped": "start it: mem0-syncd run",
    "unresponsive": "restart it; see: mem0-syncd doctor",
    "paused": "go on with: mem0-syncd resume",
}


MOST_NOTED = 3
"""Notes that are shown one by one."""

MOST_NAMED = 5
"""Ids that are named on one line."""


def counted(number: int, one: str, more: str = "") -> str:
    """So many of something; `more` is its plural, if an s doesn't make it."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def headline(shown: dict[str, Any]) -> str:
    """The three answers: is it running, is everything in Mem0, do I have to do something."""
    is_empty = not shown["projects"] and not shown["problems"]
    if shown["state"] in _REMEDIES and not (is_empty and shown["state"] == "stopped"):
        action = _REMEDIES[shown["state"]]
    elif n := sum(it["needs_you"] for it in shown["problems"]):
        action = f"{n} {'problem needs' if n == 1 else 'problems need'} you, below"
    elif not shown["projects"]:
        action = "watch a project: mem0-syncd project add PATH"
    else:
        action = "nothing to do" + (": it recovers by itself" if shown["problems"] else "")
    return f"{_RUNNING[shown['state']]} · {delivered(shown['totals'])} · {action}"


def delivered(totals: Mapping[str, int]) -> str:
    """Whether everything that is meant for Mem0 is there."""
    due = totals["seen"] - totals["skipped"] - totals["withheld"]
    left = due - totals["delivered"]
    if not totals["seen"]:
        return "nothing seen yet"
    if not due:
        return f"none of {counted(totals['seen'], 'item')} is for Mem0"
    if not left:
        return "the one item is in Mem0" if due == 1 else f"all {due} items are in Mem0"
    return f"{totals['delivered']} of {due} items are in Mem0, {left} to go"


def rows(shown: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The table's rows, the header first: project, kind and the counts that aren't all zero."""
    names = [name for name in COUNTS if name == "delivered" or shown["totals"][name]]
    yield ("PROJECT", "KIND", "SEEN", *(name.upper() for name in names))
    for project in shown["projects"]:
        name = project["id"] if project["path"] else f"{project['id']} (not watched)"
        for kind, counts in project["kinds"].items():
            yield (
                name,
                KIND_NAMES[kind],
                str(counts["seen"]),
                *(str(counts[name] or "·") for name in names),
            )
        if not project["kinds"]:
            yield (name, "nothing yet", "0", *("·" for _ in names))


def footer(shown: dict[str, Any], now: float) -> Iterator[str]:
    """The lines under the table: destination, last delivery and audit, next retry; `now` is of the epoch."""
    destination = shown["destination"]
    if destination["name"]:
        guarantee = destination["guarantee"]
        certainty = "" if guarantee == Guarantee.EXACTLY_ONCE else f" ({guarantee})"
        yield f"destination    {destination['identity']}{certainty}"
    if shown["last_delivery"]:
        yield f"last delivery  {_local(shown['last_delivery'], now)}"
    if (audit := shown["audit"])["last"]:
        found = (
            f"{audit['doubles']} doubles, {audit['removed']} removed" if audit["doubles"] else "no doubles"
        )
        yield f"last audit     {_local(audit['last'], now)}: {found}"
    if shown["redacted"]:
        again = shown["redacted_again"]
        since = f", {again:,} sent again since more is known of them" if again else ""
        yield f"redacted       credentials in {counted(shown['redacted'], 'item')}{since}"
    for project in shown["projects"]:
        if early := project.get("early_marks"):
            yield f"early marks    {project['id']}: {_named(early)} were marked before they were written"
    notes = shown.get("notes", ())
    for note in notes[:MOST_NOTED]:
        yield f"note           {note['what']} ({note['where']})"
    if (more := len(notes) - MOST_NOTED) > 0:
        yield f"note           and {more} more; see: mem0-syncd status --json"
    if destination["retry_at"]:
        yield f"next try       {_local(destination['retry_at'], now)}"


def _named(ids: list[str]) -> str:
    """Some ids, the first of them by name."""
    more = len(ids) - MOST_NAMED
    return ", ".join(ids[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def print_status(shown: dict[str, Any]) -> None:
    """Print the status, with colours on a terminal."""
    if output.is_terminal():
        output.console().print(_rich_status(shown))
        return
    _print_plain(shown)


def _print_plain(shown: dict[str, Any]) -> None:
    output.say(headline(shown))
    table = [[visible(cell) for cell in row] for row in rows(shown)]
    if len(table) > 1:
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        output.say()
        for row in table:
            cells = [
                cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004 - the two columns of text
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            output.say("  ".join(cells).rstrip())
    output.say()
    for line in footer(shown, time.time()):
        output.say(line)
    for problem in _by_need(shown["problems"]):
        output.say()
        output.say(f"{_mark(problem)} {problem['what']}")
        output.say(f"  where:  {problem['where']}")
        output.say(f"  remedy: {problem['remedy']}")


def watch_status(look: Callable[[], dict[str, Any]], seconds: float = 0.5) -> None:
    """Show the status until interrupted; in a pipe, whenever it has changed.

    On a terminal it has a screen of its own, which is overwritten without clearing it first.
    """
    with contextlib.suppress(KeyboardInterrupt):
        if output.is_terminal():
            _watch_on_screen(look, seconds)
        else:
            _watch_in_pipe(look, seconds)


def _watch_on_screen(look: Callable[[], dict[str, Any]], seconds: float) -> None:
    from rich.live import Live

    with Live(_rich_status(look()), console=output.console(), auto_refresh=False, screen=True) as live:
        while True:
            live.update(_rich_status(look()), refresh=True)
            time.sleep(seconds)


def _watch_in_pipe(look: Callable[[], dict[str, Any]], seconds: float) -> None:
    before: dict[str, Any] = {}
    while True:
        shown = look()
        if shown != before:
            if before:
                output.say()
            _print_plain(shown)
        before = shown
        time.sleep(seconds)


def _rich_status(shown: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    from mem0_syncd.system.output import rich_text

    parts: list[Any] = [rich_text(f"● {headline(shown)}", f"bold {_COLOURS[shown['state']]}")]
    header, *body = rows(shown)
    if body:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column, name in enumerate(header):
            table.add_column(name, justify="left" if column < 2 else "right")  # noqa: PLR2004 - columns of text
        for row in body:
            table.add_row(*map(rich_text, row))
        parts += ["", table]
    parts += ["", *(rich_text(line, "dim") for line in footer(shown, time.time()))]
    for problem in _by_need(shown["problems"]):
        parts += [
            "",
            rich_text(_mark(problem), "yellow") + rich_text(f" {problem['what']}"),
            rich_text("  where: ", "dim") + rich_text(f" {problem['where']}"),
            rich_text("  remedy:", "dim") + rich_text(f" {problem['remedy']}"),
        ]
    return Group(*parts)


def _by_need(problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Problems that wait for a person first, otherwise in the same order."""
    return sorted(problems, key=lambda it: bool(it["needs_you"]), reverse=True)


def _mark(problem: Mapping[str, Any]) -> str:
    return "!" if problem["needs_you"] else "·"


def _local(moment: str, now: float) -> str:
    then = datetime.fromisoformat(moment)
    away = round(then.timestamp() - now)
    relative = f"in {duration(away)}" if away > 0 else f"{duration(-away)} ago"
    return f"{then.astimezone():%Y-%m-%d %H:%M:%S}, {relative}"


def duration(seconds: float) -> str:
    """A time in the one unit that is precise enough."""
    for size, unit in ((172_800, "d"), (7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // (size // 2):.0f} {unit}"
    return f"{seconds:.0f} s"
