"""Nothing outside of a watched folder is read, and nothing in it that isn't a file."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from support.daemon import running, wait_until
from support.decision_log import decision, write_log
from support.hostile_world import (
    BLOCKERS,
    LOG,
    MOST_BYTES,
    PATTERNS,
    SOURCES,
    STATE,
    SYNC_STATE,
    TOML,
    HostileWorld,
)
from support.mem0_platform import Mem0Platform

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give a file to another user")
NOBODY = 65534


def make_socket(path: Path) -> None:
    """Put a socket at a path, which may be too long for `bind`."""
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "descriptor": lambda path: path.symlink_to("/proc/self/fd/0"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
    "pipe": os.mkfifo,
    "socket": make_socket,
    **({"device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))} if IS_ROOT else {}),
}
"""What stands in a file's place and must not be waited for, nor read to its end."""

NAMED = (TOML, SYNC_STATE, *SOURCES)
"""The files of which the status says that they can't be read."""

PLACES = (*NAMED, ".git", STATE, BLOCKERS)


def put(project: Path, place: str, make: Callable[[Path], object]) -> None:
    """Put something in a file's place, as a pull does: what was there is gone."""
    path = project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)


def test_what_is_no_file_holds_up_nobody(tmp_path: Path, mem0: Mem0Platform) -> None:
    """Every file of a project as a pipe, a device, an endless link: all others are served, memory is small.

    The status names each that is wanted, and the daemon ends in time with all of them in place.
    """
    names = [f"{kind}-{number}" for kind in NO_FILES for number in range(len(PLACES))]
    projects = [tmp_path / "home" / "code" / name for name in names]
    listed = json.dumps([str(project) for project in projects])
    world = HostileWorld(tmp_path, mem0, MEM0_SYNCD_PROJECTS=listed)
    for project in projects:
        kind, number = project.name.split("-")
        world.clone(project.name)
        put(project, PLACES[int(number)], NO_FILES[kind])
    with world.untouched(*projects), running(world.daemon):
        world.wait_served()
        for project in projects:
            place = PLACES[int(project.name.split("-")[1])]
            if place in NAMED:
                world.wait_named(project, place)
        for project in projects[: len(PLACES)]:
            world.end_session(project)
        world.end_session(world.innocent)
        world.wait_served()
        assert world.peak_bytes() < MOST_BYTES
        world.end()


@pytest.mark.parametrize("kind", ["endless", "pipe"])
@pytest.mark.parametrize("place", [LOG, TOML, ".git"])
def test_a_project_is_looked_at_without_waiting(
    world: HostileWorld, hostile: Path, place: str, kind: str
) -> None:
    """`project add --dry-run` ends, whatever stands there, and so does the command that adds."""
    put(hostile, place, NO_FILES[kind])
    with world.unharmed(hostile):
        assert world.add(hostile, "--dry-run").returncode in {0, 1}
        assert world.add(hostile).returncode in {0, 1}


@pytest.mark.parametrize("place", [TOML, SYNC_STATE, LOG, PATTERNS])
def test_a_file_that_becomes_a_pipe_holds_up_nobody(world: HostileWorld, hostile: Path, place: str) -> None:
    """A pull brings it while the project is watched: it is named, and when it is mended all goes on."""
    world.watch(hostile)
    with world.unharmed(hostile):
        put(hostile, place, os.mkfifo)
        world.wait_named(hostile, place)
        world.wait_served()
        (hostile / place).unlink()
        write_log(hostile, [decision(1), decision(2)])
        wait_until(lambda: len(world.texts(hostile.name)) == 2, "what came after it")


@pytest.mark.parametrize("place", [STATE, BLOCKERS])
@pytest.mark.parametrize("kind", ["endless", "pipe"])
def test_a_sessions_files_that_are_none_hold_up_no_session(
    world: HostileWorld, hostile: Path, place: str, kind: str
) -> None:
    """The hook answers, and the daemon goes on; other sessions' summaries arrive."""
    world.watch(hostile)
    with world.unharmed(hostile, world.innocent / ".claude/context"):
        put(hostile, place, NO_FILES[kind])
        world.end_session(hostile)
        state = world.innocent / STATE
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps({"current_task": f"Something beside {hostile.name} {place} {kind}"}))
        world.end_session(world.innocent, session_id=f"{hostile.name}-{kind}")
        text = f"beside {hostile.name} {place} {kind}"
        wait_until(lambda: any(text in it for it in world.mem0.texts("innocent-continuity")), text)
        shutil.rmtree(world.innocent / ".claude/context")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "zero"])
