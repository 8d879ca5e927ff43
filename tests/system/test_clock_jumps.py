"""The machine's clock is set while the daemon runs, or between two runs: all goes on, and nothing doubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.faults import drop, store_then
from support.mem0_platform import Mem0Platform

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
BACK = pytest.param(-48, marks=pytest.mark.slow)


class Fake:
    """The daemon's clock, as a file that libfaketime reads at every look at it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0)

    def set(self, hours: int) -> None:
        """Have the clock be so far off."""
        self.file.write_text(f"{hours * 3600:+d}")


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A clock that is right, to begin with."""
    return Fake(tmp_path / "faketime")


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform, fake: Fake) -> Iterator[Daemon]:
    """A daemon whose wall clock can be set."""
    if LIBRARY is None:
        pytest.skip("libfaketime isn't installed")
    fakes = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(fake.file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url), **fakes)
    yield daemon
    daemon.end()


@pytest.mark.parametrize("hours", [BACK, 48])
def test_a_clock_that_is_set_while_an_outcome_is_open_doubles_nothing(
    daemon: Daemon, mem0: Mem0Platform, project: Path, fake: Fake, hours: int
) -> None:
    """An add that Mem0 carries out late, after its absence would seem certain by the clock, is found."""
    daemon.environment["MEM0_SYNCD_READ_LAG_SECONDS"] = "2"
    mem0.fail("add", drop(commit_after=2.0), times=1)
    with running(daemon):
        write_log(project, [decision(1)])
        wait_until(lambda: daemon.totals()["unconfirmed"] == 1, "the open outcome")
        fake.set(hours)
        daemon.wait_delivered(1)
        write_log(project, [decision(1), decision(2)])
        daemon.wait_delivered(2)
        wait_until(lambda: daemon.status()["state"] == "ok", "nothing to complain of")
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2]
    assert len(mem0.adds) == 2


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_is_set_between_two_runs_delays_nothing(
    daemon: Daemon, mem0: Mem0Platform, project: Path, fake: Fake, hours: int
) -> None:
    """What was noted for later by the clock of the run before isn't waited for."""
    with running(daemon):
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        mem0.fail("add", store_then(drop()), times=1)
        mem0.fail("lookup", drop(), times=8)
        write_log(project, [decision(1), decision(2)])
        wait_until(lambda: daemon.totals()["unconfirmed"] == 1, "the open outcome")
        wait_until(lambda: daemon.status()["destination"]["state"] == "unreachable", "the outage")
        daemon.kill()
    fake.set(hours)
    write_log(project, [decision(number) for number in (1, 2, 3)])
    with running(daemon):
        daemon.wait_delivered(3)
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


@pytest.mark.slow
def test_a_clock_that_is_set_forward_between_two_runs_makes_nothing_certain(
    daemon: Daemon, mem0: Mem0Platform, project: Path, fake: Fake
) -> None:
    """An add that Mem0 carries out just after the second start is found, and not sent again."""
    daemon.environment["MEM0_SYNCD_READ_LAG_SECONDS"] = "6"
    with running(daemon):
        write_log(project, [decision(1)])
        daemon.wait_delivered(1)
        mem0.fail("add", drop(commit_after=5.0), times=1)
        write_log(project, [decision(1), decision(2)])
        wait_until(lambda: daemon.totals()["unconfirmed"] == 1, "the open outcome")
        daemon.kill()
    fake.set(48)
    with running(daemon):
        daemon.wait_delivered(2)
    assert cases(mem0.texts().elements()) == [1, 2]
    assert len(mem0.adds) == 2
