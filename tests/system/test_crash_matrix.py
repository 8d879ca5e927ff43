"""A few points of the crash matrix, spread over two paths; `make crash-matrix` walks all of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crash.board import Point, Role, Step, shim
from crash.matrix import kill_at, points_of
from crash.paths import PATHS
from crash.shop import Shop

FEW = 5
"""Points of each path."""

BY_NAME = {path.name: path for path in PATHS}


BUGS = {
    "what was being sent is pending again at the start": (
        "add",
        Point(Role.DAEMON, Step.SETTLE, 1),
        """
from mem0_syncd.outbox.interrupted_sends import InterruptedSends
def reset(self, *_, **__):
    with self._db.transaction() as sql:
        sql.execute("UPDATE entry SET state = 'pending' WHERE state = 'sending'")
    return 0
InterruptedSends.doubt = reset
""",
    ),
    "what is spooled is acknowledged before it is queued": (
        "spool",
        Point(Role.DAEMON, Step.ENQUEUE, 1),
        """
from mem0_syncd.ingest import spool
right = spool.take
def take(state, now):
    for path, event in right(state, now):
        spool.remove(path)
        yield path, event
spool.take = take
""",
    ),
    "what is queued is marked": (
        "look-up, absent",
        Point(Role.DAEMON, Step.SETTLE, 40),
        """
from dataclasses import replace
from mem0_syncd.daemon import daemon
from mem0_syncd.outbox.marks import Marks
right = Marks.markable
def markable(self, destination, project, source):
    rows = self._db.rows("SELECT source_id FROM item WHERE source_id IS NOT NULL")
    return replace(right(self, destination, project, source), delivered=frozenset(r[0] for r in rows))
Marks.markable = markable
daemon.MARK_SECONDS = 0.0
""",
    ),
}
"""Mistakes, the path on which each shows, and where the kill is that shows it."""


@contextmanager
def shop_with(change: str = "") -> Iterator[Shop]:
    """A shop with two delivered decisions; a socket's path must be short."""
    if shim() is None:
        pytest.skip("no C compiler (cc); test_kills.py kills at the failpoints of the same path")
    with TemporaryDirectory(prefix="crash-") as folder:
        shop = Shop(Path(folder), change)
        shop.open()
        try:
            yield shop
        finally:
            shop.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A shop as it is to be."""
    with shop_with() as shop:
        yield shop


@pytest.mark.parametrize("name", ["add", "look-up, found"])
def test_a_kill_before_any_call_loses_and_doubles_nothing(shop: Shop, name: str) -> None:
    """Some calls of either process, from the first to the last, are never made; nothing comes of it."""
    points = points_of(shop, BY_NAME[name], walks=1)
    results = [kill_at(shop, BY_NAME[name], point) for point in points[:: len(points) // FEW]]
    assert [it for it in results if it.lost or it.doubled or it.other] == []
    assert sum(it.reached for it in results) > FEW // 2


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_the_matrix_finds_a_bug_that_is_put_in(bug: str) -> None:
    """Each mistake that would break a promise shows at one point of the matrix at least."""
    name, point, change = BUGS[bug]
    with shop_with(change) as shop:
        result = kill_at(shop, BY_NAME[name], point)
    assert result.reached
    assert result.lost or result.doubled or result.other
