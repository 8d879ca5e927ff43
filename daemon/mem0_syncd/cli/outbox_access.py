"""A command's access to the outbox: under the lock if it writes, read-only otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mem0_syncd.errors import DaemonNotRunning, StateFolderBusy, SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.system import paths
from mem0_syncd.system.lock import deliverer

if TYPE_CHECKING:
    from mem0_syncd.engine.engine import Engine

START_SECONDS = 30.0
"""Seconds that a daemon may hold the lock before it answers: a migration of the outbox takes a while."""

_POLL_SECONDS = 0.1

T = TypeVar("T")


def read_only(state: Path) -> Outbox:
    """The outbox of a state folder, read-only; raises `SyncdError` if there is none."""
    outbox = Outbox.open_to_read(state) if state.is_dir() else None
    if outbox is None:
        raise SyncdError(
            "there is no outbox yet",
            where=str(state),
            remedy="mem0-syncd project add PATH, then: mem0-syncd run",
        )
    return outbox


@contextmanager
def writable(state: Path) -> Iterator[Outbox]:
    """The outbox for a small change, under the lock or beside the daemon that holds it.

    SQLite lets one process write at a time. Only the lock's holder may make or migrate the outbox.
    """
    paths.make_private(state)
    with ExitStack() as stack:
        try:
            stack.enter_context(deliverer(state, "a short command"))
            outbox = Outbox.open(state)
        except StateFolderBusy:
            outbox = Outbox.open(state, migrate=False)
        stack.callback(outbox.close)
        yield outbox


def either(through_daemon: Callable[[], T], without: Callable[[], T]) -> T:
    """The result of a running daemon, or of this process if none runs; one that just starts is waited for.

    `through_daemon` raises `DaemonNotRunning`; `without` takes the lock, or raises `StateFolderBusy`.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(DaemonNotRunning):
            return through_daemon()
        try:
            return without()
        except StateFolderBusy:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)


@contextmanager
def alone(state: Path, command: str) -> Iterator[Engine]:
    """The engine for a command without a daemon, under the lock."""
    from mem0_syncd.config import settings
    from mem0_syncd.engine.engine import Engine
    from mem0_syncd.system import log

    chosen = settings.load()
    log.configure("error")
    paths.make_private(state)
    with deliverer(state, command, wait=60.0), closing(Outbox.open(state)) as outbox:
        engine = Engine(chosen, outbox)
        try:
            yield engine
        finally:
            engine.close()
