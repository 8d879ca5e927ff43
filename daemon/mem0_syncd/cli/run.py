"""`mem0-syncd run`."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from mem0_syncd.errors import BadConfiguration, SyncdError
from mem0_syncd.system import output

if TYPE_CHECKING:
    from mem0_syncd.config.settings import Settings


@click.command()
@click.option("--launchd", is_flag=True, help="For launchd: exit with 0 where only a person can help.")
def run(*, launchd: bool) -> None:
    """Watch, queue and deliver until SIGTERM or SIGINT; on SIGHUP, read the settings again.

    \b
    Example:  MEM0_SYNCD_PROJECTS='["~/code/shop"]' mem0-syncd run
    """
    from mem0_syncd.system.lean_imports import needless_hashes, without

    # OpenSSL would be a fourteenth of a daemon that encrypts nothing: the courier talks to Mem0.
    with without("rich", "ssl", *needless_hashes()):
        from mem0_syncd.daemon.sd_notify import Notifier
        from mem0_syncd.daemon.standby import live
        from mem0_syncd.daemon.wakeup import Wakeup
        from mem0_syncd.system import lean_heap, log

    try:
        chosen = _settings()
        # A watchdog ends a hanging daemon by SIGABRT: then every thread prints where it is.
        faulthandler.enable()
        log.configure(chosen.log_level, chosen.log_file)
        lean_heap.share()
        wakeup = Wakeup()
        # On a terminal, SIGHUP means that it was closed; there the daemon ends in order.
        reloads = [] if output.is_talk_seen() else [signal.SIGHUP]
        wakeup.listen(signal.SIGTERM, signal.SIGINT, *reloads)
        starts_anew = live(chosen, wakeup, Notifier())
    except SyncdError as error:
        if not launchd or error.exit_code != BadConfiguration.exit_code:
            raise
        # launchd starts it again whatever fails, and this would fail again.
        output.print_error(error)
        return
    if starts_anew:  # as the same process, so that a service manager notices nothing
        how = [] if sys.flags.safe_path else ["-P"]
        os.execv(sys.executable, [sys.executable, *how, *sys.orig_argv[1:]])  # noqa: S606 - there is no shell


def _settings() -> Settings:
    """The settings in force; their mistakes are kept for `status`, too."""
    from mem0_syncd.config import settings
    from mem0_syncd.status import start_refusal
    from mem0_syncd.system import paths

    try:
        return settings.load()
    except BadConfiguration as error:
        with contextlib.suppress(SyncdError):
            start_refusal.record(paths.make_private(paths.state_dir()), error.problem)
        raise
