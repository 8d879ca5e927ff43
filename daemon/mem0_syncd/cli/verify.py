"""`mem0-syncd verify`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from mem0_syncd.cli.outbox_access import alone, either, read_only
from mem0_syncd.cli.progress import Progress, progress
from mem0_syncd.cli.sync import wait_until_delivered
from mem0_syncd.control.client import ask
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import projects
from mem0_syncd.system import output, paths
from mem0_syncd.system.clock import Clock
from mem0_syncd.verify import report
from mem0_syncd.verify.inspection import Inspection, TakeInventory

ANSWER_SECONDS = 1900.0
REPAIRABLE = ("missing", "altered", "moved", "doubled")


@dataclass(frozen=True, slots=True)
class Access:
    """What the daemon does for this command, or this process itself if none runs."""

    outbox: Outbox
    take_inventory: TakeInventory
    repair: Callable[..., Mapping[str, Any]]


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--repair", is_flag=True, help="Send again what is missing, and remove true doubles.")
@click.option("--overwrite", is_flag=True, help="With --repair: put right what was altered in Mem0, too.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for repairs at most.")
@click.option("--json", "as_json", is_flag=True, help="Print the documented JSON (docs/json.md).")
@click.pass_context
def verify(
    ctx: click.Context, path: Path | None, *, repair: bool, overwrite: bool, timeout: float, as_json: bool
) -> None:
    """Compare what was delivered with what Mem0 holds, item by item: of the project at PATH, or of all.

    Works with a running daemon and without one. Exit code 1 if anything differs; with --repair, if
    anything still does.

    \b
    Example:  mem0-syncd verify ~/code/shop --repair
    """
    if overwrite and not repair:
        raise click.UsageError("--overwrite goes with --repair")
    state = paths.state_dir()
    with closing(read_only(state)) as outbox:
        project = projects.find(outbox, path).id if path else None
    with progress("waiting for the daemon") as told, _means(state, is_repair=repair) as means:
        shown = _compare(means, project, told)
        done = None
        if repair:
            wanted = {name: shown[name] for name in REPAIRABLE if overwrite or name != "altered"}
            wanted["doubled"] = [it for it in shown["doubled"] if it["identical"]]
            done = _repair(means, wanted, shown["open"], timeout, told)
        if done is not None:
            found, shown = shown, _compare(means, project, told, done["removed"])
            shown["repaired"] = report.repaired(means.outbox, found, shown, done)
    if as_json:
        output.document(shown)
    else:
        for line in report.lines(shown):
            output.say(line)
    is_well = not report.differs(shown) and (done is None or not done["waiting"])
    ctx.exit(0 if is_well else 1)


@contextlib.contextmanager
def _means(state: Path, *, is_repair: bool) -> Iterator[Access]:
    with contextlib.ExitStack() as stack:
        yield either(
            lambda: _through_daemon(state, stack),
            lambda: _alone(state, stack, is_repair=is_repair),
        )


def _through_daemon(state: Path, stack: contextlib.ExitStack) -> Access:
    ask(state, "ping")
    outbox = stack.enter_context(closing(read_only(state)))
    through = partial(ask, state, timeout=ANSWER_SECONDS)
    return Access(outbox, partial(through, "inventory"), partial(through, "repair"))


def _alone(state: Path, stack: contextlib.ExitStack, *, is_repair: bool) -> Access:
    from mem0_syncd.engine import user_requests
    from mem0_syncd.verify import repair as repairing

    engine = stack.enter_context(alone(state, "verify"))
    if is_repair:
        stack.enter_context(engine.delivering())
    return Access(
        engine.outbox,
        partial(user_requests.take_inventory, engine),
        partial(repairing.repair, engine),
    )


def _compare(
    means: Access, project: str | None, told: Progress, gone: list[str] | None = None
) -> dict[str, Any]:
    inspection = Inspection(
        means.outbox, means.take_inventory, Clock(), told.say, told.tell, frozenset(gone or ())
    )
    return report.verdict(means.outbox, inspection.run(project), project)


def _repair(
    means: Access, wanted: Mapping[str, list[dict[str, Any]]], on_the_way: int, timeout: float, told: Progress
) -> dict[str, Any] | None:
    """Repair differences, and wait for what is on the way; None if there is nothing to do."""
    if not any(wanted.values()) and not on_the_way:
        return None
    done: dict[str, Any] = {"removed": [], "unsaid": []}
    told.say("repairing")
    for destination in means.outbox.destinations.in_use():
        here = {
            name: [it for it in wanted.get(name, ()) if it["destination"] == destination.identity]
            for name in REPAIRABLE
        }
        if any(here.values()):
            came = means.repair(destination=destination.id, **here, tell=told.tell)
            done["removed"] += came["removed"]
            done["unsaid"] += came["unsaid"]
    newest = means.outbox.queue.newest_id()
    done["waiting"] = wait_until_delivered(means.outbox, newest, None, time.monotonic() + timeout, told)
    return done
