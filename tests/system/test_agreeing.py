"""Consent: what a project's own file asks for beyond what was agreed waits until its user agrees."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from mem0_syncd.system.state_folder import OUTBOX
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_platform import Mem0Platform
from support.old_outboxes import fixture
from support.schemas import check
from support.terminal import finish, spawn


def asks(project: Path, text: str) -> None:
    """Have the project's own file ask for something."""
    file = project / ".claude/mem0-syncd.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def shown(daemon: Daemon, project: str) -> dict[str, Any]:
    """What the status says of a project."""
    status = daemon.status()
    check("status", status)
    (found,) = [it for it in status["projects"] if it["id"] == project]
    return dict(found)


def waiting(daemon: Daemon) -> list[dict[str, str]]:
    """The problems that a person's word is the way out of."""
    return [it for it in daemon.status()["problems"] if "project accept" in it["remedy"]]


@pytest.fixture
def neighbour(tmp_path: Path) -> Path:
    """An innocent project, with one decision."""
    folder = tmp_path / "blog"
    write_log(folder, [decision(90)])
    return folder


@pytest.fixture
def both(tmp_path: Path, project: Path, neighbour: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon of a project and its neighbour, not yet started."""
    daemon = Daemon(tmp_path, [project, neighbour], **platform_settings(mem0.url))
    yield daemon
    daemon.end()


def serves(daemon: Daemon, neighbour: Path, mem0: Mem0Platform, number: int) -> None:
    """The neighbour's next decision arrives."""
    write_log(neighbour, [decision(90), decision(number)])
    wait_until(lambda: number in cases(mem0.texts("blog-decisions").elements()), "the neighbour's decision")


# Destinations -----------------------------------------------------------------------------------------------


def test_a_pulled_destination_sends_nothing_there_until_it_is_agreed_to(
    tmp_path: Path, project: Path, neighbour: Path, mem0: Mem0Platform
) -> None:
    """The user's setting is the local store: that goes on, and the status names what is asked for."""
    write_log(project, [decision(1)])
    settings = platform_settings(mem0.url, MEM0_SYNCD_DESTINATION="embedded")
    daemon = Daemon(tmp_path, [project, neighbour], **settings)
    with running(daemon):
        daemon.wait_delivered(2)
        asks(project, 'destination = "platform"')
        write_log(project, [decision(1), decision(2)])
        (problem,) = wait_until(lambda: waiting(daemon), "the problem")
        assert "destination platform (agreed: embedded)" in problem["what"]
        assert problem["where"] == str(project / ".claude/mem0-syncd.toml")
        assert problem["remedy"] == "if you agree: mem0-syncd project accept shop"
        daemon.wait_delivered(3)
        assert mem0.texts() == {}
        assert shown(daemon, "shop")["consent"]["waiting"] == ["destination"]
        assert daemon.stop() == 0
    with running(daemon):  # nor does a restart without the file, and with it again, overrule anybody
        asks(project, "")
        daemon.scan()
        assert waiting(daemon) == []
        asks(project, 'destination = "platform"')
        wait_until(lambda: waiting(daemon), "the problem again")
        assert mem0.texts() == {}
        said = daemon.run("project", "accept", "shop", "--yes")
        assert said.returncode == 0, said.stderr
        assert "destination: platform" in said.stdout
        wait_until(lambda: cases(mem0.texts().elements()) == [1, 2], "what was agreed to")
        assert waiting(daemon) == []


def test_without_a_terminal_nobody_agrees_by_accident(tmp_path: Path, project: Path) -> None:
    """It takes --yes; without it nothing is done, and the exit code is that of wrong usage."""
    daemon = Daemon(tmp_path, [])
    assert daemon.run("project", "add", str(project)).returncode == 0
    assert daemon.run("project", "accept", "shop").returncode == 0
    asks(project, 'kinds = ["decision"]')
    assert daemon.run("sync").returncode == 0
    asks(project, 'kinds = ["decision", "agent_pattern"]\nexclude = []')
    daemon.run("sync")
    assert not waiting(daemon), "all kinds were agreed to when it was added"
    asks(project, 'id = "till"')
    daemon.run("sync")
    refused = daemon.run("project", "accept", str(project))
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert "id: till (now: shop)" in refused.stdout
    daemon.run("sync")
    assert [it["id"] for it in daemon.status()["projects"]] == ["shop"]
    assert waiting(daemon)
    assert daemon.run("project", "accept", str(project), "--yes").returncode == 0
    daemon.run("sync")
    assert daemon.run("project", "list").stdout == f"till\t{project}\n"
    assert daemon.run("project", "accept", "nobody").returncode == 1


def test_on_a_terminal_a_person_is_asked(tmp_path: Path, project: Path) -> None:
    """Whoever says no has agreed to nothing."""
    daemon = Daemon(tmp_path, [])
    assert daemon.run("project", "add", str(project)).returncode == 0
    asks(project, 'id = "till"')
    daemon.run("sync")
    for answer, listed in (("n", "shop"), ("y", "till")):
        terminal = spawn(daemon.environment, "project", "accept", "shop")
        terminal.expect("Do you agree")
        terminal.sendline(answer)
        assert finish(terminal)[0] == (answer == "n")
        daemon.run("sync")
        assert daemon.run("project", "list").stdout == f"{listed}\t{project}\n"


# Ids --------------------------------------------------------------------------------------------------------


def test_a_file_takes_no_id_of_a_project_that_is_away(
    both: Daemon, tmp_path: Path, project: Path, neighbour: Path, mem0: Mem0Platform
) -> None:
    """It is still watched when it is back, and what it has in Mem0 is its own."""
    write_log(project, [decision(1)])
    thief = tmp_path / "thief"
    asks(thief, 'id = "shop"')
    write_log(thief, [decision(1, title="Stolen")])
    with running(both):
        both.wait_delivered(2)
        assert both.stop() == 0
    away = project.rename(tmp_path / "elsewhere")
    both.environment["MEM0_SYNCD_PROJECTS"] = json.dumps([str(it) for it in (project, neighbour, thief)])
    with running(both, mend_seconds=0.2):
        (problem,) = wait_until(lambda: waiting(both), "the problem")
        assert "id shop" in problem["what"]
        assert problem["where"].startswith(str(thief))
        refused = both.run("project", "add", str(thief))
        assert refused.returncode == 1
        assert "which is not there now" in refused.stderr
        assert both.run("project", "accept", str(thief), "--yes").returncode == 1
        serves(both, neighbour, mem0, 91)
        assert [it["path"] for it in both.status()["projects"] if it["id"] == "shop"] == [str(project)]
        away.rename(project)
        write_log(project, [decision(1), decision(2)])
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1, 2], "it is back")
    assert b"Stolen" not in mem0.received


