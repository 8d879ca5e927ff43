"""Mem0 in a local folder, directly: what it stores, finds, refuses, and what a failing disk does to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mem0_syncd.core import embedding
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Absent, Found, Gone, Held, Later, Stored, Unknown, from_wire
from mem0_syncd.destinations import Destination, kept, open_destination
from mem0_syncd.destinations.duplicate_removal import remove_doubles
from support.embedded_store import Store, memories, memory, serving

USER = "shop-decisions"

DECISIONS = (
    "The checkout writes orders and payments to one PostgreSQL database.",
    "Credentials are stored with Argon2id, never with a plain digest.",
    "Listing endpoints return an opaque cursor instead of page numbers.",
    "Unfinished work is merged behind a flag rather than kept on a long branch.",
    "The database is dumped every night and copied to another region.",
)
QUESTIONS = {
    "where do we keep what customers purchase?": DECISIONS[0],
    "how are passwords protected?": DECISIONS[1],
    "what happens if our data centre burns down?": DECISIONS[4],
}

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="unshare and strace are Linux's")


@contextmanager
def opened(folder: Path) -> Iterator[Destination]:
    store = open_destination("embedded", {"path": str(folder)})
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Destination]:
    with opened(tmp_path / "mem0") as it:
        yield it


def texts(store: Destination) -> list[str]:
    return sorted(it.text for it in store.listing(USER))


def add(store: Destination, it: Memory) -> str:
    outcome = store.push(it, None)
    assert isinstance(outcome, Stored)
    (memory_id,) = outcome.ids
    return memory_id


def test_what_is_pushed_is_found_by_its_key(store: Destination) -> None:
    """A look-up finds the memory that an add returned, with its content, and nothing for another key."""
    it = memory(1, status="accepted")
    memory_id = add(store, it)
    assert store.look(it) == Found(memory_id, it.content_hash)
    assert store.look(memory(2)) == Absent()
    (remote,) = store.listing(USER)
    assert (remote.id, remote.text, remote.metadata) == (memory_id, it.text, it.metadata)
    assert store.listing("other-decisions") == []


def test_an_update_replaces_text_and_metadata(store: Destination) -> None:
    """An update leaves one memory, with the new text and nothing of the former metadata."""
    memory_id = add(store, memory(1, status="accepted", category="workflow"))
    revised = memory(1, "What was decided in the end", status="superseded")
    assert store.push(revised, memory_id) == Stored((memory_id,))
    (remote,) = store.listing(USER)
    assert (remote.id, remote.text) == (memory_id, revised.text)
    assert {name: remote.metadata.get(name) for name in revised.metadata} == revised.metadata
    assert store.look(revised) == Found(memory_id, revised.content_hash)


def test_an_update_of_a_deleted_memory_says_that_it_is_gone(store: Destination) -> None:
    """What a person deleted isn't added again by an update."""
    memory_id = add(store, memory(1))
    store._mem0.delete(memory_id)  # type: ignore[attr-defined]
    assert isinstance(store.push(memory(1, "What was decided in the end"), memory_id), Gone)
    assert store.listing(USER) == []


def test_what_was_stored_is_there_after_reopening(tmp_path: Path) -> None:
    """Adds and updates of one opening are what the next one lists."""
    with opened(tmp_path) as store:
        ids = [add(store, memory(number)) for number in range(5)]
        store.push(memory(2, "What was decided in the end"), ids[2])
        before = texts(store)
    with opened(tmp_path) as store:
        assert texts(store) == before
        assert len(before) == 5


