"""`mem0-syncd list` and `show`: whatever is counted has a name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform
from support.schemas import check

SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"  # an invented one


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon with an item in nearly every state."""
    mem0.fail("add", answer(400, {"error": "no"}), where=says("in case 3"))
    log = [decision(1), decision(2, description=f"The token {SECRET} decided in case 2"), decision(3)]
    write_log(project, [*log, decision(4)])
    with running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon:
        said = daemon.run("remember", "Sessions live in Redis", "--project", "shop")
        assert said.returncode == 0
        wait_until(lambda: daemon.totals()["delivered"] == 4, "four are delivered")
        said = daemon.run("forget", "DEC-20260105-0004", "--project", "shop", "--yes")
        assert said.returncode == 0
        wait_until(lambda: daemon.totals()["dead"] == 1, "one is refused")
        yield daemon


def listed(daemon: Daemon, *arguments: str) -> list[dict[str, Any]]:
    """What `list --json` prints."""
    said = daemon.run("list", "--json", *arguments)
    assert said.returncode == 0, said.stderr
    shown = json.loads(said.stdout)
    check("list", shown)
    items: list[dict[str, Any]] = shown["items"]
    return items


def shown(daemon: Daemon, name: str) -> dict[str, Any]:
    """What `show --json` prints of the only item of a name."""
    said = daemon.run("show", name, "--project", "shop", "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    check("show", found)
    (one,) = found["items"]
    return dict(one)


def test_whatever_is_counted_is_named(daemon: Daemon) -> None:
    """By every state and kind, each with its reason."""
    totals = daemon.totals()
    everything = listed(daemon)
    assert len(everything) == totals["seen"] == 5
    assert Counter(it["state"] for it in everything) == {
        name: count for name, count in totals.items() if count and name != "seen"
    }
    for state in ("delivered", "dead", "withheld", "pending"):
        assert len(listed(daemon, "--state", state)) == totals[state]
    (dead,) = listed(daemon, "--state", "dead")
    assert (dead["id"], "400" in dead["why"]) == ("DEC-20260105-0003", True)
    (withheld,) = listed(daemon, "--state", "withheld", "--project", "shop")
    assert (withheld["id"], withheld["why"]) == ("DEC-20260105-0004", "forgotten")
    (redacted,) = listed(daemon, "--redacted")
    assert (redacted["id"], redacted["redacted"]) == ("DEC-20260105-0002", ["github-token"])
    assert listed(daemon, "--kind", "pattern") == []


def test_the_list_is_for_programs_too(daemon: Daemon) -> None:
    """A line for each, with tabs between; nothing is said where there is nothing."""
    lines = [line.split("\t") for line in daemon.run("list").stdout.splitlines()]
    assert {len(line) for line in lines} == {6}
    assert [line[:4] for line in lines if line[3] == "dead"] == [
        ["DEC-20260105-0003", "shop", "decision", "dead"]
    ]
    none = daemon.run("list", "--state", "accepted")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "there are no such items\n")


def test_an_item_is_shown_whole(daemon: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """From what waits, what is kept, its file, or Mem0: as it is sent, without a secret."""
    (kept,) = (it for it in listed(daemon) if it["source"] == "remember")
    assert shown(daemon, kept["id"])["text"] == "Sessions live in Redis"
    assert "decided in case 3" in shown(daemon, "DEC-20260105-0003")["text"]
    of_file = shown(daemon, "DEC-20260105-0002")["text"]
    assert (SECRET in of_file, "[redacted: github-token]" in of_file) == (False, True)
    (memory,) = (it for it in mem0.memories if "in case 1\n" in it.text)
    write_log(project, [])
    daemon.scan()
    for name in (memory.id, "DEC-20260105-0001"):
        one = shown(daemon, name)
        assert (one["text"], one["memory_ids"]) == (memory.text, [memory.id])
    said = daemon.run("show", "DEC-20260105-0001", "--project", "shop")
    assert "decided in case 1" in said.stdout
    mem0.go_down()
    assert shown(daemon, memory.id)["unread"]


def test_a_memory_of_another_program_is_shown(daemon: Daemon, mem0: Mem0Platform) -> None:
    """If it is in the project's scopes; what isn't known at all is said not to be."""
    ours = mem0.plant("Of another program", user_id="shop-decisions")
    others = mem0.plant("For somebody else", user_id="wiki-decisions")
    one = shown(daemon, ours.id)
    assert (one["state"], one["text"]) == ("foreign", "Of another program")
    for name in (others.id, "%", "DEC-2"):
        said = daemon.run("show", name, "--project", "shop")
        assert (said.returncode, "nothing is known" in said.stderr, said.stdout) == (1, True, "")
