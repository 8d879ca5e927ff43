"""What looks like a credential leaves in no field, and nothing that leaves lets anybody guess at it."""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.memory_payload import memory_of
from support.daemon import running, wait_until
from support.decision_log import decision, nameless_decision, write_log
from support.hostile_world import (
    BLOCKERS,
    LOG,
    PATTERNS,
    QUEUE,
    RECORDS,
    STATE,
    SYNC_STATE,
    HostileWorld,
)
from support.mem0_platform import Mem0Platform


def token(name: str) -> str:
    """What looks like a token of GitHub's, and is invented: another one for each name."""
    return "ghp_" + hashlib.blake2b(name.encode(), digest_size=18).hexdigest()


def told(value: Any, name: str) -> Any:
    """A value with `TOKEN` in it as the token of a name."""
    return json.loads(json.dumps(value).replace("TOKEN", token(name)))


GUESSES = [f"sunshine{number}" for number in range(100)]


def sent(folder: Path, password: str) -> list[dict[str, Any]]:
    """All that leaves for a project whose texts hold a password."""
    folder.mkdir()
    with Mem0Platform() as mem0:
        world = HostileWorld(folder, mem0)
        hostile = world.clone("stranger")
        text = f'the database is opened with password = "{password}" and nothing else'
        write_log(
            hostile,
            [
                decision(1, description=text),
                {**nameless_decision(2), "decision": text},
                # Two of one id and time: the later one's text joins its key.
                decision(3, description=f"One {text}"),
                decision(3, description=f"Another {text}"),
            ],
        )
        lines = {"agent": "a", "agent_id": "ork:a", "pattern": text, "generalizable": True}
        (hostile / PATTERNS).parent.mkdir(parents=True)
        (hostile / PATTERNS).write_text(json.dumps(lines) + "\n")
        with running(world.daemon):
            world.watch(hostile)
            world.daemon.wait_delivered(7)
            assert not world.traces_of(password.encode())
            assert password.encode() not in mem0.received
            world.end()
        return sorted((it for it in mem0.adds if it.get("user_id") != "innocent-decisions"), key=json.dumps)


def test_what_leaves_is_the_same_whatever_the_secret_is(tmp_path: Path) -> None:
    """Two projects that differ in a password send the same bytes: no key, no hash tells of it."""
    one, other = sent(tmp_path / "one", "sunshine1"), sent(tmp_path / "other", "hunter22x")
    assert len(one) == 6
    assert one == other


def test_no_guess_is_confirmed_by_what_leaves(world: HostileWorld, hostile: Path) -> None:
    """With the texts known but for the password, a hundred guesses give no key and no hash that was sent."""
    parts = 'The database is opened with password = "', '" and nothing else'
    write_log(hostile, [{"decision": parts[0] + "sunshine1" + parts[1]}])
    with world.unharmed(hostile):
        world.watch(hostile)
        (text,) = wait_until(lambda: world.texts(hostile.name), "the decision")
    (memory,) = [it for it in world.mem0.memories if it.text == text]
    left = {memory.metadata["sync_key"], memory.metadata["content_hash"]}
    for guess in GUESSES:
        item = Item(Kind.DECISION, hostile.name, f"{parts[0]}{guess}{parts[1]}", source="decision-log")
        guessed = memory_of(item).metadata
        assert not left & {guessed["sync_key"], guessed["content_hash"]}
        for algorithm in ("sha256", "blake2b", "md5"):
            assert not left & {hashlib.new(algorithm, item.text.encode()).hexdigest()}


FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "the-id": (LOG, decision(2, decision_id="TOKEN")),
    "an-older-id": (LOG, {"id": "TOKEN", "summary": "Something that was decided in case 2"}),
    "the-time": (LOG, decision(2, timestamp="2026-01-05T10:00:00Z TOKEN")),
    "the-category": (LOG, decision(2, category="TOKEN")),
    "the-status": (LOG, decision(2, status="TOKEN")),
    "the-title": (LOG, decision(2, title="TOKEN")),
    "the-names-of-fields": (LOG, decision(2, TOKEN="a value")),
    "what-is-no-entry": (LOG, {"category": "TOKEN"}),
    "the-agent": (PATTERNS, {"agent": "TOKEN", "agent_id": "ork:TOKEN", "pattern": "A pattern that is long"}),
    "the-outcome": (PATTERNS, {"agent_id": "ork:a", "pattern": "A pattern that is long", "outcome": "TOKEN"}),
    "a-queues-user": (QUEUE, {"text": "A text that is long enough", "user_id": "TOKEN", "metadata": {}}),
    "a-queues-metadata": (
        QUEUE,
        {
            "text": "A text that is long",
            "user_id": "a-queues-metadata-decisions",
            "metadata": {"category": "TOKEN", "TOKEN": 1},
        },
    ),
    "a-records-id": (
        RECORDS,
        {"id": "TOKEN", "type": "decision", "content": {"what": "What is long enough"}},
    ),
    "a-records-type": (RECORDS, {"id": "r-1", "type": "TOKEN", "content": {"what": "What is long enough"}}),
    "a-mark": (SYNC_STATE, {"synced_decisions": ["TOKEN"]}),
}


def test_a_token_in_any_field_stays_in_its_file(world: HostileWorld) -> None:
    """It isn't in the outbox, the status, the sync-state file, the log, or at Mem0."""
    projects = [world.code / name for name in FIELDS]
    with world.unharmed(*projects):
        for project, (place, entry) in zip(projects, FIELDS.values(), strict=True):
            entry = told(entry, project.name)
            write_log(project, [decision(1), entry] if place == LOG else [decision(1)])
            if place != LOG:
                (project / place).parent.mkdir(parents=True, exist_ok=True)
                (project / place).write_text(json.dumps(entry) + "\n")
            world.watch(project)
        for project in projects:
            wait_until(partial(world.texts, project.name), f"the neighbour of {project.name}")
        world.scan()
        world.wait_served()
        said = [world.run(*it) for it in (["status"], ["status", "--json"], ["dead", "list"])]
        printed = "".join(done.stdout + done.stderr for done in said)
    leaks = []
    for project in projects:
        it = token(project.name)
        leaks += [f"{project.name}: at Mem0"] * (it.encode() in world.mem0.received)
        leaks += [f"{project.name}: in {path.name}" for path in world.traces_of(it.encode())]
        leaks += [f"{project.name}: in the log"] * (it in world.daemon.said())
        leaks += [f"{project.name}: in the status"] * (it in printed)
        state = project / SYNC_STATE
        if FIELDS[project.name][0] != SYNC_STATE and state.exists():
            leaks += [f"{project.name}: in the sync-state file"] * (it in state.read_text())
        world.run("project", "remove", str(project))
        shutil.rmtree(project)
    assert not leaks, leaks


def test_a_token_in_a_sessions_files_stays_there(world: HostileWorld, hostile: Path) -> None:
    """Whatever field of a session's files it is in, the summary goes without it."""
    world.watch(hostile)
    with world.unharmed(hostile):
        secret = token(hostile.name)
        state = {"current_task": "Use TOKEN", "status": "TOKEN", "next_steps": ["TOKEN"], "TOKEN": "TOKEN"}
        for place, document in ((STATE, state), (BLOCKERS, {"description": "No TOKEN", "resolved": False})):
            (hostile / place).parent.mkdir(parents=True, exist_ok=True)
            said = told({**document, "session_id": "TOKEN"}, hostile.name)
            (hostile / place).write_text(json.dumps(said) + "\n")
        world.end_session(hostile, session_id=secret)
        wait_until(lambda: world.problems_of(hostile), "the summary is withheld, and named")
        world.scan()
    assert secret.encode() not in world.mem0.received
    assert not world.traces_of(secret.encode())
