"""Logs that can't be read, or not whole: each is reported with its remedy, and its neighbours go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.core.item import LONGEST_TEXT
from mem0_syncd.sources.decision_log import PATH
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Takes from root the right to read what nobody may."""

NEIGHBOUR, HALF_WRITTEN, MIXED, TOO_LARGE = "neighbour", "half-written", "mixed", "too-large"


def holding(data: bytes) -> Callable[[Path], object]:
    """Makes the log a file with these bytes."""
    return lambda path: path.write_bytes(data)


@dataclass(frozen=True)
class Bad:
    """How a log is made unreadable, and what `status` says of it then."""

    make: Callable[[Path], object]
    what: str
    place: str = ""


BAD = {
    "cut-off": Bad(
        holding(b'{"decisions": [\n{"title": "On'), "not JSON: Unterminated string", ": line 2, column 11"
    ),
    "no-list": Bad(holding(b'{"choices": []}'), "no list of decisions", ": decisions"),
    "a-number": Bad(holding(b"7"), "no list of decisions", ": decisions"),
    "empty": Bad(holding(b""), "the file is empty"),
    "not-utf-8": Bad(holding(b'{"decisions": ["\xff"]}'), "invalid UTF-8", ": byte 16"),
    "too-deep": Bad(holding(b"[" * 100_000), "not usable JSON", ": line 1, column 2"),
    "a-folder": Bad(Path.mkdir, "a folder is in the file's place"),
    "a-pipe": Bad(os.mkfifo, "not a regular file"),
    "a-circle": Bad(lambda path: path.symlink_to(path), "can't be read: Too many levels"),
}


@dataclass
class Shelf:
    """Projects of all sorts, their daemon, and the Mem0 they go to."""

    folder: Path
    mem0: Mem0Platform
    daemon: Daemon

    def arrived(self, project: str) -> list[int]:
        """The cases of a project that are in Mem0."""
        return cases(self.mem0.texts(f"{project}-decisions").elements())

    def wait_for(self, project: str, *numbers: int) -> None:
        """Wait until just these cases of a project are in Mem0."""
        wait_until(lambda: self.arrived(project) == list(numbers), f"{numbers} of {project}")

    def problems(self, project: str) -> list[dict[str, str]]:
        """What `status` says is wrong with a project."""
        (shown,) = [it for it in self.daemon.status()["projects"] if it["id"] == project]
        problems: list[dict[str, str]] = shown["problems"]
        return problems


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A project for each way of being bad, and good ones between them."""
    folder = tmp_path_factory.mktemp("shelf")
    projects = [folder / name for name in (*BAD, NEIGHBOUR, HALF_WRITTEN, MIXED, TOO_LARGE)]
    for project in projects:
        (project / PATH).parent.mkdir(parents=True)
    for name, bad in BAD.items():
        bad.make(folder / name / PATH)
    with Mem0Platform() as mem0:
        daemon = Daemon(folder, projects, **platform_settings(mem0.url))
        with running(daemon):
            yield Shelf(folder, mem0, daemon)


@pytest.mark.parametrize("name", BAD)
def test_a_log_that_cannot_be_read_is_reported_until_it_is_mended(shelf: Shelf, name: str) -> None:
    """`status` says which file it is, what is wrong where, and what to do; mended, it is delivered."""
    log, bad = shelf.folder / name / PATH, BAD[name]
    (problem,) = wait_until(lambda: shelf.problems(name), f"a problem with {name}")
    assert problem["what"].startswith(bad.what)
    assert problem["where"] == f"{log}{bad.place}"
    assert problem["remedy"]
    assert problem in shelf.daemon.status()["problems"]
    said = shelf.daemon.run("status")
    assert said.returncode == 1
    assert f"! {problem['what']}\n  where:  {problem['where']}\n  remedy: {problem['remedy']}" in said.stdout

    shutil.rmtree(log) if log.is_dir() else log.unlink()
    write_log(shelf.folder / name, [decision(1)])
    shelf.wait_for(name, 1)
    wait_until(lambda: not shelf.problems(name), f"no more problem with {name}")


def test_a_good_log_does_not_wait_for_bad_ones(shelf: Shelf) -> None:
    """What is written to a project arrives while others can't be read."""
    write_log(shelf.folder / NEIGHBOUR, [decision(1)])
    shelf.wait_for(NEIGHBOUR, 1)
    assert not shelf.problems(NEIGHBOUR)


