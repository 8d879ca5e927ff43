"""When a project's repository is looked at, and what a scan waits for."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.origin_checks import AGAIN_SECONDS, AT_ONCE, PATIENCE_SECONDS, OriginChecks
from mem0_syncd.system.clock import Clock
from support.builders import NOW, item, prepared
from support.repositories import commit, git, make_repository

OURS, OTHERS = "a" * 32, "b" * 32


class World:
    """An outbox, a clock, and an answer for whoever asks for an origin."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.now = outbox, NOW
        self.answer, self.asked, self.read = OURS, 0, 0
        self.looks = OriginChecks(
            outbox,
            self.ask,
            Folders(outbox.projects),
            origin_of=self.origin_of,
            clock=Clock(wall=self.clock, monotonic=self.clock),
        )

    def ask(self) -> None:
        self.asked += 1

    def clock(self) -> float:
        return self.now

    def origin_of(self, folder: Path, *_: Any, **__: Any) -> str:
        self.read += 1
        return self.answer

    def origin(self, project: str = "shop") -> str | None:
        looked = self.outbox.origins.looked(project)
        return looked.origin if looked else None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An outbox in which nothing is known yet."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(Outbox.open(state)) as outbox:
        outbox.destinations.use("platform", "https://mem0.example.org")
        yield World(outbox)


@pytest.fixture
def shop(world: World, project: Path) -> ProjectRow:
    """A watched repository."""
    make_repository(project, "first")
    row = ProjectRow("shop", project)
    world.outbox.projects.add(row)
    return row


def test_where_no_repository_is_no_history_is_read(world: World, project: Path) -> None:
    """It is surely unknown, until there is one."""
    row = ProjectRow("shop", project)
    world.outbox.projects.add(row)
    assert world.looks.is_awaited(row)
    world.looks.look()
    assert (world.origin(), world.read) == ("", 0)
    assert not world.looks.is_awaited(row)
    make_repository(project, "first")
    world.looks.look()
    world.now += AGAIN_SECONDS
    world.looks.look()
    assert (world.origin(), world.read) == (OURS, 1)


def test_a_repository_in_anothers_place_is_seen_by_what_git_writes_once(
    world: World, shop: ProjectRow
) -> None:
    """A new folder may have got the number of the one before."""
    world.looks.look()
    assert not world.looks.is_awaited(shop)
    (shop.path / ".git/description").write_text("another one")
    world.answer = OTHERS
    assert world.looks.is_awaited(shop)
    world.looks.look()
    assert world.origin() == OTHERS


def test_a_first_scan_waits_until_the_origin_is_known(world: World, shop: ProjectRow) -> None:
    """And asks for a look."""
    assert world.looks.is_awaited(shop)
    assert world.asked == 1
    assert not world.looks.look()
    assert not world.looks.is_awaited(shop)
    assert (world.origin(), world.asked) == (OURS, 1)


def test_a_first_scan_waits_for_some_seconds_only(world: World, shop: ProjectRow) -> None:
    """A history that is slow to read keeps nobody's decisions back."""
    assert world.looks.is_awaited(shop)
    world.now += PATIENCE_SECONDS
    assert not world.looks.is_awaited(shop)


def test_what_an_earlier_version_has_seen_does_not_wait(world: World, shop: ProjectRow) -> None:
    """It is looked at beside the scan."""
    world.outbox.items.apply(world.outbox.destinations.get().id, [prepared(item())], NOW)
    assert not world.looks.is_awaited(shop)
    assert world.asked == 1


def test_a_known_origin_is_kept_whatever_is_committed(world: World, shop: ProjectRow) -> None:
    """It is read once."""
    world.looks.look()
    commit(shop.path, "second")
    world.now += 100 * 24 * 3600
    assert not world.looks.is_awaited(shop)
    world.looks.look()
    assert world.read == 1


def test_another_repository_in_its_place_is_looked_at_before_it_is_scanned(
    world: World, shop: ProjectRow
) -> None:
    """At once."""
    world.looks.look()
    assert not world.looks.is_awaited(shop)
    (shop.path / ".git").rename(shop.path.with_name("kept"))
    make_repository(shop.path, "another first")
    world.answer = OTHERS
    assert world.looks.is_awaited(shop)
    world.looks.look()
    assert not world.looks.is_awaited(shop)
    assert world.origin() == OTHERS


