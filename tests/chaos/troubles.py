"""The table of troubles: all that Mem0 and the network are known to do, each with how often it is done.

`certain` below is when an absence is certain after an attempt: the read lag and twice the timeout. What takes
effect before that must never be doubled; what comes later is said to have come very late.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from support.faults import (
    LATE,
    LOST_AFTER,
    LOST_BEFORE,
    VERY_LATE,
    Fault,
    Kind,
    PutOff,
    answer,
    drop,
    empty_results,
    failed,
    hang,
    html,
    http_date,
    not_json,
    redirect,
    store_then,
    too_many,
)


@dataclass(frozen=True)
class Times:
    """What the daemon is told of Mem0, in seconds; reads lag no more than that."""

    timeout: float = 1.0
    read_lag: float = 0.4

    @property
    def certain(self) -> float:
        """How long after an attempt's end it may still take effect, and be seen."""
        return self.read_lag + 2 * self.timeout


Make = Callable[[random.Random, Times], Fault]


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong with requests of some kinds, so many times in a thousand."""

    name: str
    per_mille: float
    make: Make
    kinds: frozenset[Kind]
    is_very_late: bool = False


def _always(fault: Fault) -> Make:
    return lambda _rng, _times: fault


def _put_off(
    rng: random.Random, times: Times, *, lost: bool = False, vanishes: bool = False, undone: bool = False
) -> Fault:
    put_off = PutOff(rng.uniform(0.05, times.timeout), undone=undone, vanishes=vanishes)
    return Fault(carried_out="first" if lost else "last", drops=lost, put_off=put_off)


def _commits_after(rng: random.Random, times: Times) -> Fault:
    return drop(commit_after=rng.uniform(0.05, 1.5 * times.timeout))


def _commits_very_late(rng: random.Random, times: Times) -> Fault:
    return drop(commit_after=times.certain * rng.uniform(1.2, 5.0))


def _hangs(_rng: random.Random, times: Times) -> Fault:
    return hang(1.5 * times.timeout)


def _stored_and_hangs(_rng: random.Random, times: Times) -> Fault:
    return store_then(hang(1.5 * times.timeout))


def _pause(rng: random.Random, _times: Times, *, status: int, how: str) -> Fault:
    match how:
        case "a date":
            return too_many(http_date(1.0), status=status)
        case "a fraction":
            return too_many(round(rng.uniform(0.05, 0.5), 2), status=status)
        case _:
            return too_many(1 if how == "an integer" else None, status=status)


WRITES: frozenset[Kind] = frozenset({"add", "update", "delete"})
READS: frozenset[Kind] = frozenset({"lookup", "get", "event", "ping"})
ADDS: frozenset[Kind] = frozenset({"add"})
ALL = WRITES | READS
CUT_SHORT = '{"status": "SUCCEEDED", "results": [{"id": "'

_TABLE: tuple[tuple[str, float, Make, frozenset[Kind]], ...] = (
    ("500, nothing done", 6, _always(answer(500)), ALL),
    ("500, done all the same", 8, _always(store_then(answer(500))), WRITES),
    ("502, a proxy's page", 4, _always(html(502)), ALL),
    ("504 page, done all the same", 6, _always(store_then(html(504))), WRITES),
    ("503 with Retry-After", 1, partial(_pause, status=503, how="a fraction"), ALL),
    ("408, nothing done", 4, _always(answer(408)), ALL),
    ("408, done all the same", 4, _always(store_then(answer(408))), WRITES),
    ("429 without Retry-After", 2, partial(_pause, status=429, how="nothing"), ALL),
    ("429, Retry-After an integer", 0.4, partial(_pause, status=429, how="an integer"), ALL),
    ("429, Retry-After a date", 0.4, partial(_pause, status=429, how="a date"), ALL),
    ("429, Retry-After a fraction", 1, partial(_pause, status=429, how="a fraction"), ALL),
    (LOST_BEFORE, 8, _always(drop()), ALL),
    (LOST_AFTER, 12, _always(store_then(drop())), WRITES),
    (LATE, 6, _commits_after, WRITES),
    ("timeout, done after it", 3, _hangs, WRITES),
    ("timeout, done before it", 3, _stored_and_hangs, WRITES),
    ("timeout", 2, _hangs, READS),
    ("2xx, a page, nothing done", 4, _always(not_json()), ALL),
    ("2xx, a page, done", 6, _always(store_then(not_json())), WRITES),
    ("2xx, cut short, done", 6, _always(store_then(answer(200, CUT_SHORT))), WRITES),
    ("2xx, empty, done", 4, _always(store_then(answer(204, ""))), WRITES),
    ("2xx, empty results, done", 6, _always(store_then(empty_results())), ADDS),
    ("2xx, empty results, nothing done", 3, _always(empty_results()), ADDS),
    ("PENDING, succeeds", 10, _put_off, ADDS),
    ("PENDING, vanishes when done", 3, partial(_put_off, vanishes=True), ADDS),
    ("PENDING, vanishes undone", 1, partial(_put_off, vanishes=True, undone=True), ADDS),
    ("PENDING, its answer lost", 3, partial(_put_off, lost=True), ADDS),
    ("401", 0.3, _always(answer(401)), ALL),
    ("402", 0.3, _always(answer(402)), ALL),
    ("403", 0.3, _always(answer(403)), ALL),
    ("302 to a login page", 0.3, _always(redirect()), ALL),
    ("404, a proxy's page", 0.3, _always(html(404)), ADDS | {"lookup", "ping"}),
    ("405 on add", 0.3, _always(answer(405)), ADDS),
)
TROUBLES = (
    *(Trouble(*row) for row in _TABLE),
    Trouble(VERY_LATE, 6, _commits_very_late, ADDS, is_very_late=True),
)

POISONS: tuple[tuple[str, Fault], ...] = (
    ("400", answer(400, {"error": "metadata is invalid"})),
    ("409", answer(409, {"error": "in conflict with another one"})),
    ("413", html(413)),
    ("422", answer(422, {"detail": [{"msg": "no such memory"}]})),
    ("2xx, FAILED", failed()),
    ("PENDING, fails", Fault(put_off=PutOff(0.1, "FAILED"))),
)
"""How items are refused for good."""

WEATHERS: tuple[tuple[str, Fault], ...] = (
    ("401 for a while", answer(401)),
    ("402 for a while", answer(402)),
    ("403 for a while", answer(403)),
    ("302 for a while", redirect()),
    ("a proxy's 404 for a while", html(404)),
    ("a proxy's 200 for a while", not_json()),
    ("429 for a while", too_many(0.3)),
    ("503 for a while", answer(503)),
    ("resets for a while", drop()),
    ("timeouts for a while", store_then(hang(1.5))),
)
"""What befalls every request for a while."""
