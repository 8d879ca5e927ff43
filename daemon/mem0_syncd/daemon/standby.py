"""The daemon works when it can, and stands by, with the reason, when it can't."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from mem0_syncd import __version__
from mem0_syncd.config.reloading import renewed
from mem0_syncd.config.settings import Settings
from mem0_syncd.control.server import ControlServer
from mem0_syncd.daemon.daemon import Daemon
from mem0_syncd.daemon.sd_notify import Notifier
from mem0_syncd.daemon.wakeup import Wakeup
from mem0_syncd.errors import OutboxDamaged, Problem, StateFolderBusy, SyncdError
from mem0_syncd.outbox import Outbox, damaged_outbox
from mem0_syncd.status import start_refusal
from mem0_syncd.system import paths, storage_faults
from mem0_syncd.system.lock import deliverer, holder

RETRY_SECONDS = 5.0
TURN_SECONDS = 0.2
"""Seconds between two tries of the lock while a command holds it, which is soon over."""

log = structlog.get_logger("standby")


class Standby:
    """Answers commands in the daemon's place. Without a runtime folder only the log reports."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._problem: Problem | None = None
        self._server: ControlServer | None = None
        self._since = datetime.now(UTC).isoformat()

    def say(self, problem: Problem) -> None:
        """Answer and log what the daemon waits for."""
        if problem != self._problem:
            log.warning("standing_by", what=problem.what, where=problem.where, remedy=problem.remedy)
        self._problem = problem
        if self._server is None:
            with suppress(OSError, SyncdError):
                operations = defaultdict(lambda: self._answer, ping=self._answer)
                server = ControlServer(paths.socket_path(self._state), self._state, operations)
                server.start()
                self._server = server

    def end(self) -> None:
        """End, so that the daemon can take the socket."""
        self._problem = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _answer(self, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        problems = [self._problem.as_dict()] if self._problem else []
        return {
            "standby": True,
            "pid": os.getpid(),
            "version": __version__,
            "since": self._since,
            "problems": problems,
        }


def live(settings: Settings, wakeup: Wakeup, notifier: Notifier) -> bool:
    """Run the daemon until a signal ends it; raises what doesn't pass with time.

    Returns whether it has ended for another version, which is now to be started.
    """
    standby = Standby(settings.state_dir)
    try:
        while True:
            try:
                return _work(settings, wakeup, notifier, standby)
            except Exception as error:
                problem = _obstacle(error, settings.state_dir)
                if problem is None:
                    raise
                standby.say(problem)
                notifier.ready(f"standing by: {problem.what}")
                pause = TURN_SECONDS if isinstance(error, StateFolderBusy) else RETRY_SECONDS
            notifier.alive()
            number = wakeup.wait(pause)
            if number == signal.SIGHUP:
                settings, _ = renewed(settings)
            elif number is not None:
                return False
    finally:
        standby.end()


def _work(settings: Settings, wakeup: Wakeup, notifier: Notifier, standby: Standby) -> bool:
    state = paths.make_private(settings.state_dir)
    with deliverer(state, "run"):
        try:
            with closing(Outbox.open(state)) as outbox:
                start_refusal.clear(state)
                standby.end()
                try:
                    return Daemon(settings, outbox, wakeup, notifier).run()
                except Exception as error:
                    outbox.integrity.confirm(error)
                    raise
        except OutboxDamaged as error:
            damaged_outbox.set_aside(state, error, time.time())
            raise


def _obstacle(error: Exception, state: Path) -> Problem | None:
    """What keeps the daemon from starting for now; None for an error that doesn't pass."""
    if not isinstance(error, StateFolderBusy):
        return storage_faults.problem_of(error, state)
    who = holder(state)
    if who.get("command") == "run":
        return None
    command = f"`mem0-syncd {who['command']}` (pid {who['pid']})" if who else "a command"
    return Problem(
        f"{command} delivers; the daemon waits for its end",
        str(state),
        "nothing: wait for it",
        needs_you=False,
    )