def test_a_history_that_is_gone_stays_known(world: World, shop: ProjectRow) -> None:
    """As what it was."""
    world.looks.look()
    shutil.rmtree(shop.path / ".git")
    world.answer = ""
    assert world.looks.is_awaited(shop)
    world.looks.look()
    assert not world.looks.is_awaited(shop)
    assert (world.origin(), world.read) == (OURS, 1)


def test_what_is_unknown_is_looked_at_again_when_something_has_changed(
    world: World, shop: ProjectRow
) -> None:
    """For example the first commit is made; and ever more rarely."""
    world.answer = ""
    world.looks.look()
    world.looks.look()
    assert world.read == 1
    for wait in (AGAIN_SECONDS, 2 * AGAIN_SECONDS, 4 * AGAIN_SECONDS):
        before = world.read
        os.utime(shop.path / ".git", (world.now, world.now))
        assert not world.looks.is_awaited(shop)
        world.now += wait - 1
        world.looks.look()
        assert world.read == before
        world.now += 1
        world.answer = OURS if wait == 4 * AGAIN_SECONDS else ""
        world.looks.look()
        assert world.read == before + 1
    assert world.origin() == OURS


def test_a_few_are_read_at_a_time(world: World, tmp_path: Path) -> None:
    """And the rest at once after them."""
    for number in range(AT_ONCE + 1):
        folder = make_repository(tmp_path / f"p{number}")
        world.outbox.projects.add(ProjectRow(f"p{number}", folder))
    assert world.looks.look()
    assert world.read == AT_ONCE
    assert not world.looks.look()
    assert world.read == AT_ONCE + 1


def test_a_worktree_has_the_main_trees_origin(world: World, shop: ProjectRow, tmp_path: Path) -> None:
    """Also where only the worktree is watched."""
    git(shop.path, "worktree", "add", "-q", str(tmp_path / "linked"))
    world.outbox.projects.remove("shop")
    linked = ProjectRow("shop", tmp_path / "linked", is_worktree=True)
    world.outbox.projects.add(linked)
    folders = []

    def read(folder: Path, *_: Any, **__: Any) -> str:
        folders.append(folder)
        return OURS

    looks = OriginChecks(
        world.outbox, world.ask, Folders(world.outbox.projects), origin_of=read, clock=Clock()
    )
    looks.look()
    assert folders == [shop.path]
    assert not looks.is_awaited(linked)


def test_an_id_that_a_file_asked_for_is_remembered(world: World, project: Path) -> None:
    """Unless it is the folder's name, too."""
    (project / ".claude").mkdir()
    (project / ".claude/mem0-syncd.toml").write_text('id = "finance"\n')
    world.outbox.projects.add(ProjectRow("finance", project))
    world.looks.look()
    looked = world.outbox.origins.looked("finance")
    assert looked is not None
    assert looked.id_is_asked
    (project / ".claude/mem0-syncd.toml").write_text('id = "shop"\n')
    world.outbox.projects.add(ProjectRow("shop", project))
    world.looks.look()
    looked = world.outbox.origins.looked("shop")
    assert looked is not None
    assert not looked.id_is_asked


def test_what_is_being_read_ends_with_the_service(
    world: World, shop: ProjectRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written of it."""
    from mem0_syncd.repository_origin import origin_lookup as origin
    from mem0_syncd.repository_origin import origin_of

    began = threading.Event()
    monkeypatch.setattr(origin, "_NEEDED", ("PYTHONPATH",))
    site = shop.path.with_name("site")
    site.mkdir()
    (site / "sitecustomize.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(site))

    def read(folder: Path, _trusted: Any, *, started: Any) -> str:
        def heard(process: Any) -> None:
            started(process)
            began.set()

        return origin_of(folder, environ=os.environ, started=heard)

    looks = OriginChecks(
        world.outbox, world.ask, Folders(world.outbox.projects), origin_of=read, clock=Clock()
    )
    looking = threading.Thread(target=looks.look)
    looking.start()
    assert began.wait(30)
    looks.close()
    looking.join(30)
    assert not looking.is_alive()
    assert world.origin() is None