def test_another_embedder_is_another_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of one embedder are never searched with another, and are there when the first comes back."""
    with opened(tmp_path) as store:
        add(store, memory(1))
    with monkeypatch.context() as patch:
        patch.setattr(embedding, "NAME", "another-embedder-2")
        with opened(tmp_path) as store:
            assert store.listing(USER) == []
            assert store.search("case", [USER], 5) == []
            add(store, memory(2))
    with opened(tmp_path) as store:
        assert texts(store) == [memory(1).text]


def test_a_second_process_is_told_that_the_store_is_in_use(tmp_path: Path) -> None:
    """Whoever comes second may try again later, and gets in once the first has closed."""
    with serving(tmp_path) as other:
        with opened(tmp_path) as store:
            outcome = from_wire(other.ask("open"))
            assert isinstance(outcome, Later)
            assert "in use" in outcome.reason
            add(store, memory(1))
        assert "pid" in other.ask("open")
        assert isinstance(from_wire(other.look(memory(1))), Found)


def test_a_paraphrase_recalls_the_right_decision(store: Destination) -> None:
    """A question that shares no word with a decision finds it before the others."""
    for number, text in enumerate(DECISIONS):
        add(store, memory(number, text))
    best = {question: store.search(question, [USER, "shop-agents"], 1)[0].text for question in QUESTIONS}
    assert best == QUESTIONS


def deliver(store: Store, it: Memory) -> list[str]:
    """Push as the outbox does until it is proven: look before sending again; the outcomes on the way."""
    met = []
    for _ in range(5):
        outcome = from_wire(store.push(it))
        met.append(type(outcome).__name__)
        if isinstance(outcome, Stored):
            return met
        assert isinstance(outcome, Later | Unknown), outcome
        if isinstance(outcome, Unknown) and isinstance(from_wire(store.look(it)), Found):
            return met
    pytest.fail(f"never stored: {met}")


def test_a_disk_that_takes_no_more_stores_nothing_and_claims_nothing(tmp_path: Path) -> None:
    """What doesn't fit isn't stored, and says so; it is there once as soon as there is room again."""
    with serving(tmp_path) as store:
        store.ask("open")
        for number, size in enumerate([0, 1024, 20_480]):
            store.ask("limit", size=size)
            assert isinstance(from_wire(store.push(memory(number))), Later | Unknown)
            store.ask("limit", size=None)
            deliver(store, memory(number))
        store.process.kill()
    assert sorted(it["memory"] for it in memories(tmp_path)) == [memory(number).text for number in range(3)]


@contextmanager
def failing(process: int, call: str, number: int, error: str) -> Iterator[None]:
    """The nth call of its kind in a running process fails for the block."""
    injection = f"inject={call}:error={error}:when={number}"
    with subprocess.Popen(
        ["strace", "-f", "-p", str(process), "-e", f"trace={call}", "-e", injection],
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr
        said = strace.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace can't attach: {said}")
        time.sleep(0.05)  # the other threads
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.stderr.read()


@on_linux
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_an_error_at_any_write_of_an_add_neither_loses_nor_doubles_it(tmp_path: Path) -> None:
    """Whichever write or sync of an add fails, it is claimed only if it is on disk, and is there once."""
    faults = [("pwrite64", number, "EIO") for number in (1, 2, 4, 6, 8, 10)]
    faults += [("fdatasync", number, "EIO") for number in (1, 2, 3)]
    met = set()
    with serving(tmp_path) as store:
        pid = store.ask("open")["pid"]
        deliver(store, memory(0))
        for number, (call, nth, error) in enumerate(faults, start=1):
            it = memory(number)
            with failing(pid, call, nth, error):
                outcome = from_wire(store.push(it))
            if not isinstance(outcome, Stored):
                deliver(store, it)
            met.add(type(outcome).__name__)
        store.process.kill()  # what it claimed is on disk by now, or never will be
    kept = sorted(it["memory"] for it in memories(tmp_path))
    assert kept == sorted(memory(number).text for number in range(len(faults) + 1))
    assert "Later" in met


@on_linux
def test_it_needs_no_network_and_no_home(tmp_path: Path) -> None:
    """Without any network it stores and finds, and leaves nothing outside of the state folder."""
    home, state = tmp_path / "home", tmp_path / "state"
    for folder in (home, state):
        folder.mkdir()
    # The last two keep other programs' own caches away: what would be written there counts, too.
    environment = {"HOME": str(home), "TMPDIR": str(home), "MEM0_DIR": str(state / "mem0-home")}
    without_network = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*without_network, "true"], check=False, capture_output=True).returncode:
        pytest.skip("unshare -n isn't allowed here")
    with serving(state / "mem0", environment, before=without_network) as store:
        assert "pid" in store.ask("open")
        for number, text in enumerate(DECISIONS):
            assert isinstance(from_wire(store.push(memory(number, text))), Stored)
        question, answer = next(iter(QUESTIONS.items()))
        assert store.ask("search", query=question) == [answer]
    assert list(home.rglob("*")) == []


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """Where the embedder's packages are missing, the hold names the command that installs them."""
    blocker = tmp_path / "sitecustomize.py"
    blocker.write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    with serving(
        tmp_path / "mem0", {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    ) as store:
        outcome = from_wire(store.ask("open"))
    assert isinstance(outcome, Held)
    assert "onnxruntime" in outcome.reason
    assert 'pip install "mem0-syncd[embedded]"' in outcome.remedy


# Doubles ----------------------------------------------------------------------------------------------------


def test_what_is_there_already_is_not_added(tmp_path: Path) -> None:
    """Reads are free here, so every add looks first: also after it was opened anew."""
    it, revised = memory(1), memory(1, "What was decided in the end")
    with opened(tmp_path / "mem0") as store:
        memory_id = add(store, it)
        assert store.push(it, None) == Found(memory_id, it.content_hash)
    with opened(tmp_path / "mem0") as store:
        assert store.push(it, None) == Found(memory_id, it.content_hash)
        assert store.push(revised, None) == Found(memory_id, it.content_hash)
        assert len(store.listing(USER)) == 1
        store.delete(memory_id)
        add(store, it)
        assert texts(store) == [it.text]


def test_only_what_is_a_double_when_it_is_read_again_is_removed(tmp_path: Path) -> None:
    """The elder of two equal memories stays; what differs from it, or is gone, is let be."""
    it, revised, other = memory(1), memory(1, "What was decided in the end"), memory(2)
    ids = []
    for each in (it, it, revised, other):
        with opened(tmp_path / "mem0") as store:
            store._keys[USER] = set()  # type: ignore[attr-defined]
            ids.append(add(store, each))
    with opened(tmp_path / "mem0") as store:
        assert {it.id for it in store.copies(USER, it.sync_key)} == set(ids[:3])
        reread = store.get(ids[3])
        assert reread is not None
        assert [kept(found) for found in store.copies(USER, other.sync_key)] == [kept(reread)]
        for survivor in (ids[1], ids[2], ids[3], "5f0c9dd6-4b2e-4b0a-8b3b-8a4c9f3f1f00"):
            assert remove_doubles(store, survivor, [number for number in ids if number != survivor]) == []
        assert remove_doubles(store, ids[0], ids[1:]) == [ids[1]]
        assert remove_doubles(store, ids[0], ids[1:]) == []
        assert {it.id for it in store.listing(USER)} == {ids[0], *ids[2:]}
