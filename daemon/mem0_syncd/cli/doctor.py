"""`mem0-syncd doctor`."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mem0_syncd.system import output
from mem0_syncd.system.terminal_safety import visible

if TYPE_CHECKING:
    from mem0_syncd.doctor import CheckResult

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red")}
_COLUMN = 15


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the documented JSON (docs/json.md).")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Check everything that delivery needs, and name the command that helps.

    The report can be pasted into an issue: no key is in it, and the home folder is `~`.

    \b
    Exit codes: 0 without a failure, 1 with one, 78 bad configuration.
    Example:  mem0-syncd doctor --json
    """
    from mem0_syncd.config import settings
    from mem0_syncd.doctor import examine, look_around
    from mem0_syncd.doctor import report as reports
    from mem0_syncd.doctor.projects import what_leaves

    chosen = settings.load()
    around = look_around(chosen, os.environ)
    key = chosen.api_key.get_secret_value() if chosen.api_key else None
    scrub = reports.scrubber(Path.home(), key)
    found: list[tuple[str, CheckResult]] = []
    if not as_json:
        output.say(reports.facts(reports.versions()))
        output.say()
    for name, finding in examine(around):
        if not as_json:
            _print(name if not found or found[-1][0] != name else "", finding, scrub)
        found.append((name, finding))
    leaving = what_leaves(around)
    report = reports.as_dict(found, leaving, scrub)
    if as_json:
        output.document(report)
    else:
        if leaving:
            output.say()
            output.say("What leaves the projects' folders:")
        for it in report["leaving"]:
            output.say(f"  {it['what']}")
            output.say(f"    to {it['where']}")
        output.say()
        output.say(reports.summary(finding["verdict"] for finding in report["findings"]))
    ctx.exit(1 if report["verdict"] == "failure" else 0)


def _print(name: str, finding: CheckResult, scrub: Callable[[str], str]) -> None:
    mark, colour = _MARKS[finding.verdict]
    lines = [scrub(finding.what), *([f"remedy: {scrub(finding.remedy)}"] if finding.remedy else [])]
    margin = " " * (_COLUMN + 2)
    first, *more = [part for line in lines for part in _wrap(line, margin)]
    output.say(f" {name:{_COLUMN}}{first.removeprefix(margin)}", lead=mark, fg=colour)
    for line in more:
        output.say(line)


def _wrap(line: str, margin: str) -> list[str]:
    """The line behind a margin, broken between words on a terminal; whole in a pipe."""
    width = shutil.get_terminal_size().columns if output.is_terminal() else sys.maxsize
    return textwrap.wrap(
        visible(line),
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
