"""What is in Mem0 already is adopted, not sent again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

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


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "lesser",
    [
        {"MEM0_SYNCD_REDACT": "off"},
        {"MEM0_SYNCD_REDACT_ALLOW": f'["{SECRET}"]'},
    ],
    ids=["off", "allowed"],
)
def test_no_machine_whose_detector_finds_less_overwrites_a_redaction(
    tmp_path: Path, project: Path, lesser: dict[str, str]
) -> None:
    """What another one has redacted is adopted as it is; only a revision updates it."""
    elsewhere = tmp_path / "elsewhere" / "shop"
    said = f"The admin's password={SECRET} for now"
    with Mem0Platform() as mem0:
        write_log(elsewhere, [decision(1, description=said)])
        (tmp_path / "other").mkdir()
        with running(Daemon(tmp_path / "other", [elsewhere], **platform_settings(mem0.url))) as other:
            other.wait_delivered(1)
        (memory,) = mem0.memories
        before = (memory.text, dict(memory.metadata))
        assert SECRET not in memory.text

        write_log(project, [decision(1, description=said)])
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, **lesser))
        with running(daemon):
            daemon.wait_delivered(1)
        with running(daemon):  # a scan of everything, with nothing to send
            assert daemon.run("sync").returncode == 0
            verified = daemon.run("verify")
            assert verified.returncode == 0, verified.stdout
        (memory,) = mem0.memories
        assert (memory.text, memory.metadata) == before

        write_log(project, [decision(1, description=f"Since May: {said}")])
        with running(daemon):
            daemon.run("sync")
            daemon.wait_delivered(1)
        (memory,) = mem0.memories
        assert "Since May" in memory.text
