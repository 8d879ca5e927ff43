"""`mem0-syncd forget` and `restore`: of one project, exactly, everywhere, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

ONE, TWO = "DEC-20260105-0001", "DEC-20260105-0002"


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    """Another project, whose ids are the same."""
    folder = tmp_path / "blog"
    folder.mkdir()
    return folder


@pytest.fixture
def daemon(tmp_path: Path, project: Path, blog: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon that has delivered three decisions of each of two projects, and runs."""
    for folder in (project, blog):
        write_log(folder, [decision(1), decision(2), decision(12)])
    with running(Daemon(tmp_path, [project, blog], **platform_settings(mem0.url))) as daemon:
        daemon.wait_delivered(6)
        yield daemon


def there(mem0: Mem0Platform, project: str = "shop") -> list[int]:
    """The decisions of a project that are in Mem0."""
    return sorted(cases(mem0.texts(f"{project}-decisions").elements()))


def forgotten(daemon: Daemon, *arguments: str) -> str:
    """What `forget --yes` prints, which must go well."""
    said = daemon.run("forget", *arguments, "--yes")
    assert said.returncode == 0, said.stderr
    return said.stdout


def withheld(daemon: Daemon) -> int:
    """How many items count as withheld."""
    return daemon.totals()["withheld"]


@pytest.mark.parametrize("is_running", [True, False])
def test_it_acts_on_one_project(daemon: Daemon, mem0: Mem0Platform, *, is_running: bool) -> None:
    """The same id in another one is another item; by the project's id, or its folder."""
    if not is_running:
        assert daemon.stop() == 0
    assert forgotten(daemon, ONE, "--project", "shop", "--remote") == "1 item forgotten, 1 memory deleted\n"
    assert (there(mem0), there(mem0, "blog")) == ([2, 12], [1, 2, 12])


@pytest.mark.parametrize("name", ["%", "DEC-%", "DEC-20260105-000_", "DEC-20260105-000", "", ONE.lower()])
def test_a_name_is_compared_exactly(daemon: Daemon, mem0: Mem0Platform, project: Path, name: str) -> None:
    """No sign of SQL's, no part and no other spelling of an id forgets anything."""
    said = daemon.run("forget", name, "--project", str(project), "--remote", "--yes")
    assert said.returncode == 1, said.stdout
    assert "nothing is known by this name" in said.stderr
    assert len(mem0.memories) == 6
    assert withheld(daemon) == 0


def test_without_a_terminal_and_a_yes_it_does_nothing(daemon: Daemon, mem0: Mem0Platform) -> None:
    """It shows what it would do, and ends with exit code 2."""
    said = daemon.run("forget", ONE, "--project", "shop", "--remote")
    assert said.returncode == 2
    (memory,) = (it for it in mem0.memories if "in case 1\n" in it.text and it.user_id == "shop-decisions")
    assert (ONE in said.stderr, memory.id in said.stderr, said.stdout) == (True, True, "")
    assert len(mem0.memories) == 6
    assert withheld(daemon) == 0


