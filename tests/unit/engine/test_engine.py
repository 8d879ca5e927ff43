"""The engine: it lives by the clock that it is given, and calls whoever works beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.engine.engine import Callbacks, Engine
from mem0_syncd.ingest import spool
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.system.clock import Clock
from support.decision_log import decision, write_log

NOW = 4_000_000_000.0
"""Years from now: no time of the machine's gets between."""

CLOCK = Clock(wall=lambda: NOW, monotonic=lambda: 77.0, even=lambda: 99.0, sleep=lambda _: None)

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


@pytest.fixture
def outbox(tmp_path: Path, project: Path) -> Iterator[Outbox]:
    """An outbox with a project that has two decisions, one of them major."""
    (tmp_path / "state").mkdir()
    write_log(project, [decision(1), decision(2, category="architecture")])
    with closing(Outbox.open(tmp_path / "state", clock=CLOCK)) as opened:
        opened.projects.add(ProjectRow("shop", project))
        yield opened


@pytest.fixture
def start(outbox: Outbox, tmp_path: Path) -> Callable[..., Engine]:
    """Makes an engine on it."""
    settings = Settings(state_dir=tmp_path / "state", destination="embedded")
    return lambda callbacks=None: Engine(settings, outbox, callbacks, clock=CLOCK, environ={})


def times(outbox: Outbox) -> dict[str, set[float]]:
    """Every moment that an outbox holds, by its table and column."""
    tables = [
        row["name"] for row in outbox.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    found: dict[str, set[float]] = {}
    for table in tables:
        for row in outbox.database.rows(f"SELECT * FROM {table}"):
            for name in row.keys():  # noqa: SIM118 - a row's own names
                if name.endswith("_at"):
                    found.setdefault(f"{table}.{name}", set()).add(row[name] or 0.0)
    return found


def test_all_that_it_writes_is_of_the_time_that_it_is_given(
    start: Callable[..., Engine], outbox: Outbox, tmp_path: Path, project: Path
) -> None:
    """What was read, spooled, looked at and made due."""
    engine = start()
    spool.put(tmp_path / "state", {**REMEMBERED, "project": str(project)})
    engine.scan()
    assert engine.take_in_spool().changes == 1
    found = times(outbox)
    assert {"item.seen_at", "entry.created_at", "origin.looked_at"} <= found.keys()
    assert {moment for moments in found.values() for moment in moments} <= {0.0, NOW}


def test_whoever_works_beside_it_is_called(start: Callable[..., Engine]) -> None:
    """For what has become durable, for marks, and for a repository that nobody has looked at."""
    called: list[str] = []

    def look() -> None:
        called.append("origin")
        assert not engine.look_for_origins()

    callbacks = Callbacks(lambda *, major: called.append(f"{major=}"), lambda: called.append("marks"), look)
    engine = start(callbacks)
    engine.scan()
    assert list(dict.fromkeys(called)) == ["origin", "marks", "major=True"]


def test_alone_it_looks_for_origins_itself(start: Callable[..., Engine], outbox: Outbox) -> None:
    """A command has nobody who would."""
    start().scan()
    assert outbox.origins.looked("shop") is not None


def test_a_pause_outlasts_it(start: Callable[..., Engine], outbox: Outbox) -> None:
    """The next one begins paused."""
    start().pause(paused=True)
    (delivery,) = start().deliveries_in_use()
    assert delivery.paused
    start().pause(paused=False)
    assert not outbox.facts.is_paused


REMEMBERED = {
    "event": "remember",
    "text": "Ask ops before a release",
    "kind": "pattern",
    "category": None,
    "agent": None,
    "outcome": None,
    "at": "2026-01-05T10:00:00Z",
}
