"""Another version: it takes over from the one that runs, and what it alone understands is left to it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import mem0_syncd
from mem0_syncd.system.state_folder import OUTBOX
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform

SOON = 1.0


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installation of its own."""
    source = Path(mem0_syncd.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(source, tmp_path / "lib/mem0_syncd", ignore=ignored))


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform, package: Path) -> Iterator[Daemon]:
    """A daemon that runs from that installation."""
    daemon = Daemon(tmp_path, [project], PYTHONPATH=str(package.parent), **platform_settings(mem0.url))
    yield daemon
    daemon.end()


def install(package: Path, version: str, *, broken: bool = False) -> None:
    """Have another version in the installation's place."""
    (package / "__about__.py").write_text(f'"""The version."""\n\n__version__ = "{version}"\n')
    with (package / "standby.py").open("a") as file:
        file.write("\nraise RuntimeError('half installed')\n" if broken else "\n# of another version\n")


def test_a_version_that_is_installed_takes_over(
    daemon: Daemon, mem0: Mem0Platform, project: Path, package: Path
) -> None:
    """The process stays, the courier is of the same version, and each decision is delivered once."""
    write_log(project, [decision(1)])
    with running(daemon, mend_seconds=SOON):
        daemon.wait_delivered(1)
        install(package, "9.9.9")
        write_log(project, [decision(1), decision(2)])
        answer = wait_until(lambda: (it := daemon.answers()) and it["version"] == "9.9.9" and it, "the other")
        assert answer["pid"] == daemon.pid
        daemon.wait_delivered(2)
        wait_until(lambda: daemon.status()["state"] == "ok", "nothing to complain of")
        assert daemon.stop() == 0
    assert cases(mem0.texts().elements()) == [1, 2]
    assert len(mem0.adds) == 2


def test_a_version_that_cannot_start_is_reported_and_sends_nothing(
    daemon: Daemon, mem0: Mem0Platform, project: Path, package: Path
) -> None:
    """The daemon stays as it is; a courier of that version is none of its own, and begins nothing."""
    with running(daemon, mend_seconds=SOON):
        wait_until(lambda: daemon.status()["state"] == "ok", "a start")
        install(package, "9.9.9", broken=True)
        write_log(project, [decision(1)])
        said = f"version 9.9.9 is installed while {mem0_syncd.__version__} still runs"
        wait_until(lambda: said in [it["what"] for it in daemon.status()["problems"]], "the report")
        wait_until(lambda: "courier_ended" in daemon.said(), "the courier's end")
        assert daemon.totals()["delivered"] == 0
        shutil.copy(Path(mem0_syncd.__file__).parent / "standby.py", package)
        wait_until(lambda: (it := daemon.answers()) and it["version"] == "9.9.9", "the other")
        daemon.wait_delivered(1)
    assert len(mem0.adds) == 1


def test_an_outbox_of_a_newer_version_is_refused_untouched(daemon: Daemon) -> None:
    """With the exit code that keeps a service manager from trying again, and in the status as well."""
    with running(daemon):
        assert daemon.stop() == 0
    with closing(sqlite3.connect(daemon.state / OUTBOX)) as connection:
        connection.execute("PRAGMA user_version = 999")
    before = (daemon.state / OUTBOX).read_bytes()
    said = daemon.run("run")
    assert said.returncode == 78
    assert "schema 999" in said.stderr
    assert "upgrade mem0-syncd" in said.stderr
    assert daemon.run("run", "--launchd").returncode == 0
    shown = daemon.run("status")
    assert shown.returncode == 3
    assert "schema 999" in shown.stdout
    assert (daemon.state / OUTBOX).read_bytes() == before
