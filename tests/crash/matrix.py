"""The crash matrix: daemon or courier killed just before each call of each path, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from crash.board import Call, Fate, Point, Role, Step
from crash.paths import Path
from crash.results import Result
from crash.shop import Shop
from support.daemon import PATIENCE
from support.reckoning import Content, Differences, StillWrong

QUIET_SECONDS = 0.5
"""A path has ended when all is well, and nothing has been called for so long."""


def points_of(shop: Shop, path: Path, walks: int = 2) -> list[Point]:
    """Every point of a path, found by walking it undisturbed."""
    found: set[Point] = set()
    for _ in range(walks):
        _walk(shop, path, None)
        found |= set(_points_in([call for call in shop.board.calls() if path.counts(call)]))
        shop.mem0.calm()
        shop.settle_down(path.heal)
    return sorted(found, key=lambda it: (it.role, it.step, it.number))


def _points_in(calls: list[Call]) -> Iterator[Point]:
    read = [at for at, call in enumerate(calls) if call.point.step is Step.ENQUEUE]
    for at, call in enumerate(calls):
        # Once the log was read, further events are echoes: of the reading itself, and of our own marks.
        is_echo = call.point.step is Step.DETECT and (not read or at > read[0])
        if call.name != "note" and call.point.step is not Step.CONTROL and not is_echo:
            yield call.point


def kill_at(shop: Shop, path: Path, point: Point) -> Result:
    """Walk a path up to a point, start whoever was killed again, and compare."""
    left_open, false_marks = _walk(shop, path, point)
    call = shop.board.killed_at()
    early: tuple[str, ...] = ()
    if call is not None:
        if point.role is Role.DAEMON:
            shop.daemon.wait_for_end()
        left_open = _left_open(left_open, shop.board.calls())
        early = tuple(f"marked, but not in Mem0: {i}" for i in shop.false_marks() - false_marks)
    shop.mem0.calm()
    shop.come_back()
    wrong = Differences()
    try:
        doubled = shop.settle_down(path.heal)
        if not path.removes_a_double:
            wrong = Differences(doubled=tuple(doubled))
    except StillWrong as error:
        wrong = error.differences
    if call is None and not wrong:
        return Result(point)
    what = (call.name, call.target) if call else ("", "")
    return Result(point, True, *what, bool(left_open), wrong.lost, wrong.doubled, early + wrong.other)


def _walk(shop: Shop, path: Path, point: Point | None) -> tuple[set[Content], set[str]]:
    """Go a path up to a point, or to its end.

    Returns what Mem0 held without a receipt at the start, and what was marked that it didn't hold.
    """
    walk = path.walk(shop)
    next(walk)
    before = shop.unreceipted(), shop.false_marks()
    shop.board.arm(point)
    next(walk, None)
    _wait_for_end(shop, path)
    shop.board.disarm()
    return before


def _wait_for_end(shop: Shop, path: Path) -> None:
    size, since = -1, time.monotonic()
    deadline = since + PATIENCE
    while not shop.board.killed_at():
        if shop.board.size() != size:
            size, since = shop.board.size(), time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS:
            wrong = shop.differences()
            if not wrong:
                return
            if time.monotonic() > deadline:
                raise StillWrong(wrong)
            path.heal(shop)
            time.sleep(0.1)
        time.sleep(0.02)


def _left_open(left_open: set[Content], calls: Iterable[Call]) -> set[Content]:
    for call in calls:
        if call.fate is Fate.KILLED:
            break
        if call.name == "note":
            what, key, content = call.target.split(" ")
            left_open = left_open - {(key, content)} if what == "receipt" else left_open | {(key, content)}
    return left_open
