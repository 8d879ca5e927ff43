"""A project may have a destination of its own: where its items go, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.daemon import Daemon, couriers, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.embedded_store import memories
from support.mem0_platform import Mem0Platform


def says(project: Path, text: str) -> None:
    """Have the project's own file say something."""
    file = project / ".claude/mem0-syncd.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def in_store(daemon: Daemon) -> list[int]:
    """The decisions in the embedded store, once the daemon has let go of it."""
    wait_until(lambda: not couriers(daemon), "no courier is left")
    return cases(it["memory"] for it in memories(daemon.state / "mem0"))


def test_each_project_goes_to_its_own_destination(tmp_path: Path, project: Path, mem0: Mem0Platform) -> None:
    """Nothing of one that stays on this machine reaches the Platform; each recalls its own."""
    blog = tmp_path / "blog"
    says(project, 'destination = "embedded"')
    write_log(project, [decision(1), decision(2)])
    write_log(blog, [decision(3)])
    daemon = Daemon(tmp_path, [project, blog], **platform_settings(mem0.url))
    with running(daemon):
        daemon.wait_delivered(3)
        shown = {it["id"]: it for it in daemon.status()["projects"]}
        assert shown["shop"]["destination"].startswith("embedded ")
        assert shown["blog"]["destination"].startswith("platform ")
        assert shown["shop"]["kinds"]["decision"]["delivered"] == 2
        said = daemon.run("recall", "what was decided in case 2", "--project", str(project))
        assert "case 2" in said.stdout
        assert daemon.stop() == 0
    assert in_store(daemon) == [1, 2]
    assert cases(mem0.texts().elements()) == [3]
    assert b"case 1" not in mem0.received


def test_a_project_that_moves_sends_what_is_lacking_and_moving_back_sends_nothing(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """While the daemon runs, on the word of the project's own file."""
    write_log(project, [decision(1), decision(2)])
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    with running(daemon):
        daemon.wait_delivered(2)
        says(project, 'destination = "embedded"')
        wait_until(lambda: "embedded" in daemon.status()["projects"][0]["destination"], "it has moved")
        daemon.wait_delivered(2)
        write_log(project, [decision(1), decision(2), decision(3)])
        daemon.wait_delivered(3)
        assert len(mem0.adds) == 2
        says(project, 'destination = "platform"')
        wait_until(lambda: "platform" in daemon.status()["projects"][0]["destination"], "it is back")
        daemon.wait_delivered(3)
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3
    assert in_store(daemon) == [1, 2, 3]


def test_what_waits_for_a_destination_that_the_project_left_stays_there(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """It is sent neither there nor forgotten: it goes when the project comes back."""
    blog = tmp_path / "blog"
    write_log(blog, [decision(9)])
    write_log(project, [decision(1)])
    daemon = Daemon(tmp_path, [project, blog], **platform_settings(mem0.url))
    with running(daemon):
        daemon.wait_delivered(2)
        assert daemon.run("pause").returncode == 0
        write_log(project, [decision(1), decision(2)])
        wait_until(lambda: daemon.totals()["pending"] == 1, "one waits")
        says(project, 'destination = "embedded"')
        wait_until(lambda: "embedded" in str(daemon.status()["projects"]), "it has moved")
        assert daemon.run("resume").returncode == 0
        write_log(blog, [decision(9), decision(10)])
        daemon.wait_delivered(4)
        assert cases(mem0.texts("shop-decisions").elements()) == [1]
        says(project, "")  # which asks for nothing else
        daemon.scan()
        assert "embedded" in str(daemon.status()["projects"])
        says(project, 'destination = "platform"')
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1, 2], "it goes after all")


@pytest.mark.parametrize("text", ['destination = "nowhere"', "not TOML"])
def test_a_project_whose_file_could_never_be_read_sends_nothing(
    tmp_path: Path, project: Path, mem0: Mem0Platform, text: str
) -> None:
    """Where its items may go is not guessed: it is reported, and its neighbour is delivered."""
    blog = tmp_path / "blog"
    daemon = Daemon(tmp_path, [project, blog], **platform_settings(mem0.url))
    says(project, text)
    write_log(project, [decision(1)])
    write_log(blog, [decision(3)])
    with running(daemon, mend_seconds=0.2):
        daemon.wait_delivered(1)
        (problem,) = daemon.status()["problems"]
        assert problem["where"].startswith(str(project / ".claude/mem0-syncd.toml"))
        says(project, "")
        daemon.wait_delivered(2)
    assert cases(mem0.texts().elements()) == [1, 3]


def test_a_listed_project_that_cannot_be_watched_yet_is_once_it_can(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """Its own file is mended, or its folder is there at last: without a restart."""
    late = tmp_path / "late"
    says(project, "not TOML")
    write_log(project, [decision(1)])
    daemon = Daemon(tmp_path, [project, late], **platform_settings(mem0.url))
    with running(daemon, mend_seconds=0.2):
        wait_until(lambda: len(daemon.status()["problems"]) == 2, "both are reported")
        says(project, "")
        daemon.wait_delivered(1)
        write_log(late, [decision(2)])
        daemon.wait_delivered(2)
        wait_until(lambda: not daemon.status()["problems"], "nothing is wrong any more")
    assert cases(mem0.texts().elements()) == [1, 2]
