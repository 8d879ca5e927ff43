"""The command line, as people and scripts use it: data on stdout, talk on stderr, and honest exit codes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.sources.decision_log import PATH
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.faults import answer, says
from support.mem0_platform import Mem0Platform
from support.schemas import check

COUNTS = ("delivered", "pending", "unconfirmed", "accepted", "dead", "skipped", "withheld")


def status(daemon: Daemon) -> tuple[int, dict[str, Any]]:
    """The exit code of `status --json`, and what it printed."""
    said = daemon.run("status", "--json")
    assert not said.stderr
    shown: dict[str, Any] = json.loads(said.stdout)
    check("status", shown)
    for counts in (shown["totals"], *(it for p in shown["projects"] for it in p["kinds"].values())):
        assert counts["seen"] == sum(counts[name] for name in COUNTS)
    return said.returncode, shown


def test_status_is_true_whatever_the_daemon_does(daemon: Daemon, project: Path) -> None:
    """Never started, running, paused, stuck or killed: the counts stay, and the state says which it is."""
    code, shown = status(daemon)
    assert (code, shown["state"], shown["daemon"]["running"]) == (3, "stopped", False)
    assert shown["totals"] == dict.fromkeys(("seen", *COUNTS), 0)
    said = daemon.run("status")
    assert said.stdout.startswith("Not running · nothing seen yet · watch a project: mem0-syncd")

    write_log(project, [decision(1), decision(2), decision(3, description="", title="short")])
    daemon.start()
    wait_until(lambda: daemon.totals()["delivered"] == 2, "two deliveries")
    code, shown = status(daemon)
    assert (code, shown["state"]) == (0, "ok")
    assert shown["daemon"]["pid"] == daemon.pid
    assert datetime.fromisoformat(shown["daemon"]["since"])
    assert datetime.fromisoformat(shown["last_delivery"])
    assert shown["destination"]["name"] == "platform"
    assert shown["destination"]["state"] == "ok"
    counts = {"seen": 3, **dict.fromkeys(COUNTS, 0), "delivered": 2, "withheld": 1}
    (of_project,) = shown["projects"]
    assert (of_project["id"], of_project["path"]) == ("shop", str(project))
    assert (of_project["problems"], of_project["kinds"]) == ([], {"decision": counts})
    assert of_project["destination"] == shown["destination"]["identity"]
    assert shown["totals"] == counts
    text = daemon.run("status")
    headline, _, header, row, *_ = text.stdout.splitlines()
    assert headline == "Running · all 2 items are in Mem0 · nothing to do"
    assert header.split() == ["PROJECT", "KIND", "SEEN", "DELIVERED", "WITHHELD"]
    assert row.split() == ["shop", "decisions", "3", "2", "1"]
    assert "\x1b" not in text.stdout

    assert daemon.run("pause").returncode == 0
    code, shown = status(daemon)
    assert (code, shown["state"]) == (0, "paused")
    assert daemon.run("resume").returncode == 0

    daemon.send(signal.SIGSTOP)
    code, shown = status(daemon)
    assert (code, shown["state"], shown["daemon"]["running"]) == (1, "unresponsive", True)
    assert shown["totals"] == counts
    said = daemon.run("resume")
    assert said.returncode == 1
    assert said.stderr.startswith("mem0-syncd: the daemon doesn't answer\n  where:  ")
    daemon.send(signal.SIGCONT)
    wait_until(daemon.answers, "an answer again")

    daemon.kill()
    code, shown = status(daemon)
    assert (code, shown["state"], shown["daemon"]["pid"]) == (3, "stopped", None)
    assert shown["totals"] == counts
    assert daemon.run("status").stdout.startswith("Not running · all 2 items are in Mem0 · start it")


def test_sync_delivers_with_a_daemon_and_without_one(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """It prints what there is by kind; all delivered is well, whoever delivered it."""
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (0, "nothing to deliver\n")
    write_log(project, [decision(number) for number in (1, 2, 3)])
    said = daemon.run("sync", "--no-wait")
    assert (said.returncode, said.stdout) == (0, "decisions 0/3\n")
    assert "nothing is sent yet" in said.stderr
    assert not mem0.memories
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (0, "decisions 3/3\n")
    with running(daemon):
        write_log(project, [decision(number) for number in (1, 2, 3, 4)])
        said = daemon.run("sync")
        assert (said.returncode, said.stdout) == (0, "decisions 4/4\n")
        assert cases(mem0.texts("shop-decisions").elements()) == [1, 2, 3, 4]
        with mem0.hold("add"):
            write_log(project, [decision(number) for number in (1, 2, 3, 4, 5)])
            said = daemon.run("sync", "--no-wait")
            assert (said.returncode, said.stdout) == (0, "decisions 4/5\n")


def test_sync_of_one_project_leaves_the_other(tmp_path: Path, mem0: Mem0Platform) -> None:
    """Only the named one is read and counted, also when a folder inside it is named."""
    shop, mill = tmp_path / "shop", tmp_path / "mill"
    write_log(shop, [decision(1), decision(2)])
    write_log(mill, [decision(3)])
    daemon = Daemon(tmp_path, [shop, mill], **platform_settings(mem0.url))
    said = daemon.run("sync", str(shop))
    assert (said.returncode, said.stdout) == (0, "decisions 2/2\n")
    assert cases(mem0.texts().elements()) == [1, 2]
    said = daemon.run("sync", str((mill / PATH).parent))
    assert (said.returncode, said.stdout) == (0, "decisions 1/1\n")
    assert cases(mem0.texts().elements()) == [1, 2, 3]
    write_log(tmp_path / "unwatched", [decision(4)])
    said = daemon.run("sync", str(tmp_path / "unwatched"))
    assert said.returncode == 1
    assert f"mem0-syncd project add {tmp_path / 'unwatched'}" in said.stderr


@pytest.mark.parametrize("with_daemon", [True, False], ids=["with a daemon", "without one"])
def test_sync_says_why_not_everything_is_delivered(
    daemon: Daemon, mem0: Mem0Platform, project: Path, *, with_daemon: bool
) -> None:
    """A hold, a pause, a slow Mem0, a refusal: each is an exit code of 1 with its reason."""
    if with_daemon:
        daemon.start()
    mem0.fail("any", answer(401, {"detail": "Invalid API key."}), times=None)
    write_log(project, [decision(1), decision(2)])
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (1, "decisions 0/2\n")
    assert "not everything is delivered: Mem0 doesn't accept the API key; set the right" in said.stderr
    code, shown = status(daemon)
    assert shown["destination"]["state"] == "held"
    assert code == (1 if with_daemon else 3)

    mem0.calm()
    with mem0.hold("add"):
        said = daemon.run("sync", "--timeout", "1", MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS="2")
        assert said.returncode == 1
        assert "not everything is delivered: timed out with " in said.stderr
    mem0.fail("add", answer(400, {"error": "not that one"}), where=says("case 3"), times=None)
    write_log(project, [decision(1), decision(2), decision(3)])
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (1, "decisions 2/3\n")
    assert "not everything is delivered: 1 dead\n" in said.stderr
    assert "  remedy: see: mem0-syncd dead list" in said.stderr

    daemon.run("pause")
    write_log(project, [decision(number) for number in (1, 2, 3, 4)])
    said = daemon.run("sync")
    assert (said.returncode, said.stdout) == (1, "decisions 2/4\n")
    assert "not everything is delivered: paused; go on with: mem0-syncd resume" in said.stderr
    daemon.run("resume")
    if not with_daemon:
        daemon.run("sync")
    wait_until(lambda: cases(mem0.texts().elements()) == [1, 2, 4], "what was paused")


def test_projects_are_added_listed_and_removed(tmp_path: Path, mem0: Mem0Platform) -> None:
    """Each has an id of its own; adding says what would go where, and a dry run stops there."""
    shop, other = tmp_path / "shop", tmp_path / "other/shop"
    for project, number in ((shop, 1), (other, 2)):
        write_log(project, [decision(number), decision(0, title="short", description="")])
    with running(Daemon(tmp_path, [], **platform_settings(mem0.url))) as daemon:
        said = daemon.run("project", "add", str(shop), "--dry-run")
        assert (said.returncode, said.stdout) == (0, "")
        assert "1 item for shop-decisions" in said.stderr
        assert "1 item withheld" in said.stderr
        assert f"to platform {mem0.url}" in said.stderr
        assert daemon.run("project", "list").stdout == ""

        said = daemon.run("project", "add", str(shop))
        assert (said.returncode, said.stdout) == (0, f"shop\t{shop}\n")
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1], "the first one's decision")

        said = daemon.run("project", "add", str(other))
        assert (said.returncode, said.stdout) == (1, "")
        assert f"the id 'shop' is already that of {shop}" in said.stderr
        assert f"mem0-syncd project add {other} --id NAME" in said.stderr
        said = daemon.run("project", "add", str(other), "--id", "Other Shop")
        assert (said.returncode, said.stdout) == (0, f"other-shop\t{other}\n")
        wait_until(lambda: cases(mem0.texts("other-shop-decisions").elements()) == [2], "the other's")
        listed = daemon.run("project", "list").stdout
        assert listed == f"other-shop\t{other}\nshop\t{shop}\n"

        assert daemon.run("project", "remove", "shop").returncode == 0
        assert daemon.run("project", "remove", str(other)).returncode == 0
        assert daemon.run("project", "list").stdout == ""
        write_log(shop, [decision(1), decision(3)])
        daemon.scan()
        wait_until(lambda: daemon.totals()["pending"] == 0, "nothing pending")
        assert cases(mem0.texts().elements()) == [1, 2]


def test_a_dry_run_decides_nothing(tmp_path: Path, mem0: Mem0Platform, project: Path) -> None:
    """Tried out without the key, a project still goes to the Platform when it is added with it."""
    daemon = Daemon(tmp_path, [], **platform_settings(mem0.url))
    assert "to embedded " in daemon.run("project", "add", str(project), "--dry-run", MEM0_API_KEY="").stderr
    assert f"to platform {mem0.url}\n" in daemon.run("project", "add", str(project)).stderr
    assert status(daemon)[1]["destination"]["name"] == "platform"


def test_dead_letters_are_shown_retried_and_dropped(
    daemon: Daemon, mem0: Mem0Platform, project: Path
) -> None:
    """Each has its reason; a retry delivers what is accepted now, and what is dropped doesn't come back."""
    mem0.fail("add", answer(400, {"error": "not today"}), times=3)
    write_log(project, [decision(number) for number in (1, 2, 3)])
    with running(daemon):
        wait_until(lambda: daemon.totals()["dead"] == 3, "three dead letters")
        code, shown = status(daemon)
        assert (code, shown["state"]) == (1, "degraded")
        assert "not today" in shown["problems"][0]["what"]
        letters = [line.split("\t") for line in daemon.run("dead", "list").stdout.splitlines()]
        assert len(letters) == 3
        assert {(about[1], about[2]) for about in letters} == {("shop", "decision")}
        assert all("Mem0 refused it (400)" in about[3] and "not today" in about[3] for about in letters)
        shown_one = daemon.run("dead", "show", letters[0][0])
        assert shown_one.returncode == 0
        assert "user id: shop-decisions" in shown_one.stdout
        (number,) = cases([shown_one.stdout])

        assert daemon.run("dead", "drop", letters[0][0]).returncode == 0
        assert daemon.run("dead", "retry", letters[1][0]).returncode == 0
        wait_until(lambda: daemon.totals()["delivered"] == 1, "the one that was retried")
        assert daemon.run("dead", "retry", "--all").returncode == 0
        wait_until(lambda: daemon.totals()["delivered"] == 2, "the other")
        assert daemon.run("dead", "list").stdout == ""
        daemon.scan()
        assert daemon.totals()["withheld"] == 1
        assert cases(mem0.texts().elements()) == [it for it in (1, 2, 3) if it != number]
        assert status(daemon)[0] == 0
        said = daemon.run("dead", "retry", letters[0][0])
        assert said.returncode == 1
        assert "no dead letter has this id" in said.stderr

        write_log(project, [decision(it, description=f"What was decided in case {it}0") for it in (1, 2, 3)])
        wait_until(lambda: cases(mem0.texts().elements()) == [10, 20, 30], "a new chance for a new revision")


