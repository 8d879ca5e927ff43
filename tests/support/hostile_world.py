"""A user's home with an innocent project in it, a real daemon, and whatever a stranger's folder holds.

    with world.unharmed(hostile):
        (hostile / PATH).symlink_to(world.home / ".bashrc")
        world.watch(hostile)

At the block's end a new decision of the innocent project must arrive, the home must be as it was, and nobody
may have looked into what is private there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mem0_syncd.projects import sync_state_file
from mem0_syncd.sources import agent_patterns, decision_log, decision_records, memory_queue, session_summary
from support.daemon import PATIENCE, Daemon, couriers, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform
from support.openings import Openings
from support.picture import differences, picture_of
from support.quick_commands import run_quickly

TOML = ".claude/mem0-syncd.toml"
LOG = decision_log.PATH
SYNC_STATE = sync_state_file.PATH
STATE, BLOCKERS = session_summary.STATE_PATH, session_summary.BLOCKERS_PATH
PATTERNS, QUEUE = agent_patterns.SOURCE.path, memory_queue.SOURCE.path
RECORDS, RECORD_LOG = decision_records.RECORDS.path, decision_records.LOG.path
SOURCES = (LOG, RECORDS, RECORD_LOG, PATTERNS, QUEUE)

MOST_BYTES = 200 << 20
"""What the daemon may hold in memory, whatever it is given."""

_MOST_ADDRESSES = 4 << 30

END_SECONDS = 10.0
"""How long it may take to end."""

KEY = "m0-test"

_OTHERS = {"AWS_SECRET_ACCESS_KEY": "for-another-program", "GIT_ASKPASS": "/bin/false"}
"""What a shell holds for other programs."""

_PRIVATE = {
    ".ssh/id_ed25519": "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY of the key\n-----END-----\n",
    ".aws/credentials": "[default]\naws_secret_access_key = CANARY of the cloud\n",
    "code/private/.claude/coordination/decision-log.json": json.dumps(
        {"decisions": [decision(1, title="CANARY of the log", description="Nobody else reads CANARY this")]}
    ),
    "code/private/.claude/coordination/.decision-sync-state.json": '{"synced_decisions": ["CANARY-1"]}',
    "code/private/.claude/logs/agent-patterns.jsonl": json.dumps(
        {"agent": "a", "agent_id": "ork:a", "pattern": "The CANARY pattern of another project"}
    )
    + "\n",
    "code/private/.claude/logs/blockers.jsonl": '{"description": "The CANARY blocks"}\n',
    "code/private/.claude/context/session/state.json": '{"current_task": "The CANARY task of a session"}',
    "code/private/.claude/memory/decisions.jsonl": json.dumps(
        {"id": "r-1", "type": "decision", "content": {"what": "Keep the CANARY record to ourselves"}}
    )
    + "\n",
    "code/private/.claude/mem0-syncd.toml": 'id = "CANARY"\n',
}
"""What nobody but its owner reads; `CANARY` stands in each, and must turn up nowhere."""

_PLAIN = {
    ".bashrc": "export EDITOR=vi\n",
    ".profile": "umask 022\n",
    ".gitconfig": "[user]\n\tname = Somebody\n",
    ".claude/settings.json": '{"permissions": {"allow": ["Bash(ls:*)"]}}\n',
    ".claude/CLAUDE.md": "Be short.\n",
    ".config/tool/config.toml": "colour = true\n",
    "notes.txt": "Milk, bread\n",
}

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


class LimitedDaemon(Daemon):
    """A daemon that can't take all memory of the machine that tests run on, whatever is wrong with it."""

    def spawn(
        self, command: list[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """The running process of a command, whose addresses are limited."""
        process = super().spawn(command, environment, log)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
        return process


class HostileWorld:
    """One home, its daemon, and the Mem0 that all goes to."""

    def __init__(self, folder: Path, mem0: Mem0Platform, **environment: str) -> None:
        """`environment` adds settings; the projects that it lists are watched beside the innocent one."""
        self.mem0 = mem0
        self.folder = folder
        self.home = folder / "home"
        self.code = self.home / "code"
        self.innocent = self.code / "innocent"
        for name, text in (_PRIVATE | _PLAIN).items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        write_log(self.innocent, [decision(1)])
        own = folder / "own"
        own.mkdir()
        settings = {**platform_settings(mem0.url, MEM0_API_KEY=KEY), **_OTHERS, **environment}
        settings["HOME"] = str(self.home)
        listed = json.loads(settings.pop("MEM0_SYNCD_PROJECTS", "[]"))
        self.daemon: Daemon = LimitedDaemon(own, [self.innocent], **settings)
        self.daemon.environment["MEM0_SYNCD_PROJECTS"] = json.dumps([str(self.innocent), *listed])
        self._served = 1

    def wait_served(self) -> None:
        """Have the innocent project decide something new, and wait until Mem0 has it."""
        self._served += 1
        write_log(self.innocent, [decision(self._served)])
        said = f"What was decided in case {self._served}\n"
        wait_until(
            lambda: any(said in text + "\n" for text in self.texts("innocent")), "the innocent is served"
        )

    def texts(self, project: str) -> list[str]:
        """The decisions of a project that are at Mem0."""
        return list(self.mem0.texts(f"{project}-decisions").elements())

    @contextmanager
    def untouched(self, *hostile: Path) -> Iterator[None]:
        """Whatever the hostile folders do in the block: nothing else in the home changes, or is looked into.

        What may change is what is documented to: the innocent's log, which the test writes, and its
        sync-state file. The hostile folders themselves are the test's to look at.
        """
        mine = [(self.innocent / LOG).parent, *hostile]
        before = picture_of(self.home, leaving_out=mine)
        with Openings(self.private) as openings:
            yield
            opened = openings.files
        assert not opened, opened
        changed = differences(before, picture_of(self.home, leaving_out=mine))
        assert not changed, changed
        self.check_nothing_private_left()

    @contextmanager
    def unharmed(self, *hostile: Path) -> Iterator[None]:
        """The same, and at the block's end a new decision of the innocent project arrives."""
        with self.untouched(*hostile):
            yield
            self.wait_served()
            watched = self.watched()
            assert not watched, watched

    @property
    def private(self) -> set[Path]:
        """The folders of what nobody but its owner reads."""
        return {(self.home / name).parent for name in _PRIVATE}

    def watched(self) -> set[Path]:
        """The private folders that the daemon watches for events."""
        numbers = set()
        for file in Path(f"/proc/{self.daemon.pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                found = re.findall(r"^inotify .* ino:([0-9a-f]+) ", file.read_text(), re.MULTILINE)
                numbers |= {int(number, 16) for number in found}
        return {it for it in self.private if it.stat().st_ino in numbers}

    def check_nothing_private_left(self) -> None:
        """No private text is at Mem0, in the state folder, in the log or in the status."""
        assert b"CANARY" not in self.mem0.received
        assert "CANARY" not in self.daemon.said()
        assert "CANARY" not in json.dumps(self.daemon.status())
        assert not self.traces_of(b"CANARY")

    def traces_of(self, secret: bytes) -> list[Path]:
        """The files of the state folder that hold some bytes."""
        found = []
        for path in self.daemon.state.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file() and secret in path.read_bytes():
                    found.append(path)
        return found

    def clone(self, name: str) -> Path:
        """A stranger's repository, with one harmless decision in it."""
        project = self.code / name
        write_log(project, [decision(1, title="Harmless")])
        return project

    def add(self, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """`project add`, as a user runs it."""
        return self.run("project", "add", str(project), *options)

    def watch(self, project: Path) -> None:
        """Have a project watched."""
        done = self.add(project)
        assert done.returncode == 0, done.stderr

    def run(
        self, *arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """A command as the user runs it; it ends by itself."""
        return run_quickly(arguments, {**self.daemon.environment, **environment}, cwd=cwd, stdin=stdin)

    def end_session(self, project: Path, session_id: str = "s-1") -> None:
        """Have a session of a project end, as Claude Code's hook says it."""
        told = {"session_id": session_id, "cwd": str(project), "hook_event_name": "SessionEnd"}
        done = self.run("hook", stdin=json.dumps(told))
        assert json.loads(done.stdout)["continue"] is True

    def scan(self) -> None:
        """Have everything read once more, and return when it has been."""
        self.daemon.scan()

    def problems_of(self, project: Path) -> list[dict[str, str]]:
        """What the status says of a project's folder."""
        shown = self.daemon.status()
        own = [it for entry in shown["projects"] if entry["path"] == str(project) for it in entry["problems"]]
        return own + [it for it in shown["problems"] if str(project) in it["where"] and it not in own]

    def delivered(self, project: Path) -> int:
        """How many items of a project have a receipt."""
        (shown,) = [it for it in self.daemon.status()["projects"] if it["path"] == str(project)]
        return sum(counts["delivered"] for counts in shown["kinds"].values())

    def wait_named(self, project: Path, name: str, seconds: float = PATIENCE) -> dict[str, str]:
        """Wait for a problem of a project that names a file, and return it."""
        return dict(
            wait_until(
                lambda: next((it for it in self.problems_of(project) if name in it["where"]), None),
                f"{name} of {project.name} is named",
                seconds,
            )
        )

    def peak_bytes(self) -> int:
        """The most memory that the daemon had in use since `forget_peak`."""
        status = Path(f"/proc/{self.daemon.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) << 10

    def forget_peak(self) -> None:
        """Count the daemon's memory from now on."""
        Path(f"/proc/{self.daemon.pid}/clear_refs").write_text("5")

    def end(self) -> None:
        """End the daemon as a service manager does; it must have ended in time, with its courier."""
        before = time.monotonic()
        self.daemon.send(signal.SIGTERM)
        assert self.daemon.wait_for_end() == 0
        took = time.monotonic() - before
        assert took < END_SECONDS * _slack(), f"it took {took:.1f} s to end"
        wait_until(lambda: not couriers(self.daemon), "no courier is left")


def _slack() -> float:
    """How much slower than a machine of its own a test may be here."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def bad_characters(said: str) -> list[str]:
    """The characters of an output that steer a terminal, or hide or turn text."""
    return _CONTROLS.findall(said)


@contextmanager
def hostile_world(folder: Path, mem0: Mem0Platform, **environment: str) -> Iterator[HostileWorld]:
    """A world whose daemon runs, and has delivered what the innocent project had."""
    world = HostileWorld(folder, mem0, **environment)
    with running(world.daemon):
        wait_until(lambda: world.texts("innocent"), "the innocent is served")
        yield world
