"""Two repositories of one folder name: neither writes over the other's memories, and nobody else waits."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from mem0_syncd.repository_origin import origin_of
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform
from support.repositories import commit, git, make_repository


def machine(folder: Path, mem0: Mem0Platform, *projects: Path) -> Daemon:
    """A state folder of its own that delivers to the same account as every other one."""
    folder.mkdir(exist_ok=True)
    return Daemon(folder, list(projects), **platform_settings(mem0.url))


def stops(daemon: Daemon) -> list[dict[str, str]]:
    """What the status says of projects that are stopped."""
    problems: list[dict[str, str]] = daemon.status()["problems"]
    return [it for it in problems if "memories" in it["what"]]


def is_delivered(daemon: Daemon) -> bool:
    """Whether there is something, and all of it is delivered."""
    totals = daemon.totals()
    return totals["delivered"] == totals["seen"] > 0


@pytest.fixture
def theirs(tmp_path: Path, mem0: Mem0Platform) -> Path:
    """A repository called `shop`, delivered by a machine of its own."""
    folder = make_repository(tmp_path / "theirs/shop", "their first commit")
    write_log(folder, [decision(1), decision(2)])
    with running(machine(tmp_path / "m1", mem0, folder)) as daemon:
        daemon.wait_delivered(2)
    return folder


def test_each_memory_says_its_origin(theirs: Path, mem0: Mem0Platform) -> None:
    """And its hash and key are what they were without."""
    assert {it.metadata["origin"] for it in mem0.memories} == {origin_of(theirs, environ=os.environ)}


def test_another_repository_of_that_name_is_stopped_alone(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """Nothing of it is sent, and it is named with the ways out; the project beside it is delivered."""
    ours, blog = make_repository(tmp_path / "ours/shop", "our first commit"), tmp_path / "ours/blog"
    write_log(ours, [decision(1, status="superseded"), decision(7)])
    write_log(blog, [decision(3)])
    daemon = machine(tmp_path / "m2", mem0, ours, blog)
    with running(daemon):
        (problem,) = wait_until(lambda: stops(daemon), "it is stopped")
        wait_until(lambda: 3 in cases(mem0.texts().elements()), "the neighbour is delivered")
        assert "2 in shop-decisions" in problem["what"]
        assert problem["where"] == str(ours)
        assert f"project add {ours} --id NAME" in problem["remedy"]
        assert "project accept --same shop" in problem["remedy"]
        assert daemon.status()["state"] == "degraded"
        said = daemon.run("sync", str(ours))
        assert said.returncode == 1
        assert "2 pending" in said.stderr
        assert "another repository" in said.stderr
        assert daemon.run("sync", str(blog)).returncode == 0
    with running(daemon):  # nor after a restart
        assert stops(daemon)
        daemon.scan()
        write_log(blog, [decision(3), decision(4)])
        wait_until(lambda: 4 in cases(mem0.texts().elements()), "the neighbour goes on")
        wait_until(lambda: daemon.totals()["pending"] == 2, "nothing else waits")
    assert cases(mem0.texts("shop-decisions").elements()) == [1, 2]
    assert {it.metadata["origin"] for it in mem0.memories if it.user_id == "shop-decisions"} == {
        origin_of(theirs, environ=os.environ)
    }


def test_it_is_delivered_under_an_id_of_its_own(tmp_path: Path, theirs: Path, mem0: Mem0Platform) -> None:
    """The first way out."""
    ours = make_repository(tmp_path / "ours/shop", "our first commit")
    write_log(ours, [decision(7)])
    daemon = machine(tmp_path / "m2", mem0)
    with running(daemon):
        assert daemon.run("project", "add", str(ours)).returncode == 0
        wait_until(lambda: stops(daemon), "it is stopped")
        wait_until(lambda: daemon.totals()["pending"], "it waits")
        assert "1 item that waited" in daemon.run("project", "remove", "shop").stderr
        assert daemon.run("project", "add", str(ours), "--id", "kiosk").returncode == 0
        wait_until(lambda: cases(mem0.texts("kiosk-decisions").elements()) == [7], "it is delivered")
        assert not stops(daemon)
        assert daemon.run("sync").returncode == 0
    assert cases(mem0.texts("shop-decisions").elements()) == [1, 2]


def test_a_stopped_project_that_is_removed_and_added_again_goes_on_at_its_users_word(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """What was taken back with it is read anew; what was put in by hand has waited, and was named."""
    ours = make_repository(tmp_path / "ours/shop", "our first commit")
    write_log(ours, [decision(7), decision(8)])
    daemon = machine(tmp_path / "m2", mem0)
    with running(daemon):
        assert daemon.run("project", "add", str(ours)).returncode == 0
        wait_until(lambda: stops(daemon), "it is stopped")
        said = daemon.run("remember", "Case 9 is put in by hand", "--project", str(ours))
        assert said.returncode == 0, said.stderr
        wait_until(lambda: daemon.totals()["pending"] == 3, "it waits")
        assert daemon.run("project", "remove", "shop").returncode == 0
        (problem,) = stops(daemon)
        assert "project add PATH --id shop" in problem["remedy"]
        assert daemon.totals()["pending"] == 1
        assert daemon.run("project", "add", str(ours), "--id", "shop").returncode == 0
        assert daemon.run("project", "accept", "--same", "shop", "--yes").returncode == 0
        assert daemon.run("sync").returncode == 0
        assert not stops(daemon)
    assert [it.user_id for it in mem0.memories].count("shop-decisions") == 5


def test_a_project_that_goes_by_another_id_by_consent_sends_nothing_before_its_origin_is_known(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """The id that its file asks for is another repository's: it is stopped before the first item."""
    ours = make_repository(tmp_path / "ours/kiosk", "our first commit")
    write_log(ours, [decision(7)])
    daemon = machine(tmp_path / "m2", mem0)
    with running(daemon):
        assert daemon.run("project", "add", str(ours)).returncode == 0
        daemon.wait_delivered(1)
        (ours / ".claude/mem0-syncd.toml").write_text('id = "shop"\n')
        daemon.scan()
        assert daemon.run("project", "accept", "kiosk", "--yes").returncode == 0
        wait_until(lambda: stops(daemon), "it is stopped")
        daemon.run("sync")
    assert cases(mem0.texts("shop-decisions").elements()) == [1, 2]


