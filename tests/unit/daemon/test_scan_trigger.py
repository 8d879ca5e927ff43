"""Which folders are still to be scanned after something went wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.daemon.scan_trigger import ScanTrigger
from mem0_syncd.engine.engine import Engine
from mem0_syncd.outbox import Outbox
from support.decision_log import decision, write_log


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine on three projects with a decision each."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        write_log(folder, [decision(1)])
    (tmp_path / "state").mkdir()
    with closing(Outbox.open(tmp_path / "state")) as outbox:
        settings = Settings(state_dir=tmp_path / "state", destination="embedded", projects=folders)
        yield Engine(settings, outbox)


def test_no_scan_is_lost_when_the_outbox_cannot_be_read_for_a_moment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job fails, and is tried again with all of them."""
    trigger = ScanTrigger(engine, Mock(), Mock())  # both only start what the test does
    trigger.scan_all()
    project_at, asked = engine.project_at, []

    def fail_once(folder: Path) -> object:
        asked.append(folder)
        if len(asked) == 2:
            raise sqlite3.OperationalError("disk I/O error")
        return project_at(folder)

    monkeypatch.setattr(engine, "project_at", fail_once)
    with pytest.raises(sqlite3.OperationalError):
        trigger._scan()
    trigger._scan()
    rows = engine.outbox.database.rows("SELECT DISTINCT project FROM item ORDER BY project")
    assert [row["project"] for row in rows] == ["one", "three", "two"]
