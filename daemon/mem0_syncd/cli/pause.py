"""`mem0-syncd pause` and `resume`."""

from __future__ import annotations

import click

from mem0_syncd import paths
from mem0_syncd.control import ask


@click.command()
def pause() -> None:
    """Deliver nothing until `resume`; what is written meanwhile waits in the outbox."""
    ask(paths.state_dir(), "pause")
    click.echo("paused; go on with: mem0-syncd resume", err=True)


@click.command()
def resume() -> None:
    """Deliver again."""
    ask(paths.state_dir(), "resume")
    click.echo("resumed", err=True)
