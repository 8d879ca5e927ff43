"""What the courier is started with: nothing of the folder one is in, no key, and no key in what it says."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mem0_syncd.courier.environment import here
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer
from support.mem0_platform import Mem0Platform

KEY = "m0-invented-0123456789abcdefghij"
MODULES = ("calendar", "numpy", "httpx", "json", "mem0", "mem0_syncd", "sitecustomize", "usercustomize")


@pytest.fixture
def trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in has modules that leave a mark when they are imported; returns where."""
    folder, marks = tmp_path / "trap", tmp_path / "marks"
    marks.mkdir()
    for name in MODULES:
        (folder / name).mkdir(parents=True)
        for module in folder / f"{name}.py", folder / name / "__init__.py":
            module.write_text(f"import os; open({str(marks)!r} + '/{name}', 'w'); raise SystemExit(7)")
    monkeypatch.chdir(folder)
    return marks


def test_no_module_of_the_folder_one_is_in_is_imported(
    trapped: Path, daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """By the daemon's courier, by that of a command without a daemon, and by the program as a module."""
    write_log(project, [decision(1)])
    script = Path(sys.executable).parent / "mem0-syncd"
    with running(daemon):
        daemon.wait_delivered(1)
        assert daemon.stop() == 0
    shutil.rmtree("mem0_syncd")  # which Python itself would start in the next but one line
    Path("mem0_syncd.py").unlink()
    for program in [str(script)], [sys.executable, "-m", "mem0_syncd"]:
        said = subprocess.run(
            [*program, "recall", "case", "--project", str(project)],
            env=daemon.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, "case 1" in said.stdout) == (0, True), said.stderr
    assert list(trapped.iterdir()) == []


def test_a_courier_has_a_folder_of_its_own_and_no_key_in_its_environment(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """What it needs to know of the key comes over its pipe."""
    secrets = {"AWS_SECRET_ACCESS_KEY": "invented", "GITHUB_TOKEN": "invented", "PYTHONSTARTUP": "/x.py"}
    settings = platform_settings(mem0.url, MEM0_API_KEY=KEY, HTTPS_PROXY="http://127.0.0.1:9", **secrets)
    daemon = Daemon(tmp_path, [project], **settings)
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        courier = Path("/proc") / str(daemon.courier)
        variables = dict(it.partition("=")[::2] for it in (courier / "environ").read_text().split("\0") if it)
        assert not {*secrets, "MEM0_API_KEY"} & variables.keys()
        assert KEY not in (courier / "environ").read_text() + (courier / "cmdline").read_text()
        assert variables["HTTPS_PROXY"] == "http://127.0.0.1:9"
        folder = (courier / "cwd").readlink()
    assert folder.is_relative_to(daemon.state)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("inside", ["\n", "\r", "\x1b", "\x00", "é", "\r\nX-Other: 1\r\n"])
def test_a_key_with_a_break_inside_is_refused_by_name_and_not_shown(
    tmp_path: Path, project: Path, inside: str
) -> None:
    """By every command, at `login` as well, with the code of a bad configuration."""
    daemon = Daemon(tmp_path, [project], **platform_settings("http://127.0.0.1:9"))
    parts = KEY[:16], KEY[16:]
    key = inside.join(parts)
    if inside != "\x00":  # which no environment can hold
        for variable in "MEM0_API_KEY", "MEM0_SYNCD_SERVER__API_KEY":
            said = daemon.run("run", **{variable: key})
            assert said.returncode == 78
            assert variable in said.stderr
            assert not any(part in said.stderr + said.stdout for part in parts)
    if "\n" not in inside:  # which ends what `login` reads
        said = subprocess.run(
            [sys.executable, "-m", "mem0_syncd", "login", "--no-check"],
            env={**daemon.environment, "MEM0_API_KEY": ""},
            input=f"{key}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 78
        assert not any(part in said.stderr + said.stdout for part in parts)
    stored = tmp_path / "api-key"
    stored.write_bytes(key.encode())
    stored.chmod(0o600)
    said = daemon.run("run", MEM0_API_KEY="")
    assert (said.returncode, str(stored) in said.stderr) == (78, True)
    state = (
        [it.read_bytes() for it in daemon.state.rglob("*") if it.is_file()] if daemon.state.exists() else []
    )
    assert not any(part.encode() in data for part in parts for data in state)


def test_space_around_a_key_is_no_part_of_it(tmp_path: Path, project: Path, mem0: Mem0Platform) -> None:
    """As it comes with a copy from somewhere."""
    mem0.api_key = KEY
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, MEM0_API_KEY=f" \t{KEY}\r\n"))
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)


def test_a_reason_holds_neither_the_key_nor_another_credential(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """Whatever a server says back: not in the outbox, the log or the status; and it stays short."""
    token = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
    said = f"you said Token {KEY}\nand  password = 'Xk9#hunter2secret', {token}. " + "x" * 5000
    mem0.fail("add", answer(400, {"error": said}), times=None)
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url, MEM0_API_KEY=KEY))
    write_log(project, [decision(1)])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"], "refused")
        shown = [daemon.run(*words).stdout for words in (("status",), ("dead", "show", "1"), ("doctor",))]
        shown.append(json.dumps(daemon.status()))
        assert daemon.stop() == 0
    reason = daemon.status()["problems"][0]["what"]
    assert "you said Token [redacted: the key]" in reason
    assert len(reason) < 320
    places = [*shown, *(it.read_bytes().decode("latin-1") for it in daemon.state.rglob("*") if it.is_file())]
    places.append(daemon.said())
    assert not [it for it in (KEY, token, "hunter2secret") for place in places if it in place]


def test_a_folder_that_was_deleted_meanwhile_keeps_no_courier_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may be started from anywhere, and outlive that folder."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert here() == Path("/")
