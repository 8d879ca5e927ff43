"""The disk of the power-loss model keeps what was synced, and nothing else for sure."""

from __future__ import annotations

import random

from crash.board import Call, Fate, Point, Role, Step
from crash.disk import EXCHANGE, Disk


def call(name: str, target: str, *, data: bytes = b"", at: int = 0, other: str = "") -> Call:
    """A call of the daemon that succeeded."""
    return Call(Point(Role.DAEMON, Step.SETTLE, 1), name, target, other, at, data, Fate.DONE)


def disk_after(*calls: Call) -> Disk:
    """A disk with two files, after some calls."""
    disk = Disk({"/a": b"old a", "/b": b"old b"})
    for it in calls:
        disk.apply(it)
    return disk


WRITE = call("pwrite64", "/a", data=b"new")


def test_what_was_not_synced_may_be_gone() -> None:
    """At worst nothing of it is left; otherwise any part may be."""
    disk = disk_after(WRITE, call("ftruncate64", "/b", at=1))
    assert disk.survivors() == {"/a": b"old a", "/b": b"old b"}
    rng = random.Random(0)
    found = {tuple(sorted(disk.survivors(rng).items())) for _ in range(99)}
    assert (("/a", b"new a"), ("/b", b"o")) in found
    assert (("/a", b"new a"), ("/b", b"old b")) in found
    assert (("/a", b"old a"), ("/b", b"o")) in found


def test_what_was_synced_stays() -> None:
    """The sync of one file says nothing of another."""
    disk = disk_after(WRITE, call("pwrite64", "/b", data=b"new"), call("fdatasync", "/a"))
    assert disk.survivors() == {"/a": b"new a", "/b": b"old b"}


def test_a_failed_call_changed_nothing() -> None:
    """Nor did one that wasn't made on a file."""
    failed = Call(WRITE.point, "pwrite64", "/a", "", 0, b"new", Fate.FAILED)
    disk = disk_after(failed, call("fdatasync", "/a"), call("write", "pipe", data=b"x", at=-1))
    assert disk.survivors() == {"/a": b"old a", "/b": b"old b"}


def test_a_name_is_safe_with_its_folder() -> None:
    """Until the folder is synced, a renamed file may still be found under its former name."""
    renamed = call("write", "/t", data=b"new", at=-1), call("fsync", "/t"), call("rename", "/t", other="/a")
    assert disk_after(*renamed).survivors() == {"/a": b"old a", "/b": b"old b", "/t": b"new"}
    assert disk_after(*renamed, call("fsync", "/")).survivors() == {"/a": b"new", "/b": b"old b"}


def test_a_swap_gives_each_file_the_name_of_the_other() -> None:
    """As the marks are put in place."""
    swapped = call("renameat2", "/a", other="/b", at=EXCHANGE), call("unlink", "/a")
    assert disk_after(*swapped, call("fsync", "/")).survivors() == {"/b": b"old a"}
