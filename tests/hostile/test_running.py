"""Nothing that stands in a watched folder is run: no module, no hook, no command that git would run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from support.daemon import Daemon, running, wait_until
from support.decision_log import decision, write_log
from support.hostile_world import HostileWorld
from support.mem0_platform import Mem0Platform

MODULES = (
    *("calendar", "numpy", "mem0", "httpx", "json", "random", "socket", "ssl", "sqlite3", "typing"),
    *(
        "sitecustomize",
        "usercustomize",
        "readline",
        "qdrant_client",
        "onnxruntime",
        "tokenizers",
        "detect_secrets",
    ),
    *(
        "click",
        "rich",
        "structlog",
        "watchdog",
        "apscheduler",
        "dulwich",
        "tomllib",
        "mem0_syncd",
        "encodings",
    ),
)
PROGRAM = Path(sys.executable).with_name("mem0-syncd")


def plant(folder: Path, sign: Path) -> None:
    """Put a module for every name into a folder that says when it is run, and with which key."""
    code = f"import os\nopen({str(sign)!r}, 'a').write(__name__ + os.environ.get('MEM0_API_KEY', ''))\n"
    for name in MODULES:
        if name in {"mem0", "mem0_syncd", "rich"}:
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(code)
            (folder / name / "__main__.py").write_text(code)
        else:
            (folder / f"{name}.py").write_text(code)
    (folder / "x.pth").write_text(f"import os; open({str(sign)!r}, 'a').write('pth')\n")
    (folder / "pyvenv.cfg").write_text("home = .\n")
    (folder / ".env").write_text("MEM0_SYNCD_PLATFORM__HOST=http://127.0.0.1:1\nMEM0_API_KEY=stolen\n")
    (folder / "config.toml").write_text('destination = "server"\n')


class DaemonIn(Daemon):
    """A daemon that is started in some folder, as the installed program."""

    folder: Path

    def spawn(self, command: list[str], environment: Any, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([str(PROGRAM), "run"], env=environment, stderr=log, cwd=self.folder)


@pytest.fixture
def installed() -> Path:
    """The program as a user calls it."""
    if not PROGRAM.is_file():
        pytest.skip("the program isn't installed")
    return PROGRAM


@pytest.mark.parametrize("destination", ["platform", pytest.param("embedded", marks=pytest.mark.slow)])
def test_no_module_in_the_folder_that_one_is_in_is_run(
    tmp_path: Path, mem0: Mem0Platform, installed: Path, destination: str
) -> None:
    """Daemon, courier and every command may be started in a stranger's folder."""
    world = HostileWorld(tmp_path, mem0, MEM0_SYNCD_DESTINATION=destination)
    hostile = world.clone("stranger")
    sign = tmp_path / "sign"
    plant(hostile, sign)
    daemon = DaemonIn(tmp_path / "own", [])
    daemon.environment, daemon.folder = world.daemon.environment, hostile
    world.daemon = daemon
    with running(daemon):
        told = {"session_id": "s-1", "cwd": str(hostile), "hook_event_name": "SessionEnd"}
        for arguments in (
            ["project", "add", "."],
            ["sync"],
            ["recall", "Harmless"],
            ["status"],
            ["remember", "Something that is long enough", "--kind", "decision"],
            ["doctor"],
            ["verify"],
            ["hook"],
        ):
            done = subprocess.run(
                [str(installed), *arguments],
                env=daemon.environment,
                cwd=hostile,
                input=json.dumps(told),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode in {0, 1}, done.stderr
            assert "Traceback" not in done.stderr
        daemon.wait_delivered(3)
        assert not sign.exists(), sign.read_text()
    assert not sign.exists(), sign.read_text()


def test_what_the_installer_puts_into_an_agents_hooks_runs_nothing_of_the_folder(
    world: HostileWorld, hostile: Path, tmp_path: Path
) -> None:
    """Hooks run in the folder of whatever session there is."""
    sign = tmp_path / "sign"
    plant(hostile, sign)
    with world.unharmed(hostile):
        assert world.run("claude", "install", "--project", str(hostile)).returncode == 0
        hooks = json.loads((hostile / ".claude/settings.json").read_text())["hooks"]
        commands = {it["command"] for groups in hooks.values() for group in groups for it in group["hooks"]}
        assert commands
        for command in commands:
            subprocess.run(
                command,
                shell=True,
                cwd=hostile,
                env=world.daemon.environment,
                input=json.dumps({"session_id": "s", "cwd": str(hostile), "hook_event_name": "SessionEnd"}),
                text=True,
                check=True,
                capture_output=True,
            )
    assert not sign.exists(), sign.read_text()


def test_the_courier_has_no_more_of_the_environment_than_it_needs(world: HostileWorld) -> None:
    """What the user's shell holds for other programs isn't handed on, and it works in nobody's folder."""
    world.wait_served()
    pid = wait_until(lambda: world.daemon.courier, "a courier")
    assert b"AWS_SECRET_ACCESS_KEY" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"GIT_ASKPASS" not in Path(f"/proc/{pid}/environ").read_bytes()
    folder = Path(f"/proc/{pid}/cwd").readlink()
    assert folder not in {Path.cwd(), world.home, world.innocent}


HISTORIES = ("partial-clone", "alternates", "replaced", "linked", "bare")


@pytest.mark.skipif(not shutil.which("git"), reason="git isn't installed")
@pytest.mark.parametrize("kind", HISTORIES)
def test_no_command_that_a_repository_names_is_run(
    world: HostileWorld, hostile: Path, tmp_path: Path, kind: str
) -> None:
    """A configuration of git can name commands; with git itself this one runs, with us it doesn't."""
    sign = tmp_path / "sign"
    trap(hostile, sign, kind)
    if kind == "partial-clone":
        subprocess.run(["git", "rev-list", "HEAD"], cwd=hostile, capture_output=True, env=_ENV, check=False)
        assert sign.exists(), "the trap works"
        sign.unlink()
    with world.unharmed(hostile):
        world.add(hostile, "--dry-run")
        world.watch(hostile)
        wait_until(lambda: world.texts(hostile.name), "what it had")
        for arguments in (["verify"], ["sync"], ["status"], ["recall", "Harmless"]):
            world.run(*arguments, cwd=hostile)
        world.end_session(hostile)
        world.scan()
    assert not sign.exists(), sign.read_text()


_ENV = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def trap(project: Path, sign: Path, kind: str) -> None:
    """Make a folder a repository whose configuration names a command that leaves a sign."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=project, env=_ENV, check=True, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "-q", "-b", "main")
    git("add", "-A")
    for number in range(3):
        git("commit", "-q", "--allow-empty", "-m", f"Commit {number}")
    command = f"sh -c 'echo run >> {sign}'"
    own = project / ".git"
    config = f"""
[core]
\trepositoryformatversion = 1
\tfsmonitor = "{command}"
\tsshCommand = "{command}"
\thooksPath = {project}/hooks
\tpager = "{command}"
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = {project}/elsewhere
\tpromisor = true
\tuploadpack = "{command}; true"
[filter "evil"]
\tclean = "{command}"
\tsmudge = "{command}"
[include]
\tpath = /dev/zero
"""
    config = config if kind != "partial-clone" else config.replace("[include]\n\tpath = /dev/zero\n", "")
    first = git("rev-list", "--max-parents=0", "HEAD")
    (own / "config").write_text(config)
    (project / "hooks").mkdir()
    for name in ("post-index-change", "reference-transaction", "post-checkout"):
        hook = project / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{command}\n")
        hook.chmod(0o755)
    (project / ".gitattributes").write_text("* filter=evil\n")
    if kind == "partial-clone":
        (own / "objects" / first[:2] / first[2:]).unlink()
    elif kind == "alternates":
        (own / "objects/info").mkdir(exist_ok=True)
        (own / "objects/info/alternates").write_text("/proc/self/fd\n/dev\n../../../private/.git/objects\n")
    elif kind == "replaced":
        for place in ("HEAD", "packed-refs", "shallow"):
            (own / place).unlink(missing_ok=True)
            os.mkfifo(own / place)
    elif kind == "linked":
        for place in ("objects", "refs"):
            shutil.rmtree(own / place)
            (own / place).symlink_to("/dev/fd")
    elif kind == "bare":
        own.rename(project / "bare.git")
        own.write_text("gitdir: bare.git\n")


def test_a_decision_that_looks_like_a_command_is_a_text(world: HostileWorld, hostile: Path) -> None:
    """What an entry says is sent as it is written, and run by nobody."""
    said = "$(touch PWNED) `touch PWNED`; touch PWNED; ${IFS}touch${IFS}PWNED #{7*7} {{7*7}} %s %n"
    with world.unharmed(hostile):
        write_log(hostile, [decision(1, decision_id=said, title=said, category=said)])
        world.watch(hostile)
        wait_until(lambda: world.texts(hostile.name), "the decision")
        for arguments in (["recall", said], ["status"]):
            world.run(*arguments, cwd=hostile)
    assert said in world.texts(hostile.name)[0]
    assert not list(world.home.rglob("PWNED"))
