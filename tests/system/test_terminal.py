"""What a person at a terminal sees and types."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from mem0_syncd.destinations.platform import PAGE_SIZE
from mem0_syncd.system.lock import holder
from support.daemon import Daemon, running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform
from support.terminal import CLEARS, LEAVES_SCREEN, finish, spawn, typed_at

STARTS_SLOWLY = """
import pathlib, time
from mem0_syncd.daemon import daemon
begin = daemon.Daemon._begin
def wait(self, running):
    while not pathlib.Path({!r}).exists():
        time.sleep(0.02)
    begin(self, running)
daemon.Daemon._begin = wait
"""


def test_a_watched_status_follows_what_happens(daemon: Daemon, project: Path) -> None:
    """Deliveries, and the daemon's end; nothing is cleared between, and Ctrl-C gives the screen back."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        watching = spawn(daemon.environment, "status", "--watch")
        watching.expect("Running · the one item is in Mem0 · nothing to do")
        write_log(project, [decision(1), decision(2)])
        watching.expect("Running · all 2 items are in Mem0 · nothing to do")
        drawn = watching.before
        daemon.kill()
        watching.expect("Not running · all 2 items are in Mem0 · start it: mem0-syncd run")
    watching.sendintr()
    code, rest = finish(watching)
    assert code == 0
    assert LEAVES_SCREEN in rest
    assert CLEARS not in drawn


def test_a_watched_status_in_a_pipe_says_only_what_has_changed(daemon: Daemon, project: Path) -> None:
    """Plain text, once for each change."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        command = f"{shlex.quote(sys.executable)} -m mem0_syncd status --watch | cat"
        watching = typed_at(["sh", "-c", command], daemon.environment)
        watching.expect("the one item is")
        daemon.kill()
        watching.expect("Not running")
        assert watching.before.count("PROJECT") == 1
        assert "\x1b" not in watching.before
    watching.sendintr()


def test_colours_are_for_terminals_that_want_them(daemon: Daemon) -> None:
    """NO_COLOR is respected by every command."""
    for words in (["status"], ["doctor"]):
        _, coloured = finish(spawn(daemon.environment, *words))
        _, plain = finish(spawn(daemon.environment, *words, NO_COLOR="1"))
        assert re.search(r"\x1b\[[\d;]*3\dm", coloured), words
        assert not re.search(r"\x1b\[[\d;]*3\dm", plain), words


def test_dead_letters_are_looked_at_and_dealt_with(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """The list, one letter whole, and its end: retried once Mem0 takes it, or dropped."""
    mem0.fail("add", answer(400, {"error": "too odd"}), times=None, where=says("Decision 2"))
    write_log(project, [decision(1), decision(2, title="Decision 2")])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"] == 1, "a dead letter")
        code, listed = finish(spawn(daemon.environment, "dead", "list"))
        assert code == 0
        number, name, kind, reason = listed.strip().split("\t")
        assert (name, kind) == ("shop", "decision")
        assert "too odd" in reason
        _, letter = finish(spawn(daemon.environment, "dead", "show", number))
        assert "Decision 2" in letter
        mem0.calm()
        code, said = finish(spawn(daemon.environment, "dead", "retry", number))
        assert (code, said) == (0, "1 to be sent again\n")
        daemon.wait_delivered(2)
        code, said = finish(spawn(daemon.environment, "dead", "drop", number))
        assert code == 1
        assert "remedy: mem0-syncd dead list" in said


SHELLS = {
    "bash": ["bash --norc --noprofile -i", "source <(mem0-syncd completion bash)"],
    "zsh": ["zsh -f -i", "autoload -U compinit && compinit -D; source <(mem0-syncd completion zsh)"],
    "fish": ["fish --no-config -i", "mem0-syncd completion fish | source"],
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_completes_commands_and_options(shell: str, tmp_path: Path) -> None:
    """Typed as a person types them, with the script that `completion` prints."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't installed: its completion isn't shown")
    command, setting_up = SHELLS[shell]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    at = typed_at(shlex.split(command), {**os.environ, "PATH": path, "HOME": str(tmp_path)})
    at.sendline(f"{setting_up}; echo re''ady")
    at.expect("ready\r")
    at.send("mem0-syncd stat\t")
    at.expect("mem0-syncd.*stat.*us")
    at.send(" --wa\t")
    at.expect("--wa.*tch")
    at.close(force=True)


def test_projects_and_dead_letters_are_completed(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """From the outbox; where there is none, nothing is, and nothing is said."""

    def complete(words: str) -> list[str]:
        asked = {"_MEM0_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": words}
        said = daemon.run(**asked, COMP_CWORD=str(words.count(" ")))
        assert not said.stderr
        return said.stdout.split()

    assert complete("mem0-syncd project remove ") == []
    mem0.fail("add", answer(400, {"error": "too odd"}), times=None)
    write_log(project, [decision(1)])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"] == 1, "a dead letter")
        number = daemon.run("dead", "list").stdout.split("\t")[0]
        assert complete("mem0-syncd project remove sh") == ["plain,shop"]
        assert complete("mem0-syncd dead show ") == [f"plain,{number}"]


def test_whoever_waits_is_told_how_far_it_has_come(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """A bar with counts on a terminal, which is gone at the end; the summary stays."""
    write_log(project, [decision(number) for number in range(1, 31)])
    with mem0.hold("add", where=says("Decision number 30")) as held, running(daemon):
        syncing = spawn(daemon.environment, "sync")
        syncing.expect("delivering.*29/30|delivering.*/30")
        held.release()
        code, rest = finish(syncing)
    assert code == 0
    assert "decisions 30/30" in rest


def test_a_comparison_tells_how_many_items_are_compared(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """By a running daemon, as it reads Mem0's pages; in a pipe nobody is told of what is over soon."""
    write_log(project, [decision(number) for number in range(1, 31)])
    daemon.environment["MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS"] = "60"
    for number in range(PAGE_SIZE):
        mem0.plant(f"Of another program, {number}", user_id="shop-decisions")
    with running(daemon):
        daemon.wait_delivered(30)
        pages = itertools.count()
        with mem0.hold("lookup", where=lambda _: next(pages) > 0) as held:
            verifying = spawn(daemon.environment, "verify")
            verifying.expect(r"comparing shop-decisions.*\D26/30")
            held.release()
        code, rest = finish(verifying)
        assert code == 1
        assert "30 delivered items compared with Mem0: 200 foreign" in rest
        assert daemon.run("verify").stderr == ""


def test_verify_waits_for_a_daemon_that_is_just_starting(
    daemon: Daemon, project: Path, tmp_path: Path
) -> None:
    """It has the lock already, and doesn't answer yet; whoever waits is told so."""
    write_log(project, [decision(1)])
    assert daemon.run("sync").returncode == 0
    go_on = tmp_path / "go on"
    with running(daemon, wait=False, prelude=STARTS_SLOWLY.format(str(go_on))):
        wait_until(lambda: holder(daemon.state).get("command") == "run", "the lock is the daemon's")
        verifying = spawn(daemon.environment, "verify")
        verifying.expect("waiting for the daemon")
        go_on.touch()
        code, rest = finish(verifying)
    assert code == 0, rest
    assert "1 delivered item compared with Mem0: all is well" in rest
