"""What fails because of one project's files is its own problem, and a file that hangs is named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.engine.engine import Engine
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.system.current_file import CurrentFiles, WorkPlace
from support.decision_log import decision, write_log


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine on two projects, of which the first can be made to fail."""
    state = tmp_path / "state"
    state.mkdir()
    outbox = Outbox.open(state)
    engine = Engine(Settings(state_dir=state, destination="embedded"), outbox)
    for name in ("bad", "good"):
        write_log(tmp_path / name, [decision(1)])
        outbox.projects.add(ProjectRow(name, tmp_path / name))
    yield engine
    outbox.close()


def queued(engine: Engine) -> list[str]:
    """The projects of what is queued."""
    rows = engine.outbox.database.rows("SELECT project FROM item ORDER BY project")
    return [row["project"] for row in rows]


@pytest.mark.parametrize(
    "failure", [RecursionError(), MemoryError(), KeyError("x"), PermissionError(13, "no")]
)
def test_a_project_that_fails_is_a_problem_and_the_others_are_scanned(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """It is named with its project, and the job goes well; mended, nothing is left of it."""
    take_in = engine.marks.take_in

    def fail(project: ProjectRow) -> bool:
        if project.id == "bad":
            raise failure
        return take_in(project)

    monkeypatch.setattr(engine.marks, "take_in", fail)
    engine.scan()
    assert queued(engine) == ["good"]
    (said,) = engine.outbox.problems.all()
    assert said[0] == "bad"
    assert type(failure).__name__ in said[1].what
    assert said[1].where.startswith(".claude")
    monkeypatch.undo()
    engine.scan()
    assert queued(engine) == ["bad", "good"]
    assert engine.outbox.problems.all() == []


def test_a_project_file_that_nests_without_end_is_a_problem_of_its_project(engine: Engine) -> None:
    """The parser gives up on it, and the other project is scanned."""
    bad = next(it for it in engine.outbox.projects.all() if it.id == "bad")
    (bad.path / ".claude" / "mem0-syncd.toml").write_text("id = " + "[" * 5000)
    engine.scan()
    assert queued(engine) == ["good"]
    assert [project for project, _ in engine.outbox.problems.all()] == ["bad"]


def test_a_thread_says_which_file_it_is_at(tmp_path: Path) -> None:
    """For as long as it is there."""
    activity, place = CurrentFiles(), WorkPlace("shop", tmp_path)
    with activity.at(place):
        place.move("a.json")
        found = activity.of(threading.get_ident())
        assert found is not None
        assert (found.project, found.path) == ("shop", tmp_path / "a.json")
    assert activity.of(threading.get_ident()) is None
