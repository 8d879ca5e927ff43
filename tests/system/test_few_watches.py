"""Too few inotify watches: it is told, folders are polled meanwhile, and all is well once it is cured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

LIMIT = "/proc/sys/user/max_inotify_watches"

# The limit counts for a user namespace, so that only this daemon meets it.
FEW_WATCHES = f"""
import ctypes, os, pathlib
ids = {{"uid_map": os.getuid(), "gid_map": os.getgid()}}
assert ctypes.CDLL(None).unshare({0x10000000:#x}) == 0
pathlib.Path("/proc/self/setgroups").write_text("deny")
for name, number in ids.items():
    pathlib.Path("/proc/self", name).write_text(f"{{number}} {{number}} 1")
pathlib.Path("{LIMIT}").write_text("2")
from mem0_syncd.daemon import unwatched_folders
unwatched_folders.POLL_SECONDS = 0.3
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def unwatched(daemon: Daemon) -> list[str]:
    """The problems of folders that can't be watched."""
    return [it["remedy"] for it in daemon.status()["problems"] if "can't be watched" in it["what"]]


def test_folders_without_a_watch_are_polled_until_there_are_enough(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """Nothing is missed, the status names the limit, and raising it is enough."""
    unshare = subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False)
    if unshare.returncode:
        pytest.skip(f"no user namespace is to be had here: {unshare.stderr.decode().strip()}")
    write_log(project, [decision(1)])
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    daemon.start(prelude=FEW_WATCHES)
    try:
        wait_until(lambda: unwatched(daemon), "a word about the limit")
        assert "max_user_watches" in unwatched(daemon)[0]
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
        raised = f"echo 1000 > {LIMIT}"
        subprocess.run(["nsenter", "--user", f"--target={daemon.pid}", "sh", "-c", raised], check=True)
        wait_until(lambda: not unwatched(daemon), "the end of the trouble")
        write_log(project, [decision(1), decision(2), decision(3)])
        daemon.wait_delivered(3)
        assert cases(memory.text for memory in mem0.memories) == [1, 2, 3]
    finally:
        assert daemon.stop() == 0
