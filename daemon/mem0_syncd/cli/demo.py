"""`mem0-syncd demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click


@click.command()
@click.option("--keep", is_flag=True, help="Keep the temporary folder, to look around in.")
def demo(*, keep: bool) -> None:
    """Show the whole thing: a sample project, a daemon that is killed, an embedded Mem0.

    Everything happens in a temporary folder and without a network. Exit code 1 if anything failed.

    \b
    Example:  mem0-syncd demo --keep
    """
    from mem0_syncd.cli.demo_scenario import Demo

    if keep:
        Demo(Path(tempfile.mkdtemp(prefix="mem0-syncd-demo-"))).play()
        return
    with tempfile.TemporaryDirectory(prefix="mem0-syncd-demo-", ignore_cleanup_errors=True) as folder:
        Demo(Path(folder)).play()
