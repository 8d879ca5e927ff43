"""Whatever one project's files hold, or its Mem0 answers, costs no other one anything, and isn't silent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.daemon import wait_until
from support.decision_log import decision, write_log
from support.faults import Answer, Fault
from support.hostile_world import (
    LOG,
    MOST_BYTES,
    PATTERNS,
    QUEUE,
    SYNC_STATE,
    TOML,
    HostileWorld,
)

DEEP = 5_000
MANY_DIGITS = "9" * 1_000_000


def wait_remembered(world: HostileWorld, text: str) -> None:
    """Have the innocent's user put something in by hand, and wait until Mem0 has it."""
    done = world.run("remember", text, "--kind", "decision", "--project", str(world.innocent))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: any(text in it for it in world.texts("innocent")), text)


BREAKING = {
    "nested-toml": (TOML, b"id = " + b"[" * DEEP),
    "nested-tables": (TOML, b"[" + b"a." * DEEP + b"b]\n"),
    "an-endless-number": (TOML, b"exclude = " + MANY_DIGITS[:60_000].encode()),
    "not-utf-8": (TOML, b'id = "\xff\xfe"\n'),
    "a-date-for-an-id": (TOML, b"id = 2026-01-05\n"),
    "infinity-for-kinds": (TOML, b"kinds = [inf, nan]\n"),
    "a-table-for-an-id": (TOML, b"[id]\nx = 1\n"),
    "too-large-toml": (TOML, b"# " + b"x" * (80 << 10) + b'\nid = "a"\n'),
    "a-pattern-that-never-ends": (TOML, b'exclude = ["' + b"*a" * 5_000 + b'b"]\n'),
    "nested-json": (LOG, b'{"decisions": ' + b"[" * DEEP),
    "nested-lines": (PATTERNS, b'{"pattern": ' + b"[" * 200_000 + b"\n"),
    "nested-marks": (SYNC_STATE, b'{"synced_decisions": ' + b"[" * 200_000),
    "a-number-of-a-million-digits": (LOG, b'{"decisions": [{"decision_id": %s}]}' % MANY_DIGITS.encode()),
    "no-number": (LOG, b'{"decisions": [{"decision_id": NaN, "timestamp": -Infinity, "title": 1e999}]}'),
    "halves-of-characters": (LOG, rb'{"decisions": [{"decision_id": "\udc80", "title": "\ud800 is half"}]}'),
    "keys-that-repeat": (LOG, b'{"decisions": 1, "decisions": [{"title": "a", "title": "Twice named"}]}'),
    "nothing-but-zeros": (LOG, b"\0" * 100_000),
    "a-key-of-a-megabyte": (LOG, b'{"decisions": [{"%s": 1}]}' % (b"k" * (1 << 20))),
    "million-marks": (SYNC_STATE, json.dumps({"synced_decisions": ["DEC"] * 1_000_000}).encode()),
}


@pytest.mark.parametrize(("place", "data"), BREAKING.values(), ids=BREAKING.keys())
def test_what_breaks_a_parser_breaks_nothing_else(
    world: HostileWorld, hostile: Path, place: str, data: bytes
) -> None:
    """Another project's file and another project's spool are taken in while it is there."""
    world.watch(hostile)
    world.forget_peak()
    with world.unharmed(hostile):
        (hostile / place).parent.mkdir(parents=True, exist_ok=True)
        (hostile / place).write_bytes(data)
        world.scan()
        wait_remembered(world, f"Goes on beside {hostile.name}")
        world.wait_served()
        status = world.run("status")
        assert status.returncode in {0, 1}
        assert "Traceback" not in status.stderr
    assert world.peak_bytes() < MOST_BYTES
    assert "Traceback" not in world.daemon.said()


def test_a_project_file_that_breaks_a_parser_is_named(world: HostileWorld, hostile: Path) -> None:
    """The status says which project's file it is; what held before holds."""
    world.watch(hostile)
    with world.unharmed(hostile):
        (hostile / TOML).write_bytes(b"id = " + b"[" * DEEP)
        world.wait_named(hostile, TOML)
        write_log(hostile, [decision(1), decision(2)])
        wait_until(lambda: len(world.texts(hostile.name)) == 2, "it goes on as agreed")


LARGE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty-entries": (LOG, lambda: b'{"decisions": [' + b"{}," * 20_000_000 + b"{}]}"),
    "many-entries": (LOG, lambda: b'{"decisions": [' + b"{}," * 130_000 + b"{}]}"),
    "empty-lines": (PATTERNS, lambda: b"\n" * 60_000_000),
    "tiny-lines": (QUEUE, lambda: b"0\n" * 20_000_000),
    "one-line": (QUEUE, lambda: b'{"text": "' + b"a" * 60_000_000),
    "above-the-limit": (LOG, lambda: b" " * (70 << 20)),
    "marks": (SYNC_STATE, lambda: b'{"synced_decisions": [' + b'"",' * 15_000_000 + b'""]}'),
    "bad-lines": (PATTERNS, lambda: b"x\n" * 300_001),
}
WITHIN_LIMITS = ("empty-lines",)
QUICK = ("empty-lines", "bad-lines")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in LARGE]
)
def test_a_file_that_is_made_to_be_large_costs_little(world: HostileWorld, hostile: Path, name: str) -> None:
    """Memory stays small, the others go on, the status says what isn't read, in few lines."""
    place, make = LARGE[name]
    world.watch(hostile)
    world.forget_peak()
    with world.unharmed(hostile):
        (hostile / place).parent.mkdir(parents=True, exist_ok=True)
        beside = hostile / "beside"
        beside.write_bytes(make())
        beside.rename(hostile / place)
        world.wait_served()
        if name not in WITHIN_LIMITS:
            world.wait_named(hostile, place, seconds=120)
        world.wait_served()
    assert world.peak_bytes() < MOST_BYTES
    assert len(world.problems_of(hostile)) <= 25
    assert len(world.run("status").stdout) < 20_000