def test_a_listed_project_that_asks_for_an_id_goes_under_no_other(
    tmp_path: Path, project: Path, neighbour: Path, mem0: Mem0Platform
) -> None:
    """It waits, also while its file is gone, until its user agrees or says so in the list."""
    asks(project, 'id = "till"')
    write_log(project, [decision(1)])
    daemon = Daemon(tmp_path, [project, neighbour], **platform_settings(mem0.url))
    with running(daemon, mend_seconds=0.2):
        wait_until(lambda: waiting(daemon), "the problem")
        (project / ".claude/mem0-syncd.toml").unlink()
        serves(daemon, neighbour, mem0, 91)
        daemon.scan()
        assert {it["id"] for it in daemon.status()["projects"]} == {"blog"}
        said = daemon.run("project", "accept", str(project), "--yes")
        assert said.returncode == 0, said.stderr
        wait_until(lambda: cases(mem0.texts("till-decisions").elements()) == [1], "it goes as it asked for")
        assert daemon.stop() == 0
    said_in_the_list = [{"path": str(project), "id": "cash", "destination": "embedded"}, str(neighbour)]
    daemon.environment["MEM0_SYNCD_PROJECTS"] = json.dumps(said_in_the_list)
    with running(daemon):
        wait_until(lambda: "cash" in [it["id"] for it in daemon.status()["projects"]], "the user's id")
        wait_until(lambda: "embedded" in str(shown(daemon, "cash")["destination"]), "the user's destination")
    assert mem0.texts("cash-decisions") == {}


# The global scope -------------------------------------------------------------------------------------------


def test_a_best_practice_that_comes_later_waits_for_its_users_word(
    both: Daemon, project: Path, neighbour: Path, mem0: Mem0Platform
) -> None:
    """Until then it is in no other project's recall; its project's own scope has it as usual."""
    write_log(project, [decision(1)])
    with running(both):
        both.wait_delivered(2)
        write_log(project, [decision(1), decision(2, generalizable=True)])
        (problem,) = wait_until(lambda: waiting(both), "the problem")
        assert problem["what"].startswith("a best practice waits")
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1, 2], "its own scope")
        assert shown(both, "shop")["kinds"]["best_practice"]["withheld"] == 1
        assert shown(both, "shop")["consent"]["global"] == "waits"
        assert mem0.texts(GLOBAL_BEST_PRACTICES) == {}
        assert both.run("project", "accept", "shop", "--yes").returncode == 0
        wait_until(lambda: cases(mem0.texts(GLOBAL_BEST_PRACTICES).elements()) == [2], "what was agreed to")
        wait_until(lambda: not waiting(both), "nothing waits")
        query = ("recall", "what was decided in case 2", "--project", str(neighbour))
        assert "(best practice from shop) " in both.run(*query).stdout
        said = json.loads(both.run(*query, "--json").stdout)
        check("recall", said)
        assert [it["project"] for it in said["hits"] if it["user_id"] == GLOBAL_BEST_PRACTICES] == ["shop"]


