"""Fixtures of the tests that attack: a world with a warm daemon, and a stranger's folder in it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest

from support import quick_commands
from support.hostile_world import HostileWorld, hostile_world
from support.mem0_platform import Mem0Platform

_NUMBERS = count(1)
_FAILED = pytest.StashKey[bool]()


class Worlds:
    """The world that tests share, made anew when one has broken it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mem0: Mem0Platform | None = None
        self._world: HostileWorld | None = None
        self._entered: list[object] = []

    def get(self) -> HostileWorld:
        """A world whose daemon answers."""
        if self._world is not None and not self._world.daemon.answers():
            self.close()
        if self._world is None:
            self._mem0 = Mem0Platform().__enter__()
            self._context = hostile_world(self._folder / f"w{next(_NUMBERS)}", self._mem0)
            self._world = self._context.__enter__()
        return self._world

    def close(self) -> None:
        """End what runs."""
        if self._world is not None and self._mem0 is not None:
            self._context.__exit__(None, None, None)
            self._mem0.__exit__(None, None, None)
            self._world = self._mem0 = None


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Where the tests of one process get their world from."""
    worlds = Worlds(tmp_path_factory.mktemp("hostile"))
    yield worlds
    worlds.close()
    quick_commands.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on a test that it failed, for its fixtures to see."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def world(worlds: Worlds, request: pytest.FixtureRequest) -> Iterator[HostileWorld]:
    """A home with an innocent project, and a daemon that serves it; after a test that failed, another one."""
    yield worlds.get()
    if request.node.stash.get(_FAILED, False):
        worlds.close()


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    """A Mem0 for a world of a test's own."""
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def hostile(world: HostileWorld) -> Iterator[Path]:
    """A stranger's repository, which isn't watched yet; it is gone when the test is over."""
    project = world.clone(f"stranger-{next(_NUMBERS)}")
    yield project
    if world.daemon.answers():
        world.run("project", "remove", str(project))
    shutil.rmtree(project, ignore_errors=True)
