"""File events: whether watches are left, and whether the event of a real file arrives."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.control.client import ask
from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.context import Context
from mem0_syncd.errors import SyncdError
from mem0_syncd.watcher import PROBE_SECONDS, Watcher

_LIMITS = Path("/proc/sys/fs/inotify")
_FOLDERS_PER_PROJECT = 8
"""About how many folders of a project are watched; see the watcher."""

_SPARE = 64


@dataclass(frozen=True, slots=True)
class WatchRoom:
    """What the kernel allows this user, and how much of it all of the user's programs use."""

    watches: int
    watches_used: int
    instances: int
    instances_used: int


def check_inotify(around: Context) -> Iterator[CheckResult]:
    """Whether the kernel has watches left for all projects."""
    if not _LIMITS.is_dir():
        yield fine("this system sets no limit to watches")
        return
    watches, instances = (int((_LIMITS / f"max_user_{it}").read_text()) for it in ("watches", "instances"))
    watches_used, instances_used = _in_use(Path("/proc"))
    yield judge_room(WatchRoom(watches, watches_used, instances, instances_used), len(around.projects))


def judge_room(room: WatchRoom, projects: int) -> CheckResult:
    """Whether the watches that are left are enough for so many projects and some more."""
    wanted = _FOLDERS_PER_PROJECT * projects + _SPARE
    what = (
        f"{room.watches_used} of {room.watches} watches and {room.instances_used} of {room.instances} "
        "instances are in use"
    )
    if room.instances - room.instances_used < 2:  # noqa: PLR2004 - ours, and one to spare
        return warning(what, f"sudo sysctl fs.inotify.max_user_instances={2 * room.instances}")
    if room.watches - room.watches_used < wanted:
        return warning(what, f"sudo sysctl fs.inotify.max_user_watches={2 * room.watches + wanted}")
    return fine(what)


def _in_use(processes: Path) -> tuple[int, int]:
    """How many watches and instances the user's processes hold, of those that may be inspected."""
    watches = instances = 0
    for process in processes.iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # another user's, or just ended
            for descriptor in (process / "fd").iterdir():
                if descriptor.readlink() == Path("anon_inode:inotify"):
                    instances += 1
                    said = (process / "fdinfo" / descriptor.name).read_text()
                    watches += said.count("inotify wd:")
    return watches, instances


def check_watcher(around: Context) -> Iterator[CheckResult]:
    """Whether the event of a probe file reaches the daemon's watcher; without a daemon, one of our own."""
    if around.ping is None:
        with tempfile.TemporaryDirectory(prefix="mem0-syncd-probe-") as folder:
            watcher = Watcher((), lambda *_: None, lambda: None, Path(folder) / "own")
            watcher.start()
            heard = watcher.probe(Path(folder))
            watcher.stop()
        whose = "a watcher"
    else:
        heard = bool(around.ping) and _ask_daemon(around.settings.state_dir)
        whose = "the daemon's watcher"
    yield judge_probe(whose, heard=heard)


def _ask_daemon(state: Path) -> bool:
    try:
        return bool(ask(state, "probe", timeout=2 * PROBE_SECONDS)["heard"])
    except SyncdError:
        return False


def judge_probe(whose: str, *, heard: bool) -> CheckResult:
    """What the event of the probe file, or none, means."""
    if heard:
        return fine(f"{whose} saw a probe file")
    return failure(
        f"{whose} didn't see a probe file: changes are only found by the scans, minutes apart",
        "restart the daemon; network and container file systems may have no events at all",
    )