def test_a_bad_entry_is_reported_and_its_neighbours_are_delivered(shelf: Shelf) -> None:
    """Each entry that says no decision is reported by its place; the others of the file arrive."""
    entries: list[Any] = [decision(1), 7, decision(2), "a text", {"category": "workflow"}, None, decision(3)]
    log = write_log(shelf.folder / MIXED, entries)
    shelf.wait_for(MIXED, 1, 2, 3)
    said = {it["where"]: it["what"] for it in wait_until(lambda: shelf.problems(MIXED), "the bad entries")}
    assert said == {
        f"{log}: decisions[1]": "a decision is an object, not a number",
        f"{log}: decisions[3]": "a decision is an object, not a text",
        f"{log}: decisions[4]": "a decision without a title, summary or description",
        f"{log}: decisions[5]": "a decision is an object, not null",
    }
    write_log(
        shelf.folder / MIXED, [entry for entry in entries if isinstance(entry, dict) and "title" in entry]
    )
    wait_until(lambda: not shelf.problems(MIXED), "no more problem")


def test_a_text_that_nobody_takes_is_a_dead_letter_from_the_start(shelf: Shelf) -> None:
    """A text of 5 MB is set aside with its size and place, is never sent, and holds up nothing."""
    project = shelf.folder / TOO_LARGE
    write_log(project, [decision(1), decision(2, description="x" * 5_000_000), decision(3)])
    shelf.wait_for(TOO_LARGE, 1, 3)
    (letter,) = shelf.daemon.run("dead", "list").stdout.splitlines()
    number, *about, reason = letter.split("\t")
    assert about == [TOO_LARGE, "decision"]
    assert reason.startswith("too large: 5,000,0")
    assert reason.endswith(f"of {LONGEST_TEXT:,} at most ({PATH}: decisions[1])")

    def problems() -> list[dict[str, str]]:
        return [it for it in shelf.daemon.status()["problems"] if "too large" in it["what"]]

    (problem,) = problems()
    assert problem["what"] == f"dead letter: {reason}"
    assert problem["remedy"] == f"mem0-syncd dead show {number}, then retry or drop it"
    assert shelf.daemon.run("dead", "drop", number).returncode == 0
    shelf.daemon.scan()
    assert not problems()


def test_a_writer_that_pauses_is_waited_for(shelf: Shelf) -> None:
    """A log that is half written for most of a second is never a problem, and arrives when it is whole.

    So it is for the first log of a project, and for one that is written over.
    """
    path = shelf.folder / HALF_WRITTEN / PATH
    seen: list[dict[str, str]] = []
    for number in (1, 2):
        document = json.dumps({"decisions": [decision(number)]})
        with path.open("w") as file:
            for piece in (document[:40], document[40:-5], document[-5:]):
                file.write(piece)
                file.flush()
                until = time.monotonic() + 0.3
                while time.monotonic() < until:
                    seen += shelf.problems(HALF_WRITTEN)
                    time.sleep(0.02)
        shelf.wait_for(HALF_WRITTEN, *range(1, number + 1))
    assert not seen
    assert not shelf.problems(HALF_WRITTEN)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may read everything")
def test_a_log_that_may_not_be_read_is_reported(shelf: Shelf, tmp_path: Path) -> None:
    """A file without the right to read it is reported as that, and the other projects are delivered."""
    shut, beside = tmp_path / "shut", tmp_path / "open"
    for project in (shut, beside):
        write_log(project, [decision(1)]).chmod(0 if project is shut else 0o600)
    daemon = Daemon(tmp_path, [shut, beside], **platform_settings(shelf.mem0.url))
    command = [*AS_ANYBODY, sys.executable, "-m", "mem0_syncd", "sync"]
    subprocess.run(command, env=daemon.environment, check=False, capture_output=True)
    assert shelf.arrived("open") == [1]
    (problem,) = daemon.status()["problems"]
    assert problem["what"] == "can't be read: Permission denied"
    assert problem["where"] == str(shut / PATH)
