"""The observer of folders that needs one thread for all of them."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent, FileSystemEventHandler

from support.daemon import wait_until

if sys.platform != "linux":
    pytest.skip("other systems have observers of their own", allow_module_level=True)

from mem0_syncd.watcher.inotify import FolderObserver


class Ear(FileSystemEventHandler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[FileSystemEvent] = []

    def on_any_event(self, event: FileSystemEvent) -> None:
        self.heard.append(event)

    def wait_for(self, path: Path, kind: str) -> None:
        """Wait until an event of a kind has come for a path."""
        wanted = (kind, str(path))
        wait_until(
            lambda: wanted in {(it.event_type, os.fsdecode(it.src_path)) for it in self.heard}, str(wanted)
        )


@pytest.fixture
def observer() -> Iterator[FolderObserver]:
    """An observer at work, which leaves no thread behind."""
    before = threading.active_count()
    observer = FolderObserver()
    observer.start()
    yield observer
    observer.stop()
    observer.join()
    wait_until(lambda: threading.active_count() <= before, "the end of its threads")


def test_what_is_written_renamed_and_removed_is_heard(observer: FolderObserver, tmp_path: Path) -> None:
    """Each under its own path; what is only read is not heard of."""
    ear, file = Ear(), tmp_path / "file"
    observer.schedule(ear, str(tmp_path))
    file.write_text("a")
    ear.wait_for(file, "modified")
    file.rename(tmp_path / "other")
    ear.wait_for(file, "deleted")
    ear.wait_for(tmp_path / "other", "created")
    (tmp_path / "other").read_text()
    (tmp_path / "other").unlink()
    ear.wait_for(tmp_path / "other", "deleted")
    assert {it.event_type for it in ear.heard} <= {"created", "modified", "deleted"}


def test_many_folders_take_one_thread(observer: FolderObserver, tmp_path: Path) -> None:
    """However many are added."""
    before, ear = threading.active_count(), Ear()
    for number in range(50):
        (tmp_path / str(number)).mkdir()
        observer.schedule(ear, str(tmp_path / str(number)))
    assert threading.active_count() <= before + 1
    (tmp_path / "49" / "file").touch()
    ear.wait_for(tmp_path / "49" / "file", "created")


@pytest.mark.parametrize("how", ["removed", "moved away"])
def test_a_folder_that_goes_is_heard_of(observer: FolderObserver, tmp_path: Path, how: str) -> None:
    """Of one that is removed the emitter is dead, so that it is replaced."""
    ear, folder = Ear(), tmp_path / "folder"
    folder.mkdir()
    observer.schedule(ear, str(folder))
    (emitter,) = observer.emitters
    if how == "removed":
        shutil.rmtree(folder)
        wait_until(lambda: not emitter.is_alive(), "the emitter's end")
    else:
        folder.rename(tmp_path / "elsewhere")
    ear.wait_for(folder, "deleted")


def test_lost_events_are_a_change_of_everything(observer: FolderObserver, tmp_path: Path) -> None:
    """When the kernel's queue ran over, each folder says so of itself."""
    ear = Ear()
    observer.schedule(ear, str(tmp_path))
    (emitter,) = observer.emitters
    emitter.on_queue_overflow()  # type: ignore[attr-defined]
    ear.wait_for(tmp_path, "created")


def test_a_folder_that_is_not_watched_any_more_is_silent(observer: FolderObserver, tmp_path: Path) -> None:
    """Its neighbours go on."""
    one, two = Ear(), Ear()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    watch = observer.schedule(one, str(tmp_path / "one"))
    observer.schedule(two, str(tmp_path / "two"))
    observer.unschedule(watch)
    (tmp_path / "one" / "file").touch()
    (tmp_path / "two" / "file").touch()
    two.wait_for(tmp_path / "two" / "file", "created")
    assert one.heard == []


def test_a_folder_that_cannot_be_watched_is_an_error(observer: FolderObserver, tmp_path: Path) -> None:
    """One for whoever asked."""
    with pytest.raises(OSError, match="No such file"):
        observer.schedule(Ear(), str(tmp_path / "missing"))
