"""A store of the user's own: pgvector on a real PostgreSQL, with two daemons on two clones of a project."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.config import mem0_config
from mem0_syncd.core.destination_kinds import Guarantee
from mem0_syncd.core.outcome import Found, Gone, Held, Later, Refused, Stored
from mem0_syncd.destinations import CannotOpen
from mem0_syncd.destinations.own_store import OwnStore
from support.daemon import Daemon, couriers, running, wait_until
from support.decision_log import cases, decision, write_log
from support.embedded_store import memory
from support.postgres import PASSWORD, postgres, rows


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The connection string of a PostgreSQL with pgvector."""
    with postgres() as connection_string:
        yield connection_string


class Clone:
    """One developer's clone of the project, and their daemon."""

    def __init__(self, folder: Path, database: str, table: str) -> None:
        self.project = folder / "shop"
        self.project.mkdir(parents=True)
        config = folder / "mem0.json"
        store = {"connection_string": database, "collection_name": table}
        config.write_text(json.dumps({"vector_store": {"provider": "pgvector", "config": store}}))
        settings = {
            "MEM0_SYNCD_DESTINATION": "embedded",
            "MEM0_SYNCD_EMBEDDED__CONFIG": str(config),
            "MEM0_SYNCD_EMBEDDED__TIMEOUT_SECONDS": "1",
        }
        self.daemon = Daemon(folder, [self.project], **settings)

    def pull(self, count: int) -> None:
        """Have so many decisions in the log, as everybody else."""
        write_log(self.project, [decision(number) for number in range(count)])


def in_store(database: str, table: str) -> Counter[int]:
    """How often each decision is in the table."""
    texts = rows(database, f"SELECT payload->>'data' FROM {table}")
    return Counter(cases(text for (text,) in texts))


def test_two_daemons_on_two_clones_share_a_store(tmp_path: Path, database: str) -> None:
    """What one sent the other adopts; nothing is lost; what they race on twice is found and removed."""
    ada, bob = (Clone(tmp_path / name, database, "of_a_team") for name in ("ada", "bob"))
    ada.pull(6)
    bob.pull(6)
    with running(ada.daemon):
        ada.daemon.wait_delivered(6)
        with running(bob.daemon):
            bob.daemon.wait_delivered(6)
            assert in_store(database, "of_a_team") == Counter(range(6))
            shown = bob.daemon.status()["destination"]
            assert shown["identity"].startswith("embedded pgvector ")
            assert shown["guarantee"] == Guarantee.EXACTLY_ONCE
            ada.pull(12)
            bob.pull(12)
            ada.daemon.wait_delivered(12)
            bob.daemon.wait_delivered(12)
            ada.pull(14)
            ada.daemon.wait_delivered(14)
            said = bob.daemon.run("recall", "what was decided in case 13", "--project", str(bob.project))
            assert "case 13" in said.stdout
            stored = in_store(database, "of_a_team")
            assert sorted(stored) == list(range(14))
            assert all(stored[number] == 1 for number in (*range(6), 12, 13))
            assert max(stored.values()) <= 2
            assert ada.daemon.run("verify", "--repair").returncode == 0
            assert in_store(database, "of_a_team") == Counter(range(14))
    for clone in (ada, bob):
        for file in filter(Path.is_file, clone.daemon.state.rglob("*")):
            assert PASSWORD.encode() not in file.read_bytes(), file
        assert PASSWORD not in clone.daemon.said()


@pytest.fixture
def opened(tmp_path: Path, database: str) -> Iterator[OwnStore]:
    """The destination itself, in this process."""
    with closing(open_store(tmp_path, database)) as store:
        yield store


def open_store(folder: Path, connection_string: str) -> OwnStore:
    """The store in a database, with a table of its own."""
    config = {"connection_string": connection_string, "collection_name": "of_one_process"}
    own = mem0_config.read(json.dumps({"vector_store": {"provider": "pgvector", "config": config}}))
    return OwnStore.open({"mem0": own.config, "history": str(folder / "history.sqlite3"), "threads": 8})


def test_many_threads_lose_no_acknowledged_add(opened: OwnStore) -> None:
    """And each is found by its key, and by no other's."""
    many = [memory(number) for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda it: opened.push(it, None), many))
    for it, outcome in zip(many, outcomes, strict=True):
        assert isinstance(outcome, Stored)
        assert opened.look(it) == Found(outcome.ids[0], it.content_hash)
        assert opened.push(it, None) == Found(outcome.ids[0], it.content_hash)
    assert len(opened.listing("shop-decisions")) == len(many)


def test_what_postgresql_cannot_keep_is_a_dead_letter(opened: OwnStore) -> None:
    """And no doubt."""
    outcome = opened.push(memory(1000, "A NUL \x00 in the text"), None)
    assert isinstance(outcome, Refused)


def test_a_revision_leaves_nothing_of_the_former_and_what_is_gone_is_gone(opened: OwnStore) -> None:
    """As everywhere."""
    stored = opened.push(memory(2000, reviewer="Ada"), None)
    assert isinstance(stored, Stored)
    (number,) = stored.ids
    assert opened.push(memory(2000, "Decided anew"), number) == stored
    now = opened.get(number)
    assert now is not None
    assert (now.text, now.metadata["reviewer"]) == ("Decided anew", None)
    opened.delete(number)
    opened.delete(number)
    assert isinstance(opened.push(memory(2000), number), Gone)


def test_a_table_that_is_gone_is_made_anew(opened: OwnStore, database: str) -> None:
    """Without a restart: Mem0 itself looks for it only once."""
    import psycopg

    assert isinstance(opened.push(memory(3000), None), Stored)
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        connection.execute("DROP TABLE of_one_process")
    assert isinstance(opened.push(memory(3001), None), Later)
    assert isinstance(opened.push(memory(3001), None), Stored)


def test_a_database_that_cannot_be_had_is_waited_for_or_held(tmp_path: Path, database: str) -> None:
    """By what a person can do about it."""

    def outcome(connection_string: str) -> Any:
        with pytest.raises(CannotOpen) as caught:
            open_store(tmp_path, connection_string)
        return caught.value.outcome

    assert isinstance(outcome(f"host=127.0.0.1 port=1 password={PASSWORD}"), Later)
    missing = outcome(database.replace("dbname=postgres", "dbname=nowhere"))
    assert isinstance(missing, Held)
    assert "nowhere" in missing.reason
    assert PASSWORD not in missing.reason


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path: Path, database: str) -> None:
    """Whatever was acknowledged is there, and whatever wasn't is looked for before it is sent again."""
    cleo = Clone(tmp_path, database, "of_one_who_is_killed")
    cleo.pull(4)
    cleo.daemon.start(failpoint="stored:2", wait=False)
    wait_until(lambda: '"courier_ended"' in cleo.daemon.said(), "the courier was killed")
    cleo.daemon.kill()
    cleo.pull(8)
    cleo.daemon.start(failpoint="answered:2", wait=False)
    assert cleo.daemon.wait_for_end() == -signal.SIGKILL
    wait_until(lambda: not couriers(cleo.daemon), "no courier is left behind")
    with running(cleo.daemon):
        cleo.daemon.wait_delivered(8)
    assert in_store(database, "of_one_who_is_killed") == Counter(range(8))