def test_a_sparse_file_is_not_read_to_its_end(world: HostileWorld, hostile: Path) -> None:
    """A terabyte that takes no room is a problem, and nothing else; what stands behind it is read."""
    world.watch(hostile)
    world.forget_peak()
    with world.unharmed(hostile):
        for place in (LOG, PATTERNS, TOML, SYNC_STATE):
            (hostile / place).parent.mkdir(parents=True, exist_ok=True)
            with (hostile / place).open("ab") as file:
                file.truncate(1 << 40)
                if place == PATTERNS:
                    file.write(b'\n{"agent": "a", "agent_id": "ork:a", "pattern": "Behind a terabyte"}\n')
        for place in (LOG, TOML, SYNC_STATE, PATTERNS):
            world.wait_named(hostile, place)
        wait_until(lambda: world.mem0.texts(f"{hostile.name}-agents"), "what stands behind it")
    assert world.peak_bytes() < MOST_BYTES


HARD_TO_REDACT = {
    "quoted-users": '--user a:b" ' * 350_000,
    "open-quotes": 'password="' * 400_000,
    "equals": "token = " * 500_000,
    "one-word": "a" * 4_000_000,
    "base64": "QUJD" * 1_000_000,
    "keys": "-----BEGIN PRIVATE KEY-----\n" * 150_000,
    "urls": "https://a:" * 400_000,
}


@pytest.mark.parametrize(
    "name", ["quoted-users", *(pytest.param(it, marks=pytest.mark.slow) for it in list(HARD_TO_REDACT)[1:])]
)
def test_a_text_that_is_hard_to_redact_holds_up_nobody(world: HostileWorld, hostile: Path, name: str) -> None:
    """A decision of four megabytes, made for a detector to go to and fro in, takes nobody's time."""
    world.watch(hostile)
    world.forget_peak()
    with world.unharmed(hostile):
        write_log(hostile, [decision(1), decision(2, description=HARD_TO_REDACT[name]), decision(3)])
        wait_until(lambda: len(world.texts(hostile.name)) >= 2, "its neighbours in the log")
        world.wait_served()
        wait_until(
            lambda: world.problems_of(hostile) or world.daemon.totals()["dead"], "what became of it is said"
        )
    assert world.peak_bytes() < MOST_BYTES
    world.run("dead", "drop", "--all")


def gzipped(size: int) -> Answer:
    """An answer of which the unpacked size is this."""
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return Answer(200, gzip.compress(b'{"results": [' + b" " * size, compresslevel=9), headers)


def answering(body: bytes, *, stored: bool = False) -> Fault:
    """A success with these bytes."""
    answer = Answer(200, body, {"content-type": "application/json"})
    return Fault(answer=answer, carried_out="first" if stored else "never")


NO_RECEIPTS = [
    {"id": ["\x1b[2J" * 1_000], "memory": {}, "event": "ADD"},
    {"id": "x" * 100_000, "memory": "y", "event": "ADD"},
    {"id": {"id": "a"}, "event": "ADD"},
    {"id": None, "memory": None, "event": "ADD"},
]


@pytest.mark.parametrize("kind", ["gzip", "endless-pages", "no-receipts"])
def test_a_server_that_answers_without_end_costs_little(
    world: HostileWorld, hostile: Path, kind: str
) -> None:
    """What a Mem0 answers is limited, unpacked, in pages and in kind; when it is well again, so is all."""
    mem0, name = world.mem0, hostile.name

    def is_of_it(body: object) -> bool:
        return f"{name}-decisions" in json.dumps(body)

    if kind == "gzip":
        bomb = Fault(answer=gzipped(600 << 20), carried_out="never")
        mem0.fail("add", bomb, times=1, where=is_of_it)
        mem0.fail("lookup", bomb, times=1, where=is_of_it)
    elif kind == "endless-pages":
        page = {"count": 10**9, "next": f"{mem0.url}/v3/memories/?page=2", "results": []}
        mem0.fail("lookup", answering(json.dumps(page).encode()), times=None, where=is_of_it)
    else:
        for result in NO_RECEIPTS:
            body = json.dumps({"status": "SUCCEEDED", "results": [result]}).encode()
            mem0.fail("add", answering(body), times=1, where=is_of_it)
    world.forget_peak()
    before = len(mem0.requests)
    with world.unharmed(hostile):
        world.watch(hostile)
        if kind == "endless-pages":
            wait_until(lambda: len(mem0.requests) > before + 3, "it has asked")
            world.wait_served()
            mem0.calm()
        wait_until(lambda: world.texts(name), "all is well when the server is")
        wait_until(lambda: world.delivered(hostile) == 1, "a receipt")
    assert world.peak_bytes() < MOST_BYTES
    assert peak_of_courier(world) < 2 * MOST_BYTES
    assert len(world.texts(name)) == 1
    assert len(mem0.requests) < before + 3_000


def peak_of_courier(world: HostileWorld) -> int:
    """The most memory that the courier has had in use."""
    status = Path(f"/proc/{world.daemon.courier}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10
