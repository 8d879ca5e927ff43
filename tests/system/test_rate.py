"""Mem0's limit of adds a minute: what is over it is asked for again in time, by nobody before."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import says, too_many
from support.mem0_platform import Mem0Platform

THREADS = 8


@pytest.mark.parametrize("minutes_slide", [True, False], ids=["sliding", "fixed"])
def test_all_threads_heed_a_429(tmp_path: Path, project: Path, *, minutes_slide: bool) -> None:
    """A backlog that is over the limit loses nothing, and Mem0 refuses no more than what is on its way."""
    with Mem0Platform(limit_per_minute=40) as mem0:
        mem0.minute_seconds, mem0.minutes_slide = 2.0, minutes_slide
        write_log(project, [decision(number) for number in range(120)])
        with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
            daemon.wait_delivered(120)
            assert daemon.totals()["dead"] == 0
        assert set(mem0.texts().values()) == {1}
        pauses = daemon.said().count('"destination_unreachable"')
        assert 0 < pauses < 10
        assert len(mem0.adds) - 120 <= THREADS * pauses


def test_nothing_goes_before_the_pause_is_over_that_mem0_asked_for(tmp_path: Path, project: Path) -> None:
    """Not even at a `sync`."""
    with Mem0Platform() as mem0:
        mem0.fail("add", too_many(4), where=says("in case 0\\n"))
        write_log(project, [decision(number) for number in range(60)])
        with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
            wait_until(lambda: daemon.status()["destination"]["state"] == "unreachable", "it pauses")
            told = next(it.at for it in mem0.requests if says("in case 0\\n")(it.body) and it.kind == "add")
            assert daemon.run("sync").returncode == 0
            daemon.wait_delivered(60)
        late = [it.at - told for it in mem0.requests if it.kind == "add" and it.at - told > 1.0]
        assert min(late) >= 4.0
        assert len(late) > 60 - 2 * THREADS


@pytest.mark.slow
@pytest.mark.parametrize("minutes_slide", [True, False], ids=["sliding", "fixed"])
def test_a_backlog_drains_at_the_limit_without_a_429(
    tmp_path: Path, project: Path, *, minutes_slide: bool
) -> None:
    """With the client's limit at Mem0's, nothing is ever refused, by whatever minutes Mem0 counts."""
    with Mem0Platform(limit_per_minute=300, latency_seconds=0.05) as mem0:
        mem0.minutes_slide = minutes_slide
        settings = platform_settings(mem0.url, MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="300")
        write_log(project, [decision(number) for number in range(500)])
        with running(Daemon(tmp_path, [project], **settings)) as daemon:
            wait_until(lambda: daemon.totals()["delivered"] == 500, "all is delivered", 120.0)
        assert len(mem0.adds) == 500
        assert set(mem0.texts().values()) == {1}
