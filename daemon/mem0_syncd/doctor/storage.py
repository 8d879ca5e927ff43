"""Free space, rights and the outbox itself."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from mem0_syncd.config.settings import Settings
from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.context import Context
from mem0_syncd.projects import sync_state_file
from mem0_syncd.system import paths

MIB = 1 << 20
FULL_BYTES = 64 * MIB
"""Bytes; with less the outbox may be unable to grow by a single log."""

NEARLY_FULL_BYTES = 512 * MIB


def check_settings(around: Context) -> Iterator[CheckResult]:
    """Where the settings come from; whether they can be used was checked before."""
    file = around.settings.config_file
    names = sorted(name for name in around.environ if name.startswith(paths.PREFIX))
    names += ["MEM0_API_KEY"] if around.environ.get("MEM0_API_KEY") else []
    origins = ([str(file)] if file.is_file() else []) + names
    yield fine(f"from {', '.join(origins)}" if origins else f"all by default; {file} is where others go")


def check_disk(around: Context) -> Iterator[CheckResult]:
    """Whether what waits still fits on the disk."""
    folder = _nearest(around.settings.state_dir)
    yield judge_disk(shutil.disk_usage(folder).free, os.statvfs(folder).f_favail, str(folder))


def judge_disk(free: int, inodes: int, where: str) -> CheckResult:
    """What the free space of a file system means, in bytes and in files."""
    room = f"{free // MIB} MiB are free at {where}"
    remedy = "make room: nothing is lost, but nothing new is taken in while the disk is full"
    if free < FULL_BYTES or inodes == 0:
        return failure(f"{room}, and {inodes} files", remedy)
    if free < NEARLY_FULL_BYTES:
        return warning(room, remedy)
    return fine(room)


def check_permissions(around: Context) -> Iterator[CheckResult]:
    """Whether we can write where we must, and no other user can read."""
    settings = around.settings
    findings = [*_of_state(settings.state_dir), *_of_config(settings), *_of_projects(around)]
    yield from findings or [fine("the state folder is yours alone, and the projects' marks can be written")]


def _of_state(state: Path) -> Iterator[CheckResult]:
    if not state.is_dir():
        return
    found = state.stat()
    if found.st_uid != os.getuid():
        yield failure(f"{state} belongs to another user", "name a folder of your own: MEM0_SYNCD_STATE_DIR")
    elif not os.access(state, os.W_OK | os.X_OK):
        yield failure(f"{state} can't be written", f"chmod 700 {state}, or mount it for writing")
    elif found.st_mode & 0o077:
        yield warning(f"{state} is open to others ({stat.filemode(found.st_mode)})", f"chmod 700 {state}")


def _of_config(settings: Settings) -> Iterator[CheckResult]:
    file = settings.config_file
    holds_key = {"api_key", "MEM0_API_KEY"} & paths.read_config(file).keys()
    if holds_key and file.stat().st_mode & 0o077:
        yield failure(f"{file} holds the key, and others can read it", f"chmod 600 {file}")


def _of_projects(around: Context) -> Iterator[CheckResult]:
    for project in around.projects:
        folder = (project.path / sync_state_file.PATH).parent
        if folder.is_dir() and not os.access(folder, os.W_OK):
            yield warning(
                f"{folder} can't be written: what is delivered can't be marked there", f"chmod u+w {folder}"
            )


def check_outbox(around: Context) -> Iterator[CheckResult]:
    """Whether the outbox can be opened, and its size."""
    if around.damage:
        yield failure(f"{around.damage.what} ({around.damage.where})", around.damage.remedy)
    elif around.outbox is None:
        yield fine("there is none yet: the first start makes it")
    else:
        database = around.outbox.database
        size = database.path.stat().st_size
        yield fine(f"schema {database.version}, {size / MIB:.1f} MiB, {database.path}")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(it for it in (folder, *folder.parents) if it.is_dir())
