"""A session that ends, or is about to be compacted, leaves one summary in Mem0."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.mem0_platform import Mem0Platform


def end_session(daemon: Daemon, cwd: Path, hook: str = "SessionEnd", session: str = "s-1") -> None:
    """Call the hook as Claude Code does."""
    event = {"hook_event_name": hook, "session_id": session, "cwd": str(cwd)}
    called = subprocess.run(
        [sys.executable, "-m", "mem0_syncd", "hook"],
        input=json.dumps(event),
        env=daemon.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert json.loads(called.stdout)["continue"] is True


def write_session(project: Path, task: str, *blockers: str) -> None:
    """Write the session's files as the plugin does."""
    state = project / ".claude/context/session/state.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"current_task": task, "next_steps": ["write the tests"]}))
    log = project / ".claude/logs/blockers.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(json.dumps({"description": blocker}) + "\n" for blocker in blockers))


@pytest.mark.parametrize("up", [True, False], ids=["daemon up", "daemon down"])
def test_the_summary_of_an_ended_session_is_in_mem0(tmp_path: Path, project: Path, *, up: bool) -> None:
    """With its task, blockers and next steps, whether the daemon hears of it at once or at its next start."""
    write_session(project, "Move the sessions to Redis", "no test account yet")
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            if up:
                end_session(daemon, project / ".claude")
                wait_until(lambda: mem0.memories, "a summary")
            assert daemon.stop() == 0
        if not up:
            end_session(daemon, project)
            wait_until(lambda: not list((daemon.state / "spool").glob("*.begun")), "a complete event")
            with running(daemon):
                wait_until(lambda: mem0.memories, "a summary")
        (memory,) = mem0.memories
        assert memory.user_id == "shop-continuity"
        assert memory.text.splitlines() == [
            "Session Summary: Move the sessions to Redis",
            "Blockers: no test account yet",
            "Next steps: write the tests",
        ]
        assert memory.metadata["type"] == "session_summary"
        assert memory.metadata["has_blockers"] is True


def test_a_session_has_one_summary_which_a_later_one_updates(tmp_path: Path, project: Path) -> None:
    """Compaction and the end of one session write the same memory; another session has its own; Stop none."""
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        with running(daemon):
            write_session(project, "First half of the work")
            end_session(daemon, project, "PreCompact")
            wait_until(lambda: mem0.memories, "a summary")
            write_session(project, "Second half of the work")
            end_session(daemon, project, "Stop")
            end_session(daemon, project, "SessionEnd")
            wait_until(lambda: "Second half" in mem0.memories[0].text, "the later summary")
            write_session(project, "Another day's work")
            end_session(daemon, project, session="s-2")
            wait_until(lambda: len(mem0.memories) == 2, "the other session's summary")
            daemon.wait_delivered(2)


def test_no_secret_of_a_session_gets_anywhere(tmp_path: Path, project: Path) -> None:
    """What looks like a credential in the session's files is in no file of ours, and not in Mem0."""
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    write_session(project, f"Rotate the token {secret} in CI", f"the token {secret} leaked")
    with Mem0Platform() as mem0:
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, MEM0_SYNCD_LOG_LEVEL="debug"))
        with running(daemon):
            end_session(daemon, project)
            wait_until(lambda: mem0.memories, "a summary")
            assert daemon.stop() == 0
        assert "[redacted: github-token]" in mem0.memories[0].text
        assert secret.encode() not in mem0.received
        for file in [daemon.log, *daemon.state.rglob("*")]:
            if file.is_file():
                assert secret.encode() not in file.read_bytes(), file
