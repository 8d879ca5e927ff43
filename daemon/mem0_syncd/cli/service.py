"""`mem0-syncd service`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from mem0_syncd import __version__
from mem0_syncd.control.client import ask
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.service import Manager, NoManager, ServiceState, manager
from mem0_syncd.status import start_refusal
from mem0_syncd.system import output, paths

_READY_SECONDS = 60.0


@click.group()
def service() -> None:
    """Have the daemon run whenever you are logged in: by systemd on Linux, by launchd on macOS.

    \b
    Example:  mem0-syncd service install
    """


@service.command(short_help="Write the unit, start the daemon, and wait until it answers.")
@click.option("--store/--no-store", default=None, help="Store what only this shell's environment says.")
def install(*, store: bool | None) -> None:
    """Write the unit for this installation, enable it, start it, and wait until it is ready.

    A key, a proxy, certificates and settings that only this shell's environment has are offered to be
    stored, for the service won't see that environment. Doing it again changes nothing that is right.

    \b
    Example:  mem0-syncd service install
    """
    from mem0_syncd.config.settings import load

    load()  # mistakes in the settings are reported before anything is changed
    which = manager(os.environ)
    state = paths.state_dir()
    standing = which.standing()
    running = _ping(state)
    if running and running["pid"] != standing.pid:
        raise SyncdError(
            f"a daemon that is not the service's already runs (process id {running['pid']})",
            where=str(state),
            remedy="end it, and run this again",
        )
    is_news = _offer_to_store(which, store=store)
    is_older = running is not None and running["version"] != __version__
    for line in which.install(restart=is_older):
        output.talk(line)
    _wait_until_ready(state)
    if is_news and running:
        ask(state, "reload", timeout=30.0)
    output.talk("the daemon answers; what it does: mem0-syncd status")


@service.command(short_help="Stop the daemon and take the unit out.")
@click.option("--purge", is_flag=True, help="Also delete outbox, local Mem0, key and settings.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def uninstall(*, purge: bool, yes: bool) -> None:
    """Stop the daemon and take the unit out; what was delivered, and what waits, stays where it is.

    \b
    Example:  mem0-syncd service uninstall
    """
    from mem0_syncd.service.uninstall import delete, doomed

    which = manager(os.environ)
    files = doomed(paths.state_dir(), os.environ) if purge else []
    if files and not yes:
        for line in ["this would be deleted, for good:", *map(str, files)]:
            output.talk(line)
        output.confirm("Delete it?", abort=True)
    try:
        done = which.uninstall()
    except NoManager:
        if not purge:
            raise
        done = []
    for line in done:
        output.talk(line)
    if files and _ping(paths.state_dir()):
        raise SyncdError(
            "nothing was deleted: a daemon that is not the service's still runs",
            where=str(paths.state_dir()),
            remedy="end it, and run this again",
        )
    for line in delete(files):
        output.talk(line)


@service.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Say what the service manager knows of the daemon.

    \b
    Exit codes: 0 it runs, 1 it failed, 3 it doesn't run.
    Example:  mem0-syncd service status
    """
    which = manager(os.environ)
    standing = which.standing()
    for name, said in _describe(which, standing):
        output.say(f"{name:<10} {said}")
    ctx.exit(0 if standing.is_running else 1 if standing.failure else 3)


@service.command()
@click.option("-n", "--lines", default=100, show_default=True, help="How many of the last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
def logs(*, lines: int, follow: bool) -> None:
    """Print the daemon's log.

    \b
    Example:  mem0-syncd service logs --follow
    """
    command = manager(os.environ).show_logs(lines, follow=follow)
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except FileNotFoundError:
        raise SyncdError(f"there is no {command[0]} here", where="PATH", remedy="install it") from None


def _describe(which: Manager, standing: ServiceState) -> list[tuple[str, str]]:
    unit = "not there; mem0-syncd service install writes it"
    if standing.is_installed:
        ours = "" if standing.is_ours else ", of another installation or version: mem0-syncd service install"
        unit = f"{which.unit}{ours}"
    pid = f", process id {standing.pid}" if standing.pid else ""
    return [
        ("manager", which.name),
        ("unit", unit),
        ("at login", "starts" if standing.is_enabled else "doesn't start"),
        ("now", f"{standing.state}{pid}"),
        ("restarts", str(standing.restarts)),
        *([("failed", standing.failure)] if standing.failure else []),
        *(("because", problem.what) for problem in start_refusal.read(paths.state_dir())),
    ]


def _offer_to_store(which: Manager, *, store: bool | None) -> bool:
    """Whether anything was stored of what only this shell has."""
    from mem0_syncd.config import shell_environment as shell_settings

    stored = False
    for found in shell_settings.find(os.environ, which.environment()):
        what = f"{found.variable} is set in this shell only, where the service doesn't see it"
        wanted = store
        if wanted is None and sys.stdin.isatty():
            wanted = output.confirm(f"{what}. Store it ({found.where})?", default=True)
        if wanted is None and found.variable == shell_settings.KEY:
            # The first start would decide on the local Mem0, for good.
            raise SyncdError(
                what,
                where="nothing was changed",
                remedy="say whether it is to be stored: mem0-syncd service install --store, or --no-store",
            )
        if wanted:
            output.talk(f"{shell_settings.store(found, os.environ)}: {found.variable} is stored")
            stored = True
        else:
            output.talk(f"{what}; to store it: mem0-syncd service install --store")
    return stored


def _wait_until_ready(state: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _ping(state):
        if time.monotonic() > deadline:
            raise SyncdError("the daemon doesn't answer", where=str(state), remedy="mem0-syncd service logs")
        time.sleep(0.1)


def _ping(state: Path) -> dict[str, Any] | None:
    # What a service manager starts writes its address down: nobody asks elsewhere, as `status` does.
    try:
        return ask(state, "ping")
    except (DaemonNotRunning, DaemonUnresponsive):
        return None
