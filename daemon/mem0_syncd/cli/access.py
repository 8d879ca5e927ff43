"""How a command gets at the outbox: through the lock where it writes, read-only elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mem0_syncd import paths
from mem0_syncd.errors import StateFolderBusy, SyncdError
from mem0_syncd.lock import deliverer
from mem0_syncd.outbox import Outbox


def read_only(state: Path) -> Outbox:
    """The outbox of a state folder, to look at; raises `SyncdError` where there is none."""
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

    SQLite lets one write at a time; what only the lock's holder may do is to make or migrate the outbox.
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