def test_recall_finds_what_is_in_mem0(daemon: Daemon, project: Path) -> None:
    """With a daemon and without one, from any folder of the project, as text and as JSON."""
    write_log(project, [decision(1, title="Orders live in PostgreSQL"), decision(2, title="Dates are UTC")])
    assert daemon.run("sync").returncode == 0

    def ask(*more: str) -> str:
        inside = str((project / PATH).parent)
        said = daemon.run("recall", "orders PostgreSQL", "--project", inside, *more)
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout

    alone = ask()
    assert "Orders live in PostgreSQL" in alone.splitlines()[0]
    with running(daemon):
        assert ask() == alone
        found = json.loads(ask("--json", "--limit", "1"))
        check("recall", found)
        assert (found["schema"], found["project"], len(found["hits"])) == (1, "shop", 1)
        assert found["hits"][0]["user_id"] == "shop-decisions"
        said = daemon.run("recall", "zebra", "--project", str(project))
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "nothing found\n")


def test_recall_names_each_memory_and_leaves_out_what_was_not_asked_for(
    daemon: Daemon, project: Path
) -> None:
    """Its id and date; what is superseded only if asked for, and a decision that is a best practice once."""
    log = [
        decision(1, title="Orders live in MySQL", status="superseded", category="database-schema"),
        decision(2, title="Orders live in PostgreSQL", generalizable=True, category="database-schema"),
        decision(3, title="Orders are exported as CSV", category="api-design"),
    ]
    write_log(project, log)
    assert daemon.run("sync").returncode == 0

    def titles(*more: str) -> set[str]:
        said = daemon.run("recall", "where do orders live", "--project", "shop", "--json", *more)
        found = json.loads(said.stdout)
        check("recall", found)
        assert all(hit["id"] and hit["date"] for hit in found["hits"])
        shown = [hit["text"].partition(":")[0] for hit in found["hits"]]
        assert len(shown) == len(set(shown)), "nothing twice"
        return {title.split()[-1] for title in shown}

    assert titles() == {"PostgreSQL", "CSV"}
    assert titles("--superseded") == {"PostgreSQL", "CSV", "MySQL"}
    assert titles("--category", "API-design") == {"CSV"}
    assert titles("--category", "api-design", "--limit", "1") == {"CSV"}
    assert titles("--agent", "backend") == titles("--since", "2999-01-01") == set()
    assert titles("--since", "1h") == {"PostgreSQL", "CSV"}
    said = daemon.run("recall", "where do orders live", "--project", "shop", "--limit", "1")
    (line,) = (it for it in said.stdout.splitlines() if it.startswith("  id "))
    number, date = line.removeprefix("  id ").split(", ")
    assert len(date) == 10
    assert daemon.run("forget", number, "--project", "shop", "--yes").returncode == 0
    said = daemon.run("recall", "orders", "--project", "shop", "--since", "yesterday")
    assert (said.returncode, "--since takes" in said.stderr) == (2, True)


