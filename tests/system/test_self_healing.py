"""What stands still or dies within the daemon is noticed, and mended or reported; nobody is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.control.client import ask
from support import nursery
from support.daemon import Daemon, couriers, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform
from support.notify_socket import Manager, listening

# Looks so frequent that a test needn't wait for half a minute; no setting changes them.
SWIFT = """from mem0_syncd.daemon import heartbeat
heartbeat.LOOK_SECONDS, heartbeat.SILENT_SECONDS = 0.3, 2.0"""

HANG = f"""{SWIFT}
import os, pathlib, time
import mem0_syncd.{{module}}
def hang_while_told(before=mem0_syncd.{{module}}.{{name}}):
    def function(*arguments, **options):
        while pathlib.Path(os.environ["MEM0_SYNCD_STATE_DIR"] + ".hang").exists():
            time.sleep(0.05)
        return before(*arguments, **options)
    return function
mem0_syncd.{{module}}.{{name}} = hang_while_told()
"""
"""Has a function of the daemon hang for as long as there is a file that says so."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens."""
    with listening(tmp_path) as manager:
        yield manager


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform, manager: Manager) -> Iterator[Daemon]:
    """A daemon of one project, not yet started, under a manager; it leaves no process behind."""
    settings = platform_settings(mem0.url, **manager.environment, WATCHDOG_USEC="60000000")
    daemon = Daemon(tmp_path, [project], **settings)
    yield daemon
    daemon.end()
    for courier in couriers(daemon):
        os.kill(courier, signal.SIGKILL)


def hang(daemon: Daemon) -> Path:
    """Have what was prepared by `HANG` hang until the file is gone."""
    file = daemon.state.with_name("state.hang")
    file.touch()
    return file


def complaints(daemon: Daemon) -> list[str]:
    """What `status` says of parts that give no sign of life."""
    said = [problem["what"] for problem in daemon.status()["problems"]]
    return [what.removeprefix("no sign of life of: ") for what in said if "no sign of life" in what]


def is_fed_no_more(manager: Manager) -> bool:
    """Whether several looks go by without a sign to the manager."""
    before = manager.count("WATCHDOG")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: manager.count("WATCHDOG") > before, "food", seconds=1.5)
        return False
    return True


def test_the_manager_hears_that_it_is_ready_alive_and_about_to_end(daemon: Daemon, manager: Manager) -> None:
    """Ready is said when the socket answers; the watchdog is fed from then on; the end is said as well."""
    daemon.start(prelude=SWIFT, wait=False)
    wait_until(lambda: manager.heard, "the first word")
    assert daemon.answers()
    assert manager.heard[0] == {"READY": "1", "STATUS": "1 projects"}
    manager.wait_for("WATCHDOG", times=3)
    assert daemon.stop() == 0
    assert manager.count("STOPPING") == 1


def test_a_daemon_that_is_degraded_is_ready_too(daemon: Daemon, manager: Manager, project: Path) -> None:
    """What is wrong is in its status; the manager can't mend it."""
    write_log(project, [])
    (project / ".claude/coordination/decision-log.json").write_text("{")
    daemon.environment["MEM0_API_KEY"] = ""
    daemon.environment["MEM0_SYNCD_DESTINATION"] = "platform"
    with running(daemon, prelude=SWIFT):
        manager.wait_for("WATCHDOG", times=2)
        wait_until(lambda: daemon.status()["state"] == "degraded", "the reported problem")
        assert manager.count("READY") == 1


def test_a_stopped_daemon_feeds_nobody(daemon: Daemon, manager: Manager) -> None:
    """And goes on without a complaint when it may: that it was stopped is no silence of its parts."""
    with running(daemon, prelude=SWIFT):
        manager.wait_for("WATCHDOG")
        daemon.send(signal.SIGSTOP)
        assert is_fed_no_more(manager)
        daemon.send(signal.SIGCONT)
        manager.wait_for("WATCHDOG", times=3)
        assert "part_silent" not in daemon.said()


def test_a_stopped_courier_is_replaced(daemon: Daemon, mem0: Mem0Platform, project: Path) -> None:
    """What was with it is looked up, and reaches Mem0 once."""
    write_log(project, [decision(1)])
    with running(daemon, prelude=SWIFT):
        daemon.wait_delivered(1)
        courier = daemon.courier
        assert courier is not None
        os.kill(courier, signal.SIGSTOP)
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
        assert daemon.courier != courier
        assert couriers(daemon) == [daemon.courier]
        assert complaints(daemon) == []
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2]
    assert '"courier_hung"' in daemon.said()


