"""The watcher's sign of life, and how it is mended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.outbox import ProjectRow
from mem0_syncd.watcher import Watcher
from support.daemon import wait_until

FILE = ".claude/coordination/decision-log.json"


class Watch:
    """A watcher of one project, whose handler fails or hangs when it is told to."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.log = project / FILE
        self.log.parent.mkdir(parents=True)
        self.own = folder / "own"
        self.heard = 0
        self.fails = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.watcher = Watcher([FILE], self._hear, lambda: None, self.own)
        self.watcher.start()
        assert self.watcher.watch([ProjectRow("shop", project)]) == []

    def _hear(self, _folder: Path, _names: set[str]) -> None:
        self.goes_on.wait()
        if self.fails:
            raise RuntimeError("oops")
        self.heard += 1

    def write(self) -> None:
        """Write the log."""
        self.log.write_text("{}")

    def is_told(self) -> bool:
        """Whether a write is heard of."""
        before = self.heard
        self.write()
        return bool(wait_until(lambda: self.heard > before, "an event"))

    def gives_signs(self) -> bool:
        """Whether the sign of life changes."""
        before = self.watcher.sign()
        return before is not None and bool(wait_until(lambda: self.watcher.sign() != before, "a sign"))


@pytest.fixture
def watch(tmp_path: Path, project: Path) -> Iterator[Watch]:
    """A watcher at work."""
    watch = Watch(tmp_path, project)
    yield watch
    watch.goes_on.set()
    watch.watcher.stop()
    assert not watch.own.exists()


def test_a_watcher_that_hears_gives_signs_of_life(watch: Watch) -> None:
    """Without anybody's writing anything."""
    assert watch.gives_signs()
    assert watch.gives_signs()


def test_a_watcher_that_hangs_gives_none(watch: Watch) -> None:
    """Until it goes on."""
    watch.goes_on.clear()
    watch.write()
    # The events of before are counted; then nothing more is.
    wait_until(lambda: len({watch.watcher.sign() for _ in range(20)}) == 1, "silence")
    assert len({watch.watcher.sign() for _ in range(20)}) == 1
    watch.goes_on.set()
    assert watch.gives_signs()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watcher_that_died_is_replaced(watch: Watch) -> None:
    """It leaves none of its threads behind."""
    before = threading.active_count()
    watch.fails = True
    watch.write()
    wait_until(lambda: not watch.watcher._observer.is_alive(), "the thread's end")
    watch.fails = False
    assert watch.watcher.update() == []
    assert watch.is_told()
    assert watch.gives_signs()
    wait_until(lambda: threading.active_count() <= before, "the end of the former threads")


def test_emitters_that_died_are_replaced(watch: Watch) -> None:
    """Those of the project and that of the probe."""
    for emitter in list(watch.watcher._observer.emitters):
        emitter.stop()
        emitter.join()
    assert watch.watcher.update() == []
    assert watch.is_told()
    assert watch.gives_signs()


def test_a_probe_that_is_taken_away_is_made_again(watch: Watch) -> None:
    """As when a runtime folder is cleaned up."""
    (watch.own / "pulse").unlink()
    watch.own.rmdir()
    watch.watcher.sign()
    watch.watcher.update()
    assert watch.gives_signs()


def test_a_watcher_without_room_for_a_probe_owes_no_sign(tmp_path: Path) -> None:
    """What can't be tried is not held against it."""
    (tmp_path / "file").touch()
    watcher = Watcher([FILE], lambda _folder, _names: None, lambda: None, tmp_path / "file" / "own")
    watcher.start()
    watcher.watch([])
    assert watcher.sign() is None
    watcher.stop()
