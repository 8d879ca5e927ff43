"""`mem0-syncd sync`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mem0_syncd.cli.outbox_access import either
from mem0_syncd.cli.progress import Progress, progress
from mem0_syncd.control.client import ask
from mem0_syncd.core.destination_health import Health, Reach
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import projects
from mem0_syncd.status.render import KIND_NAMES
from mem0_syncd.status.snapshot import snapshot
from mem0_syncd.system import output, paths

_POLL_SECONDS = 0.05


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--wait/--no-wait", default=True, help="Wait until all is delivered (the default).")
@click.option("--resend-marked", is_flag=True, help="Send what other programs marked as synced, too.")
@click.option("--accept-account", is_flag=True, help="Go on with the other account that the API key is of.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait at most.")
def sync(path: Path | None, *, wait: bool, timeout: float, resend_marked: bool, accept_account: bool) -> None:
    """Deliver everything now: of the project at PATH, or of all.

    Works with a running daemon and without one. Exit code 1 if something isn't delivered.

    \b
    Example:  mem0-syncd sync ~/code/shop
    """
    state = paths.state_dir()
    if path is not None:
        path = projects.resolve(path)
    deadline = time.monotonic() + timeout
    wishes = {"resend_marked": resend_marked, "accept_account": accept_account}
    with progress("reading the projects") as told:
        reason = either(
            lambda: _through_daemon(state, path, deadline, told, wait=wait, wishes=wishes),
            lambda: _alone(state, path, deadline, told, wait=wait, wishes=wishes),
        )
    left, problems = _print_summary(state, path)
    for problem in problems:
        output.talk(f"! {problem['what']} ({problem['where']})")
    if wait and not reason:
        reason = ", ".join(f"{count} {name}" for name, count in left.items() if count)
    if reason:
        remedy = "see: mem0-syncd dead list" if left["dead"] else "see: mem0-syncd status"
        raise SyncdError(f"not everything is delivered: {reason}", where=str(path or state), remedy=remedy)


def _through_daemon(
    state: Path,
    path: Path | None,
    deadline: float,
    told: Progress,
    *,
    wait: bool,
    wishes: Mapping[str, Any],
) -> str | None:
    # The daemon needs a moment to read a big log, and answers only then.
    patience = max(2.0, deadline - time.monotonic())
    ask(state, "ping")  # without a daemon the outbox may have to be migrated before it is read
    outbox = Outbox.open_to_read(state)
    project_id = projects.find(outbox, path).id if outbox and path else None
    newest = ask(state, "sync", timeout=patience, project=project_id, **wishes)["newest"]
    outbox = outbox or Outbox.open_to_read(state)
    if outbox is None or not wait:
        return None
    return wait_until_delivered(outbox, newest, project_id, deadline, told)


def _alone(
    state: Path,
    path: Path | None,
    deadline: float,
    told: Progress,
    *,
    wait: bool,
    wishes: Mapping[str, Any],
) -> str | None:
    from mem0_syncd.config import settings
    from mem0_syncd.engine.engine import Engine
    from mem0_syncd.engine.forgetting import delete_what_is_due
    from mem0_syncd.engine.keeping import fetch_some
    from mem0_syncd.engine.user_requests import begin_sync
    from mem0_syncd.system import log
    from mem0_syncd.system.lock import deliverer

    chosen = settings.load()
    log.configure("warning")
    paths.make_private(state)
    with deliverer(state, "sync", wait=max(1.0, deadline - time.monotonic())):
        outbox = Outbox.open(state)
        try:
            engine = Engine(chosen, outbox)
            project_id = projects.find(outbox, path).id if path else None
            if wait:
                fetch_some(engine)
            newest = begin_sync(engine, project_id, **wishes)
            if wait:
                delete_what_is_due(engine)
            if not wait:
                output.talk("queued; the daemon isn't running, so nothing is sent yet")
                return None
            with engine.delivering():
                return wait_until_delivered(outbox, newest, project_id, deadline, told)
        finally:
            outbox.close()


def wait_until_delivered(
    outbox: Outbox, newest: int, project_id: str | None, deadline: float, told: Progress
) -> str | None:
    """Wait until nothing up to the entry `newest` is live; returns why it gave up, if it did."""
    most = 0
    told.say("delivering")
    while True:
        live: Counter[str] = Counter()
        standings = []
        for destination in outbox.destinations.in_use():
            if there := outbox.queue.live(destination.id, newest, project_id):
                live.update(there)
                standings.append(destination.standing)
        if not live:
            return None
        most = max(most, live.total())
        told.tell(most - live.total(), most)
        reasons = "; ".join(dict.fromkeys(standing.reason for standing in standings if standing.reason))
        if outbox.facts.is_paused:
            return "paused; go on with: mem0-syncd resume"
        if all(map(_is_held, standings)):
            return "; ".join(f"{standing.reason}; {standing.remedy}" for standing in standings)
        if time.monotonic() >= deadline:
            counts = ", ".join(f"{n} {state}" for state, n in sorted(live.items()))
            return f"timed out with {counts}" + (f" ({reasons})" if reasons else "")
        time.sleep(_POLL_SECONDS)


def _is_held(standing: Health) -> bool:
    """Whether waiting can't help: not even a probe is due."""
    return standing.reach is Reach.HELD and (standing.retry_at or 0.0) > time.time() + 1


def _print_summary(state: Path, path: Path | None) -> tuple[dict[str, int], list[dict[str, str]]]:
    """Print a line for each kind; returns how many items are left in which state, and what is wrong."""
    shown = snapshot(state, time.time())
    kinds: dict[str, tuple[int, int]] = {}
    left = dict.fromkeys(("pending", "unconfirmed", "accepted", "dead"), 0)
    problems: list[dict[str, str]] = []
    for project in shown["projects"]:
        if path is None or (project["path"] and Path(project["path"]) in {path, *path.parents}):
            problems += project["problems"]
            for kind, counts in project["kinds"].items():
                delivered, total = kinds.get(kind, (0, 0))
                due = counts["seen"] - counts["skipped"] - counts["withheld"]
                kinds[kind] = delivered + counts["delivered"], total + due
                left = {name: count + counts[name] for name, count in left.items()}
    for kind, (delivered, total) in kinds.items():
        output.say(f"{KIND_NAMES[kind]} {delivered}/{total}")
    if not kinds:
        output.say("nothing to deliver")
    if not shown["projects"]:
        output.talk("no project is watched; watch one: mem0-syncd project add PATH")
    return left, problems
