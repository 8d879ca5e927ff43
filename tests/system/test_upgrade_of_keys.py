"""An outbox of the released version, whose hashes are of what was redacted, and the daemon of today."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.core.item import Item
from mem0_syncd.sources.all_sources import SOURCES
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform
from support.released import Left, write

ACCOUNT = "org-1/proj-1"
SOON = """from mem0_syncd.daemon import daemon
from mem0_syncd.outbox import old_memories, rekeying
daemon.OLD_MEMORIES_SECONDS = old_memories.SEEN_SECONDS = rekeying.SEEN_SECONDS = 0.5"""

# Invented.
SECRETS = ("password=hunter2hunter2", "password=correct8horse")
PATTERNS = [
    "that Redis wants {0} set, delivered",
    "that Kafka wants {0} set, and differs in its secret only",
    "that Kafka wants {1} set, and differs in its secret only",
    "that MySQL wants {0} set, was stored, and nobody heard of it",
    "that Nginx wants {0} set, was sent, and is not there",
    "that Vault wants {0} set, and waits",
    "that Minio wants {0} set, and was forgotten",
    "that Consul wants {0} set, and was dropped",
    "that Etcd wants {0} set, and was deleted in Mem0",
    "that Celery needs no such thing, delivered",
    "that Flask needs no such thing, and waits",
]
CLEAN = {"Clean", "Celery", "Flask"}


def read(project: Path) -> list[Item]:
    """What a project's files say."""
    items: list[Item] = []
    for source in SOURCES:
        path = project / source.path
        for raw in source.split(path.read_bytes()) if path.exists() else ():
            items += source.understand(raw, project.name).items
    return items


def id_of(word: str) -> str:
    """The memory of an item."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, word))


def name_of(item: Item) -> str:
    """The word that tells an item."""
    return next(word for word in item.text.replace(":", "").split() if word[0].isupper())


@pytest.fixture
def left(project: Path) -> dict[str, Left]:
    """A project, and what the released version knew of each of its items, by a word of it."""
    write_log(
        project,
        [
            decision(1, title="Postgres", description=f"Use {SECRETS[0]}"),
            decision(2, title="Clean", description="Use no password at all"),
            decision(3, title="Twin", description=f"Use {SECRETS[0]}"),
            decision(3, title="Sibling", description=f"Use {SECRETS[1]}"),
        ],
    )
    log = project / ".claude/logs/agent-patterns.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"agent": "backend", "pattern": text.format(*SECRETS)} for text in PATTERNS]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    items = {name_of(it): it for it in read(project)}
    items["Kafka"], items["Other"] = (it for it in read(project) if "Kafka" in it.text)
    known = {word: Left(it, memory_id=id_of(word)) for word, it in items.items()}
    known["Sibling"] = Left(items["Sibling"].as_twin(), memory_id=id_of("Sibling"))
    under_way = {"MySQL": "unconfirmed", "Nginx": "sending", "Vault": "pending", "Flask": "pending"}
    for word, state in under_way.items():
        known[word] = Left(items[word], state)
    known["Minio"] = Left(items["Minio"], memory_id=id_of("Minio"), tombstone="forgotten")
    known["Consul"] = Left(items["Consul"], tombstone="dropped")
    known["Etcd"] = Left(items["Etcd"], memory_id=id_of("Etcd"), tombstone="deleted in Mem0")
    unsaid = Item(items["Redis"].kind, project.name, f"Remembered: {SECRETS[0]} is old", source="remember")
    return {**known, "Unsaid": Left(unsaid, memory_id=id_of("Unsaid"))}


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform, left: dict[str, Left]) -> Iterator[Daemon]:
    """A daemon over that outbox, and a Mem0 that holds what the released version had sent."""
    for word, it in left.items():
        if (it.memory_id and word != "Etcd") or word == "MySQL":
            sent = it.memory
            fields = {"user_id": sent.user_id, "agent_id": sent.agent_id, "metadata": dict(sent.metadata)}
            mem0.plant(sent.text, id=it.memory_id or id_of("MySQL"), **fields)
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    write(daemon.state, left.values(), mem0.url, project, ACCOUNT)
    yield daemon
    daemon.end()


def is_there(left: Left) -> bool:
    """Whether an item is to be in Mem0 in the end."""
    return left.tombstone in (None, "forgotten")


def test_nothing_is_doubled_or_sent_again_and_the_old_hashes_are_gone(
    daemon: Daemon, mem0: Mem0Platform, left: dict[str, Left]
) -> None:
    """Every state at once: what has a secret is updated by its id, all else is left as it is."""
    of_secrets = [it for word, it in left.items() if word not in CLEAN]
    raw = {it.item.revision for it in of_secrets}
    raw |= {it.item.identity for it in of_secrets if it.item.source_id is None or it.item.is_twin}

    def old() -> list[str]:
        return [it.text for it in mem0.memories if {*it.metadata.values()} & raw]

    with running(daemon, prelude=SOON):
        wait_until(lambda: not old(), "an end of the old hashes")
        wait_until(lambda: {*mem0.texts().values()} == {1}, "an end of what was there twice")
        wait_until(lambda: not daemon.on_the_way(), "that all is delivered")
        daemon.scan()
        said = json.loads(daemon.run("verify", "--json").stdout)
        assert daemon.status()["redacted_again"] > 0
    assert not any(said[name] for name in ("altered", "doubled", "foreign")), said
    assert [it["memory_ids"] for it in said["missing"]] == [[id_of("Etcd")]]
    assert daemon.on_the_way() == []
    texts = " ".join(mem0.texts())
    expected = [word for word, it in left.items() if is_there(it) and word not in {"Other", "Unsaid"}]
    assert [word for word in expected if word not in texts] == []
    assert len(mem0.memories) == len(expected) + 1  # what no file says
    added = " ".join(body["messages"][0]["content"] for body in mem0.adds)
    assert [word for word in left if word in added] == ["Nginx", "Vault", "Flask"]
    updated = {it.path.rstrip("/").rpartition("/")[2] for it in mem0.requests if it.method == "PUT"}
    assert updated.isdisjoint(id_of(word) for word in CLEAN)
    never = {left[word].item.revision for word in ("Vault", "Consul")}
    assert not any(value.encode() in mem0.received for value in never)