def test_where_no_project_is_meant_it_does_nothing(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Outside of every project one must be named."""
    said = daemon.run("forget", ONE, "--remote", "--yes")
    assert (said.returncode, "--project" in said.stderr) == (1, True)
    assert len(mem0.memories) == 6


def test_everything_of_a_project_is_forgotten(daemon: Daemon, mem0: Mem0Platform) -> None:
    """And of no other one; also once it is watched no more."""
    assert forgotten(daemon, "--project", "shop") == "3 items forgotten, 0 memories deleted\n"
    assert len(mem0.memories) == 6
    assert forgotten(daemon, "--project", "shop", "--remote") == "3 items forgotten, 3 memories deleted\n"
    assert (there(mem0), there(mem0, "blog")) == ([], [1, 2, 12])


def test_what_is_forgotten_stays_so_when_it_is_revised_or_named_by_its_memory(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """Only a person's word brings it back."""
    (memory,) = (it for it in mem0.memories if "in case 2\n" in it.text and it.user_id == "shop-decisions")
    forgotten(daemon, memory.id, "--project", "shop")
    write_log(project, [decision(1), decision(2, description="Otherwise decided in case 2"), decision(12)])
    daemon.scan()
    assert withheld(daemon) == 1
    assert "Otherwise" not in "".join(mem0.texts())
    said = daemon.run("restore", TWO, "--project", "shop")
    assert (said.returncode, said.stdout) == (0, "1 item restored\n"), said.stderr
    daemon.wait_delivered(6)
    assert there(mem0) == [1, 2, 12]
    assert "Otherwise" in "".join(mem0.texts())


@pytest.mark.parametrize("is_running", [True, False])
def test_restore_takes_it_back(daemon: Daemon, mem0: Mem0Platform, *, is_running: bool) -> None:
    """What was deleted in Mem0 is sent again from its file; what wasn't counts as delivered again."""
    if not is_running:
        assert daemon.stop() == 0
    forgotten(daemon, ONE, "--project", "shop")
    forgotten(daemon, TWO, "--project", "shop", "--remote")
    assert withheld(daemon) == 2
    for name in (ONE, TWO):
        assert daemon.run("restore", name, "--project", "shop").returncode == 0
    if not is_running:
        assert daemon.run("sync").returncode == 0
    daemon.wait_delivered(6)
    assert there(mem0) == [1, 2, 12]
    said = daemon.run("restore", ONE, "--project", "shop")
    assert (said.returncode, "forgotten or dropped" in said.stderr) == (1, True)


def test_a_dropped_dead_letter_is_restored(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """By its id, although its file says it no more."""
    from support.faults import answer, says

    mem0.fail("add", answer(400, {"error": "no"}), where=says("in case 7"))
    write_log(project, [decision(1), decision(2), decision(12), decision(7)])
    wait_until(lambda: daemon.totals()["dead"] == 1, "it is refused")
    write_log(project, [decision(1), decision(2), decision(12)])
    number = daemon.run("dead", "list").stdout.split("\t")[0]
    assert daemon.run("dead", "drop", number).returncode == 0
    assert daemon.run("restore", "DEC-20260105-0007", "--project", "shop").returncode == 0
    daemon.wait_delivered(7)
    assert there(mem0) == [1, 2, 7, 12]


def test_a_memory_that_is_not_ours_can_be_deleted_by_its_id(daemon: Daemon, mem0: Mem0Platform) -> None:
    """In the project's scopes alone."""
    ours = mem0.plant("Of another program", user_id="shop-decisions")
    others = mem0.plant("For somebody else", user_id="wiki-decisions")
    for it, code in ((others, 1), (ours, 0)):
        said = daemon.run("forget", it.id, "--project", "shop", "--remote", "--yes")
        assert said.returncode == code, said.stderr
    left = {it.id for it in mem0.memories}
    assert (ours.id in left, others.id in left, len(left)) == (False, True, 7)


def test_nothing_of_what_is_erased_is_left_in_the_state_folder(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """Neither in the outbox nor in its log; what isn't erased keeps its text for `restore`."""
    daemon.run("pause")
    write_log(project, [decision(1, description="Of pumpkins decided in case 1"), decision(2), decision(12)])
    daemon.scan()
    assert forgotten(daemon, ONE, "--project", "shop") == "1 item forgotten, 0 memories deleted\n"
    assert any(b"pumpkins" in it.read_bytes() for it in daemon.state.glob("outbox*"))
    forgotten(daemon, ONE, "--project", "shop", "--remote")
    files = [it for it in daemon.state.rglob("*") if it.is_file()]
    assert [it.name for it in files if b"pumpkins" in it.read_bytes()] == []
    assert there(mem0) == [2, 12]


def moved(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Have a daemon that runs go on with another Mem0."""
    assert daemon.stop() == 0
    daemon.environment |= platform_settings(mem0.url)
    daemon.start()


def test_what_is_forgotten_stays_so_after_a_move(daemon: Daemon, mem0: Mem0Platform) -> None:
    """And what is forgotten after the move is so when it goes back."""
    forgotten(daemon, ONE, "--project", "shop")
    with Mem0Platform() as another:
        moved(daemon, another)
        wait_until(lambda: len(another.memories) == 5, "all else has come")
        forgotten(daemon, TWO, "--project", "shop")
        daemon.scan()
        assert there(another) == [2, 12]
        moved(daemon, mem0)
        wait_until(lambda: withheld(daemon) == 2, "both are withheld")
        assert there(another) == [2, 12]


def test_a_deletion_is_owed_to_every_mem0_that_has_it(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Also where the settings don't lead any more: it is told, and done when they do again."""
    with Mem0Platform() as another:
        moved(daemon, another)
        wait_until(lambda: len(another.memories) == 6, "all has come")
        said = forgotten(daemon, ONE, "--project", "shop", "--remote")
        assert said == "1 item forgotten, 1 memory deleted\n"
        assert (there(another), there(mem0)) == ([2, 12], [1, 2, 12])
        assert daemon.stop() == 0
        moved_back = platform_settings(mem0.url)
        daemon.environment |= moved_back
        assert daemon.run("sync").returncode == 0
        daemon.start()
        wait_until(lambda: there(mem0) == [2, 12], "it is deleted there as well")
        assert there(mem0, "blog") == [1, 2, 12]


def test_a_deletion_that_fails_is_tried_again(daemon: Daemon, mem0: Mem0Platform) -> None:
    """Nothing of the item is delivered meanwhile, and the status says what is owed."""
    mem0.go_down()
    said = forgotten(daemon, ONE, "--project", "shop", "--remote")
    assert said == "1 item forgotten, 0 memories deleted\n"
    assert any("still to be deleted" in it["what"] for it in daemon.status()["problems"])
    mem0.come_back()
    assert daemon.run("restore", ONE, "--project", "shop").returncode == 0
    assert daemon.totals()["pending"] == 1
    assert daemon.stop() == 0
    assert daemon.run("sync").returncode == 0
    daemon.wait_delivered(6)
    assert there(mem0) == [1, 2, 12]
    assert not any("to be deleted" in it["what"] for it in daemon.status()["problems"])