def test_what_is_there_at_the_first_scan_of_a_listed_project_is_agreed(
    both: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """And what comes after it, too."""
    write_log(project, [decision(1, generalizable=True)])
    with running(both):
        both.wait_delivered(3)
        write_log(project, [decision(1, generalizable=True), decision(2, generalizable=True)])
        both.wait_delivered(5)
    assert cases(mem0.texts(GLOBAL_BEST_PRACTICES).elements()) == [1, 2]


@pytest.mark.parametrize(
    ("options", "sent"), [((), [1, 2]), (("--global",), [1, 2]), (("--no-global",), [])], ids=str
)
def test_to_add_a_project_shows_its_best_practices_and_agrees_to_them(
    tmp_path: Path, project: Path, mem0: Mem0Platform, options: tuple[str, ...], sent: list[int]
) -> None:
    """Unless they are declined."""
    write_log(project, [decision(1, generalizable=True)])
    daemon = Daemon(tmp_path, [], **platform_settings(mem0.url))
    said = daemon.run("project", "add", str(project), *options)
    assert said.returncode == 0
    assert ("1 best practice would turn up" in said.stderr) == bool(sent)
    write_log(project, [decision(1, generalizable=True), decision(2, generalizable=True)])
    assert daemon.run("sync").returncode == 0
    assert cases(mem0.texts(GLOBAL_BEST_PRACTICES).elements()) == sent
    assert not waiting(daemon)


def test_a_project_without_best_practices_may_have_them_agreed_to_beforehand(
    tmp_path: Path, project: Path, mem0: Mem0Platform
) -> None:
    """By `--global`; without it they wait, and what a person says by hand never does."""
    write_log(project, [decision(1)])
    daemon = Daemon(tmp_path, [], **platform_settings(mem0.url))
    for options, waits in (((), True), (("--global",), False)):
        assert daemon.run("project", "add", str(project), *options).returncode == 0
        write_log(project, [decision(1), decision(2, generalizable=True)])
        daemon.run(
            "remember", "Name tests as sentences", "--kind", "best-practice", "--project", str(project)
        )
        daemon.run("sync")
        assert bool(waiting(daemon)) == waits
        assert cases(mem0.texts(GLOBAL_BEST_PRACTICES).elements()) == ([] if waits else [2])
        assert "Name tests as sentences" in mem0.texts(GLOBAL_BEST_PRACTICES)


# The file as it is shown, and as it breaks ------------------------------------------------------------------


def test_to_add_a_project_shows_what_its_file_asks_for(tmp_path: Path, project: Path) -> None:
    """`--dry-run` stops there; else it is agreed to."""
    asks(project, 'id = "till"\nkinds = ["decision"]\nexclude = ["x*"]\ndestination = "server"')
    daemon = Daemon(tmp_path, [], MEM0_SYNCD_SERVER__URL="http://127.0.0.1:1")
    lines = ("id till", "kinds decision", "exclude 'x*'", "destination server")
    for options in (("--dry-run",), ()):
        said = daemon.run("project", "add", str(project), *options)
        assert said.returncode == 0
        for line in lines:
            assert f"  its own file asks for: {line}\n" in said.stderr
        assert bool(said.stdout) == (not options)
    consent = {"destination": "server", "kinds": ["decision"], "exclude": ["x*"], "global": "waits"}
    assert shown(daemon, "till")["consent"] == {**consent, "waiting": []}


@pytest.mark.parametrize("text", ['destination = "nowhere"', "not TOML", None])
def test_a_file_that_breaks_or_is_gone_changes_nothing_that_was_agreed(
    both: Daemon, project: Path, mem0: Mem0Platform, text: str | None
) -> None:
    """Not after a restart either: what it had excluded stays here."""
    asks(project, 'exclude = ["secret"]')
    write_log(project, [decision(1)])
    with running(both):
        both.wait_delivered(2)
        assert both.stop() == 0
    file = project / ".claude/mem0-syncd.toml"
    file.unlink() if text is None else file.write_text(text)
    write_log(project, [decision(1), decision(2, category="secret"), decision(3)])
    with running(both):
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1, 3], "what isn't excluded")
        assert len(both.status()["problems"]) == (text is not None)
        assert shown(both, "shop")["kinds"]["decision"]["withheld"] == 1


# Marks ------------------------------------------------------------------------------------------------------


def mark(project: Path, *ids: str) -> None:
    """Have a sync-state file list ids."""
    path = project / SYNC_STATE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": "1.0", "synced_decisions": list(ids)}))


