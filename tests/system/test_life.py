"""How the daemon begins, ends, and behaves in between."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.system.lean_imports import needless_hashes
from support import nursery
from support.daemon import Daemon, couriers, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

KEY = "m0-a-key-that-nobody-must-see-4711"


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon of one project, not yet started; it leaves no process behind."""
    daemon = Daemon(tmp_path, [project], **{**platform_settings(mem0.url), "MEM0_API_KEY": KEY})
    yield daemon
    daemon.end()


def logged(daemon: Daemon) -> list[dict[str, Any]]:
    """What the daemon logged, which is a JSON object a line and nothing else."""
    return [json.loads(line) for line in daemon.said().splitlines()]


def test_a_second_daemon_says_who_was_first(daemon: Daemon) -> None:
    """It ends at once, names the process that holds the folder, and harms nothing."""
    with running(daemon):
        said = daemon.run("run")
        assert said.returncode == 1
        assert f"`mem0-syncd run` (pid {daemon.pid}) already delivers from this state folder" in said.stderr
        assert str(daemon.state) in said.stderr
        assert "MEM0_SYNCD_STATE_DIR" in said.stderr
        assert daemon.answers()
        assert daemon.stop() == 0


def test_a_daemon_waits_for_a_sync_to_end(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """A sync that is under way without a daemon finishes, and then the daemon begins."""
    write_log(project, [decision(1)])
    with mem0.hold("add") as held:
        sync = subprocess.Popen(
            [sys.executable, "-m", "mem0_syncd", "sync"],
            env={**daemon.environment, "MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS": "30"},
            stdout=subprocess.PIPE,
        )
        assert held.arrived.wait(30)
        daemon.start(wait=False)
        time.sleep(2)  # more than a start takes
        assert daemon.exit_code is None
        assert not daemon.answers()
        assert sync.poll() is None
    said, _ = sync.communicate(timeout=30)
    assert (sync.returncode, said) == (0, b"decisions 1/1\n")
    wait_until(daemon.answers, "the daemon's turn")
    write_log(project, [decision(1), decision(2)])
    daemon.wait_delivered(2)
    assert cases(mem0.texts().elements()) == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_delivered_before_the_end(
    daemon: Daemon, mem0: Mem0Platform, project: Path, number: signal.Signals
) -> None:
    """Told to end, the daemon begins nothing more, waits for the answer, marks it, and ends well."""
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "30"
    with running(daemon):
        with mem0.hold("add") as held:
            write_log(project, [decision(1)])
            assert held.arrived.wait(30)
            assert daemon.process is not None
            daemon.send(number)
            wait_until(lambda: '"daemon_stopping"' in daemon.said(), "the beginning of the end")
            assert daemon.exit_code is None
        assert daemon.wait_for_end() == 0
    assert daemon.totals()["delivered"] == 1
    assert cases(mem0.texts().elements()) == [1]
    assert len(mem0.adds) == 1
    assert "DEC-20260105-0001" in (project / ".claude/coordination/.decision-sync-state.json").read_text()
    assert not couriers(daemon)
    assert [it["event"] for it in logged(daemon)][-2:] == ["delivered", "daemon_stopped"]


def test_an_answer_that_never_comes_does_not_keep_the_daemon(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """It ends well all the same, and the next one finds out whether the memory is there."""
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "120"
    impatient = "from mem0_syncd.engine import engine as service; service.DRAIN_SECONDS = 1.0"
    with mem0.hold("add", stage="stored") as held:
        with running(daemon, prelude=impatient):
            write_log(project, [decision(1)])
            assert held.arrived.wait(30)
            assert daemon.stop() == 0
        assert not couriers(daemon)
        assert not [it for it in logged(daemon) if it["level"] in {"error", "critical"}]
        assert daemon.totals()["delivered"] == 0
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "1"
    with running(daemon):
        daemon.wait_delivered(1)
    assert cases(mem0.texts().elements()) == [1]
    assert len(mem0.adds) == 1


def test_the_log_is_json_lines_and_nothing_tells_the_key(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """One line for each delivery, at the most talkative level too; the folder is for its owner alone."""
    daemon.environment["MEM0_SYNCD_LOG_LEVEL"] = "debug"
    write_log(project, [decision(number) for number in (1, 2, 3)])
    with running(daemon):
        daemon.wait_delivered(3)
        assert KEY.encode() in mem0.received  # it is the key that is in use
        shown = daemon.run("status", "--json").stdout + daemon.run("status").stdout
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in daemon.state.iterdir()}
        private = {name: mode for name, mode in modes.items() if not (daemon.state / name).is_dir()}
        assert stat.S_IMODE(daemon.state.stat().st_mode) == 0o700
        assert {name: oct(mode) for name, mode in private.items() if name.startswith("outbox")} == {
            name: "0o600" for name in private if name.startswith("outbox")
        }
        assert "outbox.sqlite3" in private
        (address,) = [Path((daemon.state / "socket").read_text())]
        assert stat.S_ISSOCK(address.stat().st_mode)
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        assert daemon.stop() == 0
    lines = logged(daemon)
    assert {"event", "level", "logger", "timestamp"} <= set.intersection(*(set(line) for line in lines))
    receipts = [line for line in lines if line["event"] == "receipt"]
    assert sorted(line["memory"] for line in receipts) == sorted([memory.id] for memory in mem0.memories)
    assert KEY not in shown
    assert KEY not in daemon.said()
    files = [path for path in daemon.state.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_the_log_on_a_terminal_is_for_people(daemon: Daemon) -> None:
    """Where a person looks on, a line isn't JSON."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mem0_syncd", "run"]
    with subprocess.Popen(command, env=daemon.environment, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
            while b"daemon_ready" not in seen:
                seen += terminal.read(1000)
            process.send_signal(signal.SIGINT)
            while chunk := terminal.read(1000):
                seen += chunk
        assert process.wait(30) == 0
    lines = [line for line in seen.decode().splitlines() if line.strip()]
    assert any("daemon_ready" in line and "\x1b[" in line for line in lines)
    for line in lines:
        with pytest.raises(ValueError, match=r"Expecting|Extra"):
            json.loads(line)


def test_an_idle_courier_ends_and_comes_back(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """Mem0's library costs memory, so its process lives only while there is something to deliver."""
    daemon.environment["MEM0_SYNCD_COURIER_IDLE_SECONDS"] = "1"
    with running(daemon):
        assert daemon.courier is None
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        wait_until(lambda: daemon.courier is None and not couriers(daemon), "the courier's end")
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
    assert not [line for line in logged(daemon) if line["level"] != "info"]  # it was at rest, not lost
    assert cases(mem0.texts().elements()) == [1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has loaded")
def test_the_daemon_never_loads_openssl(daemon: Daemon, project: Path) -> None:
    """It would be a fourteenth of it, and only the courier encrypts."""
    daemon.environment |= nursery.COLD
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        courier = daemon.courier
        assert courier is not None
        loaded = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in (daemon.pid, courier)}
    # Where Python has no hashes of its own, it hashes with OpenSSL.
    assert ("libcrypto" in loaded[daemon.pid]) is not bool(needless_hashes())
    assert "libcrypto" in loaded[courier]


def test_the_daemon_never_imports_mem0(daemon: Daemon, project: Path) -> None:
    """Only its courier does: Python's own list of what the process imported says so."""
    command = [sys.executable, "-X", "importtime", "-m", "mem0_syncd", "run"]
    write_log(project, [decision(1)])
    with daemon.log.open("wb") as log:
        daemon.process = subprocess.Popen(command, env=daemon.environment, stderr=log)
    daemon.wait_delivered(1)
    said = daemon.run("recall", "case 1", "--project", str(project))
    assert (said.returncode, said.stderr) == (0, "")
    assert daemon.stop() == 0
    imported = {line.split("|")[-1].strip() for line in daemon.said().splitlines() if "import time:" in line}
    assert "apscheduler.schedulers.background" in imported
    assert not {name for name in imported if name.split(".")[0] in {"mem0", "qdrant_client", "openai"}}