def test_the_same_repository_goes_on_wherever_it_was_cloned(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """What is there is adopted, and what is new is sent."""
    (tmp_path / "ours").mkdir()
    git(tmp_path / "ours", "clone", "-q", str(theirs), "shop")
    clone = tmp_path / "ours/shop"
    commit(clone, "a commit of the clone's own")
    write_log(clone, [decision(1), decision(2), decision(3)])
    daemon = machine(tmp_path / "m2", mem0, clone)
    with running(daemon):
        daemon.wait_delivered(3)
        assert not stops(daemon)
    assert len(mem0.adds) == 3


def test_a_folder_without_git_goes_on_under_its_own_name(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """And so does a shallow clone: nobody can tell."""
    (tmp_path / "ours").mkdir()
    git(tmp_path / "ours", "clone", "-q", "--depth", "1", f"file://{theirs}", "shop")
    commit(tmp_path / "ours/shop", "one more")
    archive = tmp_path / "archive/shop"
    write_log(tmp_path / "ours/shop", [decision(1), decision(3)])
    write_log(archive, [decision(2), decision(4)])
    for name, folder in (("m2", tmp_path / "ours/shop"), ("m3", archive)):
        with running(machine(tmp_path / name, mem0, folder)) as daemon:
            daemon.wait_delivered(2)
    assert cases(mem0.texts("shop-decisions").elements()) == [1, 2, 3, 4]
    assert len(mem0.adds) == 4


def test_a_rewritten_history_goes_on_at_its_users_word(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """It prints what it is about, and takes what is there for the project's own."""
    git(theirs, "commit", "-q", "--amend", "--allow-empty", "-m", "their first commit, amended")
    write_log(theirs, [decision(1, status="superseded"), decision(2), decision(3)])
    daemon = machine(tmp_path / "m2", mem0, theirs)
    with running(daemon):
        wait_until(lambda: stops(daemon), "it is stopped")
        assert daemon.run("project", "accept", "--same", "shop").returncode == 2
        assert stops(daemon)
        said = daemon.run("project", "accept", "--same", "shop", "--yes")
        assert "2 in shop-decisions" in said.stdout
        assert said.returncode == 0
        daemon.wait_delivered(3)
        assert not stops(daemon)
        assert "no other repository" in daemon.run("project", "accept", "--same", "shop", "--yes").stderr
        verified = json.loads(daemon.run("verify", "--json").stdout)
        assert (verified["missing"], verified["doubled"]) == ([], [])
    assert cases(mem0.texts("shop-decisions").elements()) == [1, 2, 3]
    assert len(mem0.adds) == 3


def test_an_id_that_a_file_asks_for_is_nobodys_own_without_a_history(
    tmp_path: Path, theirs: Path, mem0: Mem0Platform
) -> None:
    """The shop's memories are not another folder's, whatever that says of itself."""
    thief = tmp_path / "ours/innocent"
    (thief / ".claude").mkdir(parents=True)
    (thief / ".claude/mem0-syncd.toml").write_text('id = "shop"\n')
    write_log(thief, [decision(1, status="superseded")])
    daemon = machine(tmp_path / "m2", mem0)
    with running(daemon):
        assert daemon.run("project", "add", str(thief)).returncode == 0
        wait_until(lambda: stops(daemon), "it is stopped")
        (thief / ".claude/mem0-syncd.toml").unlink()
        daemon.scan()
    with running(daemon):
        daemon.scan()
        assert stops(daemon)
    assert {it.metadata["status"] for it in mem0.memories} == {"accepted"}


def test_another_repository_in_the_same_folder_is_stopped(
    tmp_path: Path, mem0: Mem0Platform, project: Path
) -> None:
    """Its id has memories of the one that was there before, which this machine delivered itself."""
    make_repository(project, "the first commit")
    write_log(project, [decision(1)])
    daemon = machine(tmp_path / "m1", mem0, project)
    with running(daemon):
        daemon.wait_delivered(1)
    shutil.rmtree(project)
    make_repository(project, "another first commit")
    write_log(project, [decision(1, status="superseded")])
    with running(daemon):
        wait_until(lambda: stops(daemon), "it is stopped")
    assert [it.metadata["status"] for it in mem0.memories] == ["accepted"]


def test_a_best_practice_is_nobodys_alone(tmp_path: Path, theirs: Path, mem0: Mem0Platform) -> None:
    """Many projects write to the global scope; each memory says where it came from."""
    origins = set()
    for number in (1, 2):
        folder = make_repository(tmp_path / f"p{number}/practice-{number}", f"first of {number}")
        write_log(folder, [decision(number, generalizable=True)])
        with running(machine(tmp_path / f"g{number}", mem0, folder)) as daemon:
            wait_until(partial(is_delivered, daemon), "delivered")
            assert not stops(daemon)
        origins.add(origin_of(folder, environ=os.environ))
    shared = [it for it in mem0.memories if it.user_id == "orchestkit-global-best-practices"]
    assert {it.metadata["origin"] for it in shared} == origins