def lookups(mem0: Mem0Platform) -> int:
    """How often it was looked up what is there."""
    return sum(seen.kind == "lookup" for seen in mem0.requests)


def let_pass(daemon: Daemon, seconds: float) -> None:
    """Have time pass since everything was seen, for a daemon that doesn't run."""
    with closing(sqlite3.connect(daemon.state / OUTBOX)) as connection:
        connection.execute("UPDATE foreign_mark SET seen_at = seen_at - ?", (seconds,))
        connection.execute("UPDATE item SET seen_at = seen_at - ?", (seconds,))
        connection.commit()


def test_a_mark_that_came_with_the_repository_hides_no_decision_to_come(
    both: Daemon, project: Path, neighbour: Path, mem0: Mem0Platform
) -> None:
    """What it held at the first scan is skipped; the decisions of later are sent, after a look, and named."""
    later = [decision(number) for number in range(10, 15)]
    ids = [str(it["decision_id"]) for it in later]
    mark(project, *ids, str(decision(1)["decision_id"]))
    write_log(project, [decision(1), decision(2)])
    with running(both):
        wait_until(lambda: both.totals()["skipped"] == 1, "the mark of what was there")
        assert both.stop() == 0
    let_pass(both, 3600.0)
    with running(both):
        wait_until(lambda: both.totals()["delivered"] == 2, "the start")
        looks = lookups(mem0)
        write_log(project, [decision(1), decision(2), *later])
        arrived = [2, *range(10, 15)]
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == arrived, "what was marked early")
        assert lookups(mem0) > looks
        serves(both, neighbour, mem0, 91)
        assert shown(both, "shop")["early_marks"] == ids
        assert shown(both, "shop")["kinds"]["decision"]["skipped"] == 1
    said = both.run("status").stdout
    assert f"early marks    shop: {', '.join(ids)} were marked before they were written" in said


def test_a_mark_that_comes_after_its_decision_counts(both: Daemon, project: Path, mem0: Mem0Platform) -> None:
    """However long the decision was there: here it was excluded when it was first seen."""
    asks(project, 'exclude = ["DEC-20260105-0002"]')
    write_log(project, [decision(1), decision(2)])
    with running(both):
        wait_until(lambda: both.totals()["delivered"] == 2, "the others")
        assert both.stop() == 0
    let_pass(both, 3600.0)
    mark(project, str(decision(2)["decision_id"]))
    with running(both):
        both.scan()
        assert both.run("project", "add", str(project)).returncode == 0
        asks(project, "exclude = []")
        both.run("project", "accept", "shop", "--yes")
        wait_until(lambda: both.totals()["skipped"] == 1, "the mark")
    assert cases(mem0.texts("shop-decisions").elements()) == [1]


# Upgrades ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["", 'id = "other"\nexclude = ["x*"]\ndestination = "platform"'])
def test_an_upgrade_takes_what_the_outbox_follows_as_agreed(
    tmp_path: Path, project: Path, mem0: Mem0Platform, file: str
) -> None:
    """Nothing waits that was followed before; what changes from then on does."""
    daemon = Daemon(tmp_path, [], **platform_settings(mem0.url))
    daemon.state.mkdir()
    with closing(sqlite3.connect(daemon.state / OUTBOX)) as connection:
        connection.executescript(fixture(5).read_text(encoding="utf-8"))
        connection.execute("UPDATE destination SET address = ?", (mem0.url,))
        connection.execute("UPDATE project SET path = ?, destination = 1", (str(project),))
        connection.execute("DELETE FROM entry")
        connection.commit()
    asks(project, file)
    write_log(project, [decision(1)])
    with running(daemon):
        wait_until(lambda: cases(mem0.texts("shop-decisions").elements()) == [1], "the delivery")
        assert not waiting(daemon)
        asks(project, 'exclude = []\ndestination = "server"')
        wait_until(lambda: waiting(daemon), "what was never followed")
        assert "server" in waiting(daemon)[0]["what"]


def test_a_project_that_had_delivered_best_practices_goes_on_after_an_upgrade(
    both: Daemon, project: Path, mem0: Mem0Platform
) -> None:
    """Its outbox knows no consent yet."""
    write_log(project, [decision(1, generalizable=True)])
    with running(both):
        both.wait_delivered(3)
        assert both.stop() == 0
    with closing(Outbox.open(both.state)) as outbox, outbox.transaction() as sql:
        sql.execute("DELETE FROM consent")
    write_log(project, [decision(1, generalizable=True), decision(2, generalizable=True)])
    with running(both):
        both.wait_delivered(5)
        assert shown(both, "shop")["consent"]["global"] == "agreed"
    assert cases(mem0.texts(GLOBAL_BEST_PRACTICES).elements()) == [1, 2]
