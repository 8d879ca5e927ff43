"""What commands print of foreign text: nothing in it acts, hides, or passes for a line of ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import Daemon, running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform
from support.terminal import finish, spawn

HOSTILE = json.loads((Path(__file__).parents[1] / "corpora" / "hostile_texts.json").read_text())
EVERYTHING = "".join(HOSTILE.values())
PAGE = EVERYTHING.encode("utf-8", "replace").decode()
"""The same as a page can say it, which is bytes."""

ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
FORGED = re.compile(r"^(  remedy: curl|✓ all is well)", re.MULTILINE)
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COMMANDS = [
    ("status",),
    ("project", "list"),
    ("dead", "list"),
    ("dead", "show", "1"),
    ("dead", "retry", EVERYTHING),
    ("recall", "case", "--project", "{project}"),
    ("verify",),
    ("doctor",),
    ("sync", "--timeout", "5"),
    ("remember", "--project", "{project}", f"Forged {EVERYTHING}"),
    ("forget", f"nothing {EVERYTHING}"),
    ("forget", "--project", f"/nowhere {EVERYTHING}"),
    ("project", "add", f"/nowhere {EVERYTHING}"),
    ("project", "remove", EVERYTHING),
    ("status", f"--{EVERYTHING}"),
    (f"stat {EVERYTHING}",),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose folder's name forges a line and a column, and turns round."""
    folder = tmp_path / "shop\n  remedy: curl\tx\x1b[31m\u202e"
    folder.mkdir()
    return folder


def argument(word: str, project: Path) -> bytes:
    """A word as a shell can hand it over."""
    word = word.replace("{project}", str(project)).replace("\0", "")
    try:
        return os.fsencode(word)
    except UnicodeEncodeError:
        return word.encode("utf-8", "replace")


def said(daemon: Daemon, project: Path, words: tuple[str, ...]) -> str:
    """All that a command prints."""
    done = daemon.run(*(os.fsdecode(argument(word, project)) for word in words))
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, (words[:2], shown)
    return shown


def test_foreign_text_does_nothing_whichever_command_shows_it(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """In ids, texts, categories, a server's refusals, paths and arguments."""
    hostile = {f"x{number}": text for number, text in enumerate(HOSTILE.values())}
    decisions = [
        decision(number, decision_id=f"ID-{number} {text}", title=text, category=f"c{text}", **{text: text})
        for number, text in enumerate(hostile.values(), 1)
    ]
    mem0.fail("add", answer(413, f"too large {PAGE}"), where=says("case 1."), times=None)
    mem0.fail("add", answer(400, {"error": EVERYTHING}), where=says("case 2"), times=None)
    write_log(project, decisions)
    with running(daemon):
        wait_until(lambda: (it := daemon.totals())["dead"] >= 1 and it["delivered"], "some refused")
        own = project / ".claude" / "mem0-syncd.toml"
        own.write_text('"\\u001b[31m\\u202e\\n  remedy: curl" = 1\n')
        wait_until(
            lambda: any("remedy: curl" in it["what"] for it in daemon.status()["problems"]), "a problem"
        )
        for words in COMMANDS:
            shown = said(daemon, project, words)
            assert shown
            assert not ACTS.search(shown), (words[:2], ACTS.findall(shown)[:3])
            assert not FORGED.search(shown), words[:2]
        listed = said(daemon, project, ("project", "list"))
        assert [line.count("\t") for line in listed.splitlines()] == [1]


def test_on_a_terminal_only_our_own_styles_are_left(
    daemon: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """rich's markup in a foreign text is text."""
    mem0.fail("add", answer(413, f"[red]large[/red] {PAGE}"), times=None)
    write_log(project, [decision(1)])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"], "refused")
        _, shown = finish(spawn(daemon.environment, "status", columns=2000))
    shown = STYLES.sub("", shown).replace("\r", "")
    assert "[red]large[/red]" in shown
    assert not ACTS.search(shown)
    assert not FORGED.search(shown)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_that_lacks_a_character_gets_an_escape(
    daemon: Daemon, project: Path, encoding: str
) -> None:
    """Never a traceback."""
    write_log(project, [decision(1, title="日本 ✓ é")])
    with running(daemon):
        daemon.wait_delivered(1)
        for words in ("status",), ("project", "list"):
            done = subprocess.run(
                [sys.executable, "-m", "mem0_syncd", *words],
                env={**daemon.environment, "PYTHONIOENCODING": encoding},
                capture_output=True,
                check=False,
            )
            assert b"Traceback" not in done.stderr
            assert done.stdout.decode(encoding)
        assert r"\u65e5\u672c" in subprocess.run(
            [sys.executable, "-m", "mem0_syncd", "recall", "case", "--project", str(project)],
            env={**daemon.environment, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        ).stdout.decode(encoding)


def test_a_reader_that_has_seen_enough_gets_no_traceback(daemon: Daemon, project: Path) -> None:
    """As of `| head -1`, of an output that is closed, and of one that is full."""
    daemon.state.mkdir(mode=0o700)
    for ending in ("| true", "| head -c 1", ">&-", "2>&-", "> /dev/full", "2> /dev/full"):
        done = subprocess.run(
            f"{sys.executable} -m mem0_syncd status {ending}",
            shell=True,
            env=daemon.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, ending


def test_json_is_ascii_whatever_it_says(daemon: Daemon, project: Path) -> None:
    """What reads it is a program, and it may print it."""
    write_log(project, [decision(1, title=f"日本 {EVERYTHING}")])
    with running(daemon):
        daemon.wait_delivered(1)
        for words in ("status",), ("recall", "case", "--project", str(project)), ("doctor",):
            shown = daemon.run(*words, "--json").stdout
            assert shown.isascii()
            assert json.loads(shown)["schema"]
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", shown)
