"""What of a watched folder is refused is told, whoever asks: the scan, a session's end, the doctor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.doctor import look_around
from mem0_syncd.doctor.check_result import CheckResult, Verdict
from mem0_syncd.doctor.projects import check_folders
from mem0_syncd.ingest.spooled_events import Made, understand
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import folder_problems, project_file, sync_state_file
from mem0_syncd.sources import decision_log
from mem0_syncd.sources.session_summary import BLOCKERS_PATH, STATE_PATH
from mem0_syncd.system.untrusted_folder import LONGEST_SESSION, LONGEST_SETTINGS, UntrustedFolder
from support.decision_log import decision, write_log


def place(project: Path, name: str) -> Path:
    """Where a file of the project goes."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def refused(project: Path) -> dict[str, str]:
    """What is refused, by the file's name."""
    return {it.where: it.what for it in folder_problems.refusals(UntrustedFolder(project))}


def test_of_an_ordinary_folder_nothing_is_refused(project: Path) -> None:
    """Nor of an empty one."""
    assert refused(project) == {}
    write_log(project, [decision(1)])
    assert refused(project) == {}


def test_each_refused_file_is_named_with_its_reason(project: Path) -> None:
    """Without being read."""
    place(project, decision_log.PATH).symlink_to("/dev/zero")
    os.mkfifo(place(project, BLOCKERS_PATH))
    place(project, project_file.PATH).write_text("#" * (LONGEST_SETTINGS + 1))
    place(project, STATE_PATH).mkdir()
    place(project, "kept.json").write_text("{}")
    place(project, sync_state_file.PATH).symlink_to("../../kept.json")
    found = refused(project)
    assert "/dev/zero" in found.pop(decision_log.PATH)
    assert "named pipe" in found.pop(BLOCKERS_PATH)
    assert "64.0 KiB" in found.pop(project_file.PATH)
    assert "a folder" in found.pop(STATE_PATH)
    assert "nothing is written through a link" in found.pop(sync_state_file.PATH)
    assert found == {}


def test_a_folder_that_is_not_there_or_claims_too_much_is_a_problem(project: Path) -> None:
    """Of the folder as such."""
    row = ProjectRow("shop", project / "nothing")
    (problem,) = folder_problems.problems_of(row, UntrustedFolder(row.path))
    assert problem.what == "the project's folder is not there"
    assert "project add PATH --id shop" in problem.remedy
    assert f"project remove {row.path}" in problem.remedy  # a worktree's must not cost the main tree
    row = ProjectRow("shop", project)
    assert folder_problems.problems_of(row, UntrustedFolder(project)) == []
    (project / ".git").write_text("gitdir: /somewhere/.git/worktrees/x")
    (problem,) = folder_problems.problems_of(row, UntrustedFolder(project))
    assert "/somewhere" in problem.what


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """The outbox of a state folder."""
    (tmp_path / "state").mkdir()
    outbox = Outbox.open(tmp_path / "state")
    yield outbox
    outbox.close()


def test_the_doctor_names_what_is_refused(tmp_path: Path, project: Path, outbox: Outbox) -> None:
    """With the whole path; and says so where nothing is."""
    outbox.projects.add(ProjectRow("shop", project))

    def examined(**settings: list[Path]) -> list[CheckResult]:
        around = look_around(Settings(state_dir=tmp_path / "state", **settings), {})  # type: ignore[arg-type]
        return list(check_folders(around))

    (well,) = examined()
    assert well.verdict is Verdict.OK
    outside = place(tmp_path, "outside/log.json")
    outside.write_text("{}")
    place(project, decision_log.PATH).symlink_to(outside)
    (bad,) = examined()
    assert bad.verdict is Verdict.WARNING
    assert str(project / decision_log.PATH) in bad.what
    assert "MEM0_SYNCD_TRUSTED_FOLDERS" in bad.remedy
    (well,) = examined(trusted_folders=[outside.parent])
    assert well.verdict is Verdict.OK


def test_a_session_file_that_is_refused_is_a_problem(project: Path) -> None:
    """The others are summed up all the same."""
    place(project, STATE_PATH).write_text(" " * (LONGEST_SESSION + 1))
    place(project, BLOCKERS_PATH).write_text('{"description": "No key"}\n' * 20_000)
    event = {
        "event": "session",
        "session_id": "s-1",
        "root": str(project),
        "state": None,
        "blockers": None,
        "note": "its snapshot isn't complete",
    }
    reading = understand(event, ProjectRow("shop", project), Made())
    assert [problem.where for problem in reading.problems] == [STATE_PATH]
    assert "256.0 KiB" in reading.problems[0].what
    assert [item.text for item in reading.items] == ["Session Summary: no task named\nBlockers: No key"]
