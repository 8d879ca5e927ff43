"""What waits for a person goes on as soon as the person has done it."""

from __future__ import annotations

from pathlib import Path

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform


def test_a_key_that_was_put_right_is_taken_up_without_a_restart(tmp_path: Path, project: Path) -> None:
    """At the next probe; a file that is no TOML is reported, and another wrong key changes nothing."""
    write_log(project, [decision(1), decision(2)])
    with Mem0Platform() as mem0:
        mem0.api_key = "m0-right"
        daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
        del daemon.environment["MEM0_API_KEY"]
        file = tmp_path / "config.toml"
        file.write_text('api_key = "m0-wrong"')
        with running(daemon):
            wait_until(lambda: daemon.status()["destination"]["state"] == "held", "the hold")
            file.write_text("api_key = ")
            daemon.scan()
            wait_until(lambda: len(daemon.status()["problems"]) == 2, "the mistake is reported")
            file.write_text('api_key = "m0-still-wrong"')
            daemon.scan()
            wait_until(lambda: len(daemon.status()["problems"]) == 1, "the mistake is gone")
            assert daemon.status()["destination"]["state"] == "held"
            file.write_text('api_key = "m0-right"')
            assert daemon.run("sync").returncode == 0
            assert (len(mem0.adds), daemon.status()["state"]) == (2, "ok")
