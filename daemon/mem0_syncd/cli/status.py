"""`mem0-syncd status`."""

from __future__ import annotations

import time

import click

from mem0_syncd.status.snapshot import snapshot
from mem0_syncd.system import output, paths

_EXIT_CODES = {"ok": 0, "paused": 0, "degraded": 1, "unresponsive": 1, "stopped": 3}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the documented JSON (docs/json.md).")
@click.option("--watch", is_flag=True, help="Keep showing it, until Ctrl-C.")
@click.pass_context
def status(ctx: click.Context, *, as_json: bool, watch: bool) -> None:
    """Say whether it runs, whether everything is in Mem0, and what there is to do.

    \b
    Exit codes: 0 well or paused, 1 degraded or unresponsive, 3 stopped.
    Example:  mem0-syncd status --json
    """
    state = paths.state_dir()
    if watch and as_json:
        raise click.UsageError("say --json or --watch, not both")
    if watch:
        from mem0_syncd.status.render import watch_status

        watch_status(lambda: snapshot(state, time.time()))
        return
    shown = snapshot(state, time.time())
    if as_json:
        output.document(shown)
    else:
        from mem0_syncd.status.render import print_status

        print_status(shown)
    ctx.exit(_EXIT_CODES[shown["state"]])
