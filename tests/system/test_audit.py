"""Two machines that race make a double, and the audit of either removes it."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

from support.daemon import Daemon, make_audit_due, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform


def says(mem0: Mem0Platform, text: str) -> bool:
    """Whether some memory says so."""
    return any(text in it.text for it in mem0.memories)


def test_what_two_clones_send_in_the_same_moment_is_there_once_after_the_audit(tmp_path: Path) -> None:
    """The elder stays, whoever sent it; the machine that lost its memory goes on with the other's."""
    clones = [tmp_path / name / "shop" for name in ("one", "two")]
    with Mem0Platform() as mem0:
        for clone in clones:
            write_log(clone, [decision(1)])
        daemons = [Daemon(clone.parent, [clone], **platform_settings(mem0.url)) for clone in clones]
        with contextlib.ExitStack() as both:
            for daemon in daemons:
                both.enter_context(running(daemon))
                daemon.wait_delivered(1)
            assert len(mem0.memories) == 1
            race = mem0.hold("add")
            for clone in clones:
                write_log(clone, [decision(1), decision(2)])
            wait_until(lambda: len(mem0.adds) == 3, "both send at once")
            race.release()
            for daemon in daemons:
                daemon.wait_delivered(2)
            assert cases(it.text for it in mem0.memories) == [1, 2, 2]
            younger = max(mem0.memories, key=lambda it: it.created_at)
            mem0.plant("Of another program", user_id="shop-decisions")
            assert all(daemon.stop() == 0 for daemon in daemons)

        daemons[0].environment["MEM0_SYNCD_AUDIT"] = "report"
        make_audit_due(daemons[0])
        with running(daemons[0]) as daemon:
            wait_until(lambda: daemon.status()["audit"]["last"], "the audit")
            shown = daemon.status()
            assert (shown["audit"]["doubles"], shown["audit"]["removed"]) == (1, 0)
            assert [it["remedy"] for it in shown["problems"]] == ["mem0-syncd verify --repair"]
            assert len(mem0.memories) == 4

        before = {it.id for it in mem0.memories}
        make_audit_due(daemons[1])
        with running(daemons[1]) as daemon:
            wait_until(lambda: daemon.status()["audit"]["removed"] == 1, "the audit")
            assert daemon.status()["problems"] == []
        assert {it.id for it in mem0.memories} == before - {younger.id}

        for daemon, clone, text in zip(daemons, clones, ("again", "and again"), strict=True):
            with running(daemon):
                write_log(clone, [decision(1), decision(2, description=f"What was decided in case 2 {text}")])
                daemon.wait_delivered(2)
                wait_until(partial(says, mem0, f"case 2 {text}"), "the revision")
        assert cases(it.text for it in mem0.memories if it.metadata) == [1, 2]
