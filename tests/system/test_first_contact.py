"""What is in Mem0 already is adopted, not sent again."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.daemon import Daemon, platform_settings, running
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform


def test_a_lost_state_folder_doubles_nothing(tmp_path: Path, project: Path) -> None:
    """After a reinstall, with nothing known and no marks, every memory is found and adopted."""
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        write_log(project, [decision(number) for number in range(250)])
        with running(daemon):
            daemon.wait_delivered(250)
        shutil.rmtree(daemon.state)
        (project / ".claude/coordination/.decision-sync-state.json").unlink(missing_ok=True)
        sent = len(mem0.adds)
        with running(daemon):
            daemon.wait_delivered(250)
        assert len(mem0.adds) == sent
        assert set(mem0.texts().values()) == {1}


def test_what_a_later_pull_brings_is_adopted_too(tmp_path: Path, project: Path) -> None:
    """A decision that another machine delivered is known when this one's log gets it, revised or not."""
    elsewhere = tmp_path / "elsewhere" / "shop"
    both = [decision(1), decision(2), decision(3)]
    with Mem0Platform() as mem0:
        write_log(elsewhere, both)
        (tmp_path / "other").mkdir()
        with running(Daemon(tmp_path / "other", [elsewhere], **platform_settings(mem0.url))) as other:
            other.wait_delivered(3)
        write_log(project, both[:1])
        with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
            daemon.wait_delivered(1)
            write_log(project, [*both[:2], decision(3, status="superseded")])
            daemon.wait_delivered(3)
        assert len(mem0.adds) == 3
        assert len(mem0.memories) == 3
        assert [m.metadata["status"] for m in mem0.memories if "case 3" in m.text] == ["superseded"]


def test_a_listing_that_fails_holds_back_what_it_is_for(tmp_path: Path, project: Path) -> None:
    """Nothing is added to a user id before its listing was complete."""
    from support.faults import answer

    with Mem0Platform() as mem0:
        mem0.fail("lookup", answer(500), times=4)
        write_log(project, [decision(1)])
        with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
            daemon.wait_delivered(1)
        kinds = [request.kind for request in mem0.requests if request.kind in {"lookup", "add"}]
        assert kinds == ["lookup"] * 5 + ["add"]
