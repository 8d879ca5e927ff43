"""`hook` and `status` against the start of Python: a hook may take 6 times it, `status` 15 times.

Every round runs each command once, so that a busy machine is as busy for all; medians are compared.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.rows import Row
from support.daemon import Daemon, running

# What pip makes of the entry point.
PROGRAM = ("-c", "from mem0_syncd.__main__ import main; main()")
# A hook leaves a process behind that redacts; the next command isn't to share the machine with it.
PAUSE_SECONDS = 0.3
Command = Callable[[], None]
BUDGETS = {"hook": 6.0, "status": 15.0}


def command(
    *arguments: str, environment: Mapping[str, str], stdin: bytes = b"", code: int | None = 0
) -> Command:
    """One run of a Python program, its output in a pipe, which must end with `code` if that is given."""

    def run() -> None:
        done = subprocess.run(
            [sys.executable, *arguments], input=stdin, capture_output=True, env=environment, check=False
        )
        assert code is None or done.returncode == code, done.stderr.decode()

    return run


def seconds(run: Command) -> float:
    """How long a command takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    """The daemon for a block as if it were stuck."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def event(project: Path, name: str) -> bytes:
    """What Claude Code tells a hook."""
    return json.dumps({"session_id": "s", "cwd": str(project), "hook_event_name": name}).encode()


def sample_project(folder: Path) -> Path:
    """A project with a session's files."""
    project = folder / "shop"
    for name, text in (
        (
            "context/session/state.json",
            json.dumps({"current_task": "Cut the start-up time", "next_steps": ["Measure"]}),
        ),
        ("logs/blockers.jsonl", json.dumps({"description": "CI is red"}) + "\n"),
    ):
        path = project / ".claude" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return project


def measure(rounds: int) -> dict[str, list[float]]:
    """The times of every command, by its name."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-hook-") as name:
        folder = Path(name)
        project = sample_project(folder)
        daemon = Daemon(folder, [project])
        environment = daemon.environment
        # Without the variable, the state folder is found as it is on a user's machine.
        usual = {key: value for key, value in environment.items() if key != "MEM0_SYNCD_STATE_DIR"}
        usual["XDG_STATE_HOME"] = str(folder / "xdg")
        commands = {"python -c pass": command("-c", "pass", environment=environment)}
        for hook in ("Stop", "SessionEnd"):
            said = event(project, hook)
            commands[f"hook {hook}"] = command(*PROGRAM, "hook", environment=environment, stdin=said)
            commands[f"hook {hook}, usual state folder"] = command(
                *PROGRAM, "hook", environment=usual, stdin=said
            )
        commands["status"] = command(*PROGRAM, "status", environment=environment, code=None)

        def run_all(state: str) -> None:
            for name, run in commands.items():
                if not (state == "stopped" and name == "status"):  # It waits for an answer, on purpose.
                    times.setdefault(f"{name}, daemon {state}", []).append(seconds(run))
                    time.sleep(PAUSE_SECONDS if "SessionEnd" in name else 0)

        with running(daemon):
            for _ in range(rounds):
                run_all("up")
                with stopped(daemon):
                    run_all("stopped")
            daemon.stop()
        for _ in range(rounds):
            run_all("down")
    return times


def rows(*, quick: bool) -> Iterator[Row]:
    """Each command against the start of Python, whatever the daemon does."""
    times = measure(2 if quick else 11)
    for name, taken in times.items():
        if name.startswith("python"):
            continue
        bare = median(times[f"python -c pass, daemon {name.rsplit(' ', 1)[1]}"])
        beside = f"{median(taken) * 1000:.0f} and {bare * 1000:.0f} ms"
        budget = BUDGETS[name.replace(",", " ").split()[0]]
        yield Row(f"{name}, against python -c pass", median(taken) / bare, "x", budget, beside)
