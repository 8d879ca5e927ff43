"""`mem0-syncd run`."""

from __future__ import annotations

import signal

import click


@click.command()
def run() -> None:
    """Watch, queue and deliver until SIGTERM or SIGINT.

    \b
    Example:  MEM0_SYNCD_PROJECTS='["~/code/shop"]' mem0-syncd run
    """
    from mem0_syncd import log, paths, settings
    from mem0_syncd.daemon import Daemon
    from mem0_syncd.lock import deliverer
    from mem0_syncd.notify import Notifier
    from mem0_syncd.outbox import Outbox

    chosen = settings.load()
    log.configure(chosen.log_level)
    state = paths.make_private(chosen.state_dir)
    with deliverer(state, "run", wait=600.0):
        outbox = Outbox.open(state)
        try:
            daemon = Daemon(chosen, outbox, Notifier())
            signal.set_wakeup_fd(daemon.telling, warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            daemon.run()
        finally:
            outbox.close()
