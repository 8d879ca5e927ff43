"""A real daemon in a process of its own, as the system tests drive it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mem0_syncd.control.client import ask
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.audit_log import Audited
from mem0_syncd.status.snapshot import snapshot
from support import nursery

PATIENCE = 30.0
"""Seconds that a test waits for what must happen; none asserts how long it took."""


def wait_until(condition: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
    """Wait for a condition to be truthy, and return what it said; fails with `what`."""
    deadline = time.monotonic() + seconds
    while True:
        said = condition()
        if said:
            return said
        assert time.monotonic() < deadline, f"it never came true: {what}"
        time.sleep(0.02)


_MENDING = """from mem0_syncd.daemon import daemon, standby, unwatched_folders
daemon.LOOK_SECONDS = daemon.RETRY_SECONDS = standby.RETRY_SECONDS = unwatched_folders.POLL_SECONDS = {}"""
_RUN = "from mem0_syncd import cli; cli.main(['run'])"


TUNED = {
    "MEM0_SYNCD_FLUSH_SECONDS": "0.1",
    "MEM0_SYNCD_READ_LAG_SECONDS": "0.2",
    "MEM0_SYNCD_BACKOFF__BASE_SECONDS": "0.05",
    "MEM0_SYNCD_BACKOFF__CAP_SECONDS": "0.5",
    "MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "1",
}
"""Settings short enough to see every fault's end within a test."""


class Daemon:
    """One state folder, and the `mem0-syncd run` processes on it, one after the other."""

    def __init__(self, folder: Path, projects: list[Path], **environment: str) -> None:
        """`environment` adds settings; without a Platform's host the destination is embedded."""
        self.state = folder / "state"
        self.log = folder / "daemon.log"
        (folder / "config.toml").touch()
        self.environment = {
            **os.environ,
            "MEM0_SYNCD_STATE_DIR": str(self.state),
            "MEM0_SYNCD_RUNTIME_DIR": str(folder / "r"),
            "MEM0_SYNCD_CONFIG_FILE": str(folder / "config.toml"),
            "MEM0_SYNCD_PROJECTS": json.dumps([str(project) for project in projects]),
            **TUNED,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        *,
        failpoint: str | None = None,
        wait: bool = True,
        mend_seconds: float | None = None,
        prelude: str = "",
    ) -> None:
        """Start a daemon and wait until it answers.

        `failpoint` has it killed at a point of its way; `mend_seconds` is the period at which it looks
        after its watches unasked, and tries again what failed, which no setting changes; `prelude` is Python
        that runs before it begins.
        """
        extra = {"MEM0_SYNCD_FAILPOINT": failpoint} if failpoint else {}
        if mend_seconds is not None:
            prelude = _MENDING.format(mend_seconds)
        how = ["-c", f"{prelude}\n{_RUN}"] if prelude else ["-m", "mem0_syncd", "run"]
        with self.log.open("ab") as log:
            self.process = self.spawn([sys.executable, "-P", *how], {**self.environment, **extra}, log)
        if wait:
            wait_until(lambda: self.answers() or self.exit_code is not None, self.said())

    def spawn(
        self, command: list[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """The running process of a command, whose standard error is the log."""
        process: subprocess.Popen[bytes] = nursery.Popen(command, env=environment, stderr=log)
        return process

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """How the daemon ended; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def answers(self) -> dict[str, Any] | None:
        """What the daemon answers to a ping, if it does and doesn't stand by."""
        with contextlib.suppress(SyncdError):
            answer = ask(self.state, "ping")
            return None if answer.get("standby") else answer
        return None

    @property
    def courier(self) -> int | None:
        """The process id of the first courier, while there is one."""
        answer = self.answers()
        return next(iter(answer["couriers"]), None) if answer else None

    def kill(self) -> None:
        """SIGKILL the daemon."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Leave no process behind, whether one was started and has ended or not."""
        if self.process is not None and self.exit_code is None:
            self.kill()

    def send(self, number: int) -> None:
        """Send the daemon a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Have the daemon end by a signal; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def wait_for_end(self) -> int:
        """Wait for the daemon to end by itself; returns its exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same state folder."""
        command = [sys.executable, "-P", "-m", "mem0_syncd", *arguments]
        return nursery.run(command, {**self.environment, **environment}, timeout=120)

    def status(self) -> dict[str, Any]:
        """The status as the JSON says it."""
        return snapshot(self.state, time.time())

    def totals(self) -> dict[str, int]:
        """The counts of all projects."""
        totals: dict[str, int] = self.status()["totals"]
        return totals

    def wait_delivered(self, count: int) -> None:
        """Wait until as many items are seen, and all of them delivered."""

        def is_done() -> bool:
            totals = self.totals()
            return totals["delivered"] == totals["seen"] == count

        wait_until(is_done, f"{count} delivered, of {self.totals()}")

    def on_the_way(self) -> list[tuple[str, str]]:
        """The state and the text of every entry in the outbox, oldest first."""
        outbox = Outbox.open_to_read(self.state)
        assert outbox is not None
        with contextlib.closing(outbox.database):
            rows = outbox.database.rows("SELECT state, frozen FROM entry ORDER BY id")
        return [(row["state"], Memory.thaw(row["frozen"]).text) for row in rows]

    def scan(self) -> None:
        """Have a running daemon read everything now, and make everything live due."""
        ask(self.state, "sync", timeout=PATIENCE)

    def said(self) -> str:
        """What the daemon logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@contextmanager
def running(daemon: Daemon, **how: Any) -> Iterator[Daemon]:
    """The daemon for a block; it leaves no process behind."""
    daemon.start(**how)
    try:
        yield daemon
    finally:
        daemon.end()


def complaints(daemon: Daemon) -> list[str]:
    """What the status says is wrong."""
    return [problem["what"] for problem in daemon.status()["problems"]]


def wait_until_well(daemon: Daemon) -> dict[str, Any]:
    """Wait until the status has nothing to complain of."""
    return dict(wait_until(lambda: (it := daemon.status())["state"] == "ok" and it, "nothing to complain of"))


def make_audit_due(daemon: Daemon) -> str | None:
    """Have a day pass since the last audit of a daemon that doesn't run; returns what its status said."""
    said: str | None = daemon.status()["audit"]["last"]
    with contextlib.closing(Outbox.open(daemon.state)) as outbox:
        destination = outbox.destinations.get().id
        last = outbox.audit_log.last(destination)
        assert last is not None
        outbox.audit_log.write(destination, Audited(0.0, last.is_done, last.doubles, last.removed))
    return said


def couriers(daemon: Daemon) -> list[int]:
    """The courier processes of a daemon's state folder, orphans too, found by their environment."""
    mark = f"MEM0_SYNCD_STATE_DIR={daemon.state}".encode()
    word, state = "mem0_syncd.courier.worker", str(daemon.state)
    found = [pid for pid, its in nursery.alive(word) if its["MEM0_SYNCD_STATE_DIR"] == state]
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_courier = b"mem0_syncd.courier.worker" in (process / "cmdline").read_bytes()
            if process.name.isdigit() and is_courier and mark in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def platform_settings(url: str, **more: str) -> Mapping[str, str]:
    """The settings that send to a Platform."""
    return {"MEM0_API_KEY": "m0-test", "MEM0_SYNCD_PLATFORM__HOST": url, **more}
