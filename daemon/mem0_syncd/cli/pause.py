"""`mem0-syncd pause` and `resume`."""

from __future__ import annotations

import click

from mem0_syncd.cli.outbox_access import writable
from mem0_syncd.control.client import ask
from mem0_syncd.errors import DaemonNotRunning
from mem0_syncd.system import output, paths


@click.command()
def pause() -> None:
    """Deliver nothing until `resume`; what is written meanwhile waits in the outbox.

    \b
    Example:  mem0-syncd pause
    """
    _set(paused=True)
    output.talk("paused; go on with: mem0-syncd resume")


@click.command()
def resume() -> None:
    """Deliver again, after `pause`.

    \b
    Example:  mem0-syncd resume
    """
    _set(paused=False)
    output.talk("resumed")


def _set(*, paused: bool) -> None:
    """Tell the daemon, or its next start, whether to pause."""
    state = paths.state_dir()
    try:
        ask(state, "pause" if paused else "resume")
    except DaemonNotRunning:
        with writable(state) as outbox:
            outbox.facts.pause(paused=paused)