@pytest.mark.parametrize("name", [".git", ".git/HEAD", ".git/index", ".claude/context/session/state.json"])
@needs_root
def test_what_another_user_puts_above_a_project_is_nothing_to_it(
    world: HostileWorld, make: Callable[[Path], object], name: str
) -> None:
    """Where everybody may write, a stranger's `.git` or `.claude` is neither waited for nor read."""
    shared = world.home / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    project = shared / f"work-{name.count('/')}"
    write_log(project, [decision(1)])
    with world.unharmed(shared):
        path = shared / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        for below in (shared / name.split("/", maxsplit=1)[0], path):
            os.chown(below, NOBODY, NOBODY, follow_symlinks=False)
        assert world.add(project).returncode == 0
        wait_until(lambda: world.texts(project.name), "its own decision")
        world.end_session(project)
        world.scan()
    world.run("project", "remove", str(project))
    shutil.rmtree(shared)


@pytest.mark.parametrize("place", SOURCES)
def test_a_source_that_is_a_link_out_of_the_project_is_not_read(
    world: HostileWorld, hostile: Path, place: str
) -> None:
    """Another project's file stays that project's: the link is named, and nothing goes."""
    with world.unharmed(hostile):
        put(hostile, place, lambda path: path.symlink_to(world.code / "private" / place))
        world.watch(hostile)
        world.wait_named(hostile, place)


@pytest.mark.parametrize("place", SOURCES)
def test_a_source_that_becomes_a_link_out_of_the_project_is_not_read(
    world: HostileWorld, hostile: Path, place: str
) -> None:
    """The same when a pull brings it, relative as git keeps it."""
    world.watch(hostile)
    with world.unharmed(hostile):
        above = "../" * (place.count("/") + 1)
        put(hostile, place, lambda path: path.symlink_to(f"{above}private/{place}"))
        world.wait_named(hostile, place)


@pytest.mark.parametrize("when", ["cloned", "pulled"])
@pytest.mark.parametrize("link", [".claude", ".claude/coordination", ".claude/logs", ".claude/memory"])
def test_a_folder_that_is_a_link_out_of_the_project_is_not_read(
    world: HostileWorld, hostile: Path, link: str, when: str
) -> None:
    """No part of a file's path leads out, whether it came with the clone or later."""
    if when == "pulled":
        world.watch(hostile)
    with world.unharmed(hostile):
        if (hostile / link).exists():
            (hostile / link).rename(hostile / "aside")
        (hostile / link).symlink_to(world.code / "private" / link)
        if when == "cloned":
            added = world.add(hostile)
            assert added.returncode == 0 or f"{link} is a link" in added.stderr, added.stderr
        world.scan()
        if str(hostile) in world.run("project", "list").stdout:
            world.wait_named(hostile, link)


@pytest.mark.parametrize("link", [STATE, BLOCKERS, ".claude/context", ".claude"])
def test_a_session_of_somewhere_else_is_not_read(world: HostileWorld, hostile: Path, link: str) -> None:
    """The hook follows no link out of the project, nor does the daemon for it."""
    world.watch(hostile)
    with world.unharmed(hostile):
        if (hostile / link).exists():
            (hostile / link).rename(hostile / "aside")
        (hostile / link).parent.mkdir(parents=True, exist_ok=True)
        (hostile / link).symlink_to(world.code / "private" / link)
        world.end_session(hostile)
        world.scan()
        wait_until(lambda: not list((world.daemon.state / "spool").glob("*.begun")), "the hook has ended")
        world.scan()


def test_a_link_within_the_project_is_followed(world: HostileWorld, hostile: Path) -> None:
    """What is refused is leaving, not linking: a log kept elsewhere in the same repository is read."""
    with world.unharmed(hostile):
        (hostile / "docs").mkdir()
        (hostile / LOG).rename(hostile / "docs" / "log.json")
        (hostile / LOG).symlink_to("../../docs/log.json")
        world.watch(hostile)
        wait_until(lambda: world.texts(hostile.name), "the linked log's decision")
    assert not [it for it in world.problems_of(hostile) if LOG in it["where"]]