MISTAKES: Mapping[str, tuple[int, list[str], str]] = {
    "recall before anything": (1, ["recall", "what"], "there is no outbox yet"),
    "dead letters before anything": (1, ["dead", "list"], "there is no outbox yet"),
    "a project that isn't there": (1, ["project", "add", "/nowhere"], "there is no such folder"),
    "the removal of a stranger": (1, ["project", "remove", "stranger"], "no such project is watched"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_error_says_what_where_and_what_to_do(tmp_path: Path, mistake: str) -> None:
    """In one style, on stderr alone, without a traceback."""
    code, arguments, what = MISTAKES[mistake]
    said = Daemon(tmp_path, []).run(*arguments)
    assert (said.returncode, said.stdout) == (code, "")
    first, where, remedy = said.stderr.splitlines()
    assert first == f"mem0-syncd: {what}"
    assert where.startswith("  where:  ")
    assert remedy.startswith("  remedy: ")


BAD_SETTINGS: Mapping[str, tuple[Callable[[Daemon], object], str]] = {
    "an unknown variable": (
        lambda it: it.environment.update(MEM0_SYNCD_FLUSH_SECOND="1"),
        "MEM0_SYNCD_FLUSH_SECOND isn't a setting",
    ),
    "a value of the wrong kind": (
        lambda it: it.environment.update(MEM0_SYNCD_FLUSH_SECONDS="soon"),
        "MEM0_SYNCD_FLUSH_SECONDS",
    ),
    "a list that isn't one": (lambda it: it.environment.update(MEM0_SYNCD_PROJECTS="~/shop"), "projects"),
    "an unknown key in the file": (
        lambda it: Path(it.environment["MEM0_SYNCD_CONFIG_FILE"]).write_text("flush = 1"),
        "flush",
    ),
    "a file that is no TOML": (
        lambda it: Path(it.environment["MEM0_SYNCD_CONFIG_FILE"]).write_text("flush ="),
        "not TOML",
    ),
}


@pytest.mark.parametrize("mistake", BAD_SETTINGS)
def test_a_bad_setting_ends_every_command_that_needs_it(tmp_path: Path, mistake: str) -> None:
    """The exit code is 78, and the message names the setting."""
    daemon = Daemon(tmp_path, [])
    make, what = BAD_SETTINGS[mistake]
    make(daemon)
    said = daemon.run("run")
    assert (said.returncode, said.stdout) == (78, "")
    assert said.stderr.startswith("mem0-syncd: ")
    assert what in said.stderr
    assert "  remedy: " in said.stderr
