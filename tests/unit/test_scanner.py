"""The scan of one project, as it is repeated every few minutes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd import files
from mem0_syncd import scanner as scanner_module
from mem0_syncd.intake import Intake
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.scanner import Scanner
from mem0_syncd.sources.decision_records import LOG as LINES
from support.decision_log import decision, write_log

LONG_AGO = 1_700_000_000.0


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox with a destination."""
    outbox = Outbox.open(tmp_path)
    outbox.registry.use_destination("platform", "https://mem0.example.org")
    yield outbox
    outbox.close()


def test_files_that_are_as_they_were_cost_the_outbox_nothing(outbox: Outbox, project: Path) -> None:
    """Nor do those that are still missing, of which most projects have a few; a new one is read."""
    row = ProjectRow("shop", project)
    outbox.registry.add_project(row)
    os.utime(write_log(project, [decision(1)]), (LONG_AGO, LONG_AGO))
    scanner = Scanner(outbox.registry, Intake(outbox))
    assert scanner.scan(row, changed_only=True).changes == 1

    asked: list[str] = []
    outbox.database._connection.set_trace_callback(asked.append)
    assert scanner.scan(row, changed_only=True).changes == 0
    assert asked == []

    shutil.rmtree(project / ".claude")
    scanner.scan(row, changed_only=True)
    asked.clear()
    scanner.scan(row, changed_only=True)
    assert asked == []
    write_log(project, [decision(2)])
    assert scanner.scan(row, changed_only=True).changes == 1


def test_of_an_appended_file_so_much_is_read_at_a_time(
    outbox: Outbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry is, whole, and each once; what is broken before the cut stops nothing."""
    row = ProjectRow("shop", project)
    outbox.registry.add_project(row)
    path = project / LINES.path
    path.parent.mkdir(parents=True)
    lines = [json.dumps({"summary": f"Decided for the {number}th time"}) for number in range(30)]
    lines[3] = json.dumps(json.loads(lines[3]), indent=2)
    path.write_text("\n".join(["broken", *lines]) + "\n")
    monkeypatch.setattr(files, "LONGEST_READ", 200)
    scanner = Scanner(outbox.registry, Intake(outbox), sources=(LINES,))
    scans = 0
    wait: float | None = 0.0
    while wait == 0.0:
        wait, scans = scanner.scan(row).retry_after, scans + 1
    assert scans > 5
    assert [row["n"] for row in outbox.database.rows("SELECT count(*) AS n FROM entry")] == [30]
    assert [problem.where for _, problem in outbox.registry.problems()] == [f"{LINES.path}: line 1"]
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert scanner.scan(row).changes == 0


def test_a_line_that_is_too_long_for_one_read_is_a_problem(
    outbox: Outbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It isn't passed over in silence, and nothing of it is guessed."""
    row = ProjectRow("shop", project)
    outbox.registry.add_project(row)
    path = project / LINES.path
    path.parent.mkdir(parents=True)
    path.write_text("x" * 300)
    monkeypatch.setattr(files, "LONGEST_READ", 200)
    monkeypatch.setattr(scanner_module, "SETTLING_SECONDS", 0.0)
    Scanner(outbox.registry, Intake(outbox), sources=(LINES,)).scan(row)
    ((_, problem),) = outbox.registry.problems()
    assert "longer than" in problem.what
    assert problem.where == LINES.path


def test_of_a_long_log_the_first_can_be_delivered_while_the_rest_is_read(
    outbox: Outbox, project: Path
) -> None:
    """Few at first and then ever more become durable together, each of them once."""
    row = ProjectRow("shop", project)
    outbox.registry.add_project(row)
    write_log(project, [decision(number) for number in range(1, 2001)])
    durable: list[int] = []
    count = "SELECT count(*) AS n FROM entry"
    intake = Intake(
        outbox, on_change=lambda **_: durable.extend(row["n"] for row in outbox.database.rows(count))
    )
    assert Scanner(outbox.registry, intake).scan(row).changes == 2000
    assert durable == [32, 96, 224, 480, 980, 1480, 1980, 2000]
