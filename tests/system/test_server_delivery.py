"""From a project's log to a self-hosted Mem0 server, through faults, kills and a lost state folder."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, couriers, running, wait_until
from support.decision_log import cases, decision, write_log
from support.faults import answer, drop, hang, store_then
from support.mem0_server import LIST_LIMIT, Mem0Server, upstream

TRUE_KEY = "m0sk-the-true-one"


@pytest.fixture
def mem0(tmp_path: Path) -> Iterator[Mem0Server]:
    """A Mem0 server that keeps what it is sent."""
    with Mem0Server(tmp_path / "server", api_key=TRUE_KEY) as server:
        yield server


def daemon_for(mem0: Mem0Server, folder: Path, *projects: Path, **environment: str) -> Daemon:
    """A daemon whose destination is the server."""
    settings = {
        "MEM0_SYNCD_DESTINATION": "server",
        "MEM0_SYNCD_SERVER__URL": f"{mem0.url}/",
        "MEM0_SYNCD_SERVER__API_KEY": TRUE_KEY,
    }
    folder.mkdir(exist_ok=True)
    return Daemon(folder, list(projects), **{**settings, **environment})


def test_a_log_arrives_is_revised_recalled_and_adopted(
    tmp_path: Path, project: Path, mem0: Mem0Server
) -> None:
    """Each decision is one memory, also after the state folder is lost; the key is nowhere."""
    log = [decision(number) for number in range(6)]
    write_log(project, log)
    daemon = daemon_for(mem0, tmp_path, project)
    with running(daemon):
        daemon.wait_delivered(6)
        log[0] = decision(0, description="What was decided in case 7")
        write_log(project, log)
        daemon.scan()
        wait_until(lambda: cases(mem0.texts()) == [1, 2, 3, 4, 5, 7], "the revision is there")
        daemon.wait_delivered(6)
        assert daemon.status()["destination"]["identity"] == f"server {mem0.url}"
        said = daemon.run("recall", "what was decided in case 3", "--project", str(project))
        assert "case 3" in said.stdout
        assert daemon.stop() == 0
    wait_until(lambda: not couriers(daemon), "no courier is left")
    for file in filter(Path.is_file, daemon.state.rglob("*")):
        assert TRUE_KEY.encode() not in file.read_bytes(), file
    assert TRUE_KEY not in daemon.said()
    shutil.rmtree(daemon.state)
    adds = len(mem0.adds)
    with running(daemon):
        daemon.wait_delivered(6)
    assert len(mem0.adds) == adds
    assert cases(mem0.texts().elements()) == [1, 2, 3, 4, 5, 7]


def test_faults_and_kills_lose_and_double_nothing(tmp_path: Path, project: Path, mem0: Mem0Server) -> None:
    """Lost answers, hangs, 500 and 502, with and without the add carried out; daemon and courier killed."""
    faults = [
        drop(),
        store_then(drop()),
        store_then(answer(500)),
        store_then(upstream("vector_store_unavailable")),
        upstream("provider_unavailable"),
        upstream("unknown"),
        hang(1.5),
        answer(429, headers={"retry-after": "1"}),
    ]
    random.Random(7).shuffle(faults)
    for fault in faults:
        mem0.fail("add", fault)
    mem0.fail("lookup", answer(502), times=2)
    log = [decision(number) for number in range(20)]
    write_log(project, log[:10])
    daemon = daemon_for(mem0, tmp_path, project, MEM0_SYNCD_SERVER__TIMEOUT_SECONDS="1")
    daemon.start(failpoint="stored:2", wait=False)
    wait_until(lambda: '"courier_ended"' in daemon.said(), "the courier was killed")
    daemon.kill()
    write_log(project, log)
    daemon.start(failpoint="answered:5", wait=False)
    daemon.wait_for_end()
    wait_until(lambda: not couriers(daemon), "no courier is left behind")
    with running(daemon):
        daemon.wait_delivered(20)
    assert cases(mem0.texts().elements()) == list(range(20))


def test_a_refused_key_holds_until_it_is_accepted(tmp_path: Path, project: Path, mem0: Mem0Server) -> None:
    """Nothing is lost or counted, the status names the settings, and all flows again without a restart."""
    mem0.api_key = "m0sk-another-one"
    blog = tmp_path / "blog"
    (blog / ".claude").mkdir(parents=True)
    (blog / ".claude/mem0-syncd.toml").write_text('destination = "embedded"')
    write_log(project, [decision(1), decision(2)])
    write_log(blog, [decision(3)])
    daemon = daemon_for(mem0, tmp_path, project, blog)
    with running(daemon):
        wait_until(lambda: daemon.status()["destination"]["state"] == "held", "it is held")
        wait_until(lambda: daemon.totals()["delivered"] == 1, "the other project's destination is well")
        assert "MEM0_SYNCD_SERVER__API_KEY" in str(daemon.status()["problems"])
        mem0.api_key = TRUE_KEY
        daemon.scan()
        daemon.wait_delivered(3)
    assert cases(mem0.texts().elements()) == [1, 2]


@pytest.mark.slow
def test_beyond_what_the_server_lists_each_add_is_looked_for(
    tmp_path: Path, project: Path, mem0: Mem0Server
) -> None:
    """After the state folder is lost, what is there already is found by a search, and not sent again."""
    mem0.fill("shop-decisions", LIST_LIMIT)
    log = [decision(number) for number in range(8)]
    write_log(project, log)
    daemon = daemon_for(mem0, tmp_path, project)
    with running(daemon):
        daemon.wait_delivered(8)
    shutil.rmtree(daemon.state)
    with running(daemon):
        daemon.wait_delivered(8)
        shown = json.loads(daemon.run("verify", "--json").stdout)
        assert (shown["missing"], shown["unlisted"]) == ([], 8)
    assert cases(mem0.texts().elements()) == list(range(8))
