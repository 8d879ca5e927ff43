"""From a project's log to Mem0, with a real daemon and a Mem0 that keeps what it is sent."""

from __future__ import annotations

from pathlib import Path

from support.daemon import Daemon, platform_settings, running
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform


def test_a_decision_written_to_the_log_is_in_mem0(tmp_path: Path, project: Path) -> None:
    """A decision that is written while the daemon runs arrives once, in its project's scope."""
    with (
        Mem0Platform() as mem0,
        running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon,
    ):
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        (memory,) = mem0.memories
        assert memory.user_id == "shop-decisions"
        assert "What was decided in case 1" in memory.text
        assert "DEC-20260105-0001" in memory.text
        assert daemon.stop() == 0