def test_an_idle_courier_that_is_stopped_is_replaced_before_it_is_needed(
    daemon: Daemon, project: Path
) -> None:
    """Nobody waits for it then."""
    write_log(project, [decision(1)])
    with running(daemon, prelude=SWIFT):
        daemon.wait_delivered(1)
        assert daemon.courier is not None
        os.kill(daemon.courier, signal.SIGSTOP)
        wait_until(lambda: not couriers(daemon), "the courier's end")


def test_a_stopped_courier_dies_with_its_daemon(daemon: Daemon, project: Path) -> None:
    """It can't see that its input ends; the kernel ends it."""
    daemon.environment |= nursery.COLD
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        assert daemon.courier is not None
        os.kill(daemon.courier, signal.SIGSTOP)
        daemon.kill()
        wait_until(lambda: not couriers(daemon), "no orphan")


def test_a_watcher_that_hangs_is_reported_and_starves_the_watchdog(
    daemon: Daemon, manager: Manager, project: Path
) -> None:
    """Fed again once it goes on."""
    prelude = HANG.format(module="watcher", name="Watcher.heard")
    with running(daemon, prelude=prelude):
        manager.wait_for("WATCHDOG")
        told = hang(daemon)
        wait_until(lambda: complaints(daemon) == ["watcher"], "the report")
        assert is_fed_no_more(manager)
        told.unlink()
        manager.wait_for("WATCHDOG")
        wait_until(lambda: complaints(daemon) == [], "the report's end")


def test_a_watcher_that_dies_is_replaced(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """The next write is heard of by its event."""
    prelude = f"""{SWIFT}
import os, pathlib
from mem0_syncd.daemon import daemon; from mem0_syncd import watcher
daemon.LOOK_SECONDS = 0.5
def die_once(self, folder, event, before=watcher.Watcher.heard):
    told = pathlib.Path(os.environ["MEM0_SYNCD_STATE_DIR"] + ".hang")
    if told.exists():
        told.unlink()
        raise RuntimeError("the watcher's thread dies of this")
    before(self, folder, event)
watcher.Watcher.heard = die_once
"""
    with running(daemon, prelude=prelude):
        told = hang(daemon)
        wait_until(lambda: not told.exists(), "the death")
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
        assert complaints(daemon) == []
    assert cases(mem0.texts().elements()) == [1, 2]


def test_work_that_stands_still_is_reported(daemon: Daemon, manager: Manager) -> None:
    """The daemon goes on without it; the watchdog is fed all the same."""
    with running(daemon, prelude=HANG.format(module="ingest.spool", name="take")):
        manager.wait_for("WATCHDOG")
        told = hang(daemon)
        ask(daemon.state, "spool")
        # A scan that is due meanwhile waits for it, and is reported as well.
        wait_until(lambda: "spool" in complaints(daemon), "the report")
        manager.wait_for("WATCHDOG", times=2)
        told.unlink()
        wait_until(lambda: complaints(daemon) == [], "the report's end")


def test_a_delivery_that_stands_still_starves_the_watchdog(
    daemon: Daemon, manager: Manager, project: Path
) -> None:
    """A round that waits for Mem0 doesn't stand still; one that waits for nothing does."""
    prelude = HANG.format(module="courier.supervisor", name="CourierSupervisor.take")
    with running(daemon, prelude=prelude):
        manager.wait_for("WATCHDOG")
        told = hang(daemon)
        write_log(project, [decision(1)])
        wait_until(lambda: complaints(daemon) == ["deliver 1"], "the report")
        assert is_fed_no_more(manager)
        told.unlink()
        daemon.wait_delivered(1)
        manager.wait_for("WATCHDOG")


def test_a_round_that_waits_for_mem0_is_alive(
    daemon: Daemon, mem0: Mem0Platform, manager: Manager, project: Path
) -> None:
    """However long the answer takes: more looks than would make a silence."""
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "60"
    with running(daemon, prelude=SWIFT):
        with mem0.hold("add") as held:
            write_log(project, [decision(1)])
            assert held.arrived.wait(30)
            manager.wait_for("WATCHDOG", times=12)
            assert complaints(daemon) == []
        daemon.wait_delivered(1)
    assert len(mem0.adds) == 1
