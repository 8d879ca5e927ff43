"""`mem0-syncd hook`, as `--help` shows it; `__main__` runs the hook itself without this module."""

from __future__ import annotations

import click


@click.command()
def hook() -> None:
    """Take in an event of Claude Code: its JSON on stdin, an answer in JSON on stdout.

    Exit code 0, whatever happens; what went wrong is in hook.log in the state folder. It is put in place by:
    mem0-syncd claude install

    \b
    Example:  echo '{"hook_event_name": "Stop", "cwd": "."}' | mem0-syncd hook
    """
    from mem0_syncd.agents import hook

    hook.main()
