"""Whether file events can come, and do."""

from __future__ import annotations

import pytest

from mem0_syncd.doctor.check_result import Verdict
from mem0_syncd.doctor.watching import WatchRoom, judge_probe, judge_room

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


@pytest.mark.parametrize(
    ("room", "projects", "verdict", "remedy"),
    [
        (WatchRoom(8192, 100, 128, 5), 10, OK, ""),
        (WatchRoom(8192, 8000, 128, 5), 10, OK, ""),
        (WatchRoom(8192, 8000, 128, 5), 100, WARNING, "max_user_watches=17248"),
        (WatchRoom(8192, 100, 128, 127), 10, WARNING, "max_user_instances=256"),
    ],
)
def test_inotify_must_have_room_for_every_project(
    room: WatchRoom, projects: int, verdict: Verdict, remedy: str
) -> None:
    """Watches for their folders, and an instance for us."""
    finding = judge_room(room, projects)
    assert finding.verdict is verdict
    assert remedy in finding.remedy


def test_a_watcher_that_hears_nothing_is_a_failure() -> None:
    """For then only the scans find what changed."""
    assert judge_probe("a watcher", heard=True).verdict is OK
    assert judge_probe("a watcher", heard=False).verdict is FAILURE
