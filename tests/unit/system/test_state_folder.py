"""The state folder: all that is kept in it is known by name, and nothing else in it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mem0_syncd.system.state_folder import StateFolder

OURS = (
    "outbox.sqlite3",
    "outbox.sqlite3-wal",
    "outbox.sqlite3-shm",
    "outbox.sqlite3.damaged-20260105T000000.000000Z",
    "lock",
    "holder.json",
    "socket",
    "spool/1.json",
    "inventories/1.jsonl",
    "mem0/qdrant/meta.json",
    "mem0-home/config.json",
    "refusal.json",
    "hook.log",
    "hook.log.1",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder in a folder that its user has for other things, too."""
    for name in (*OURS, "notes.txt", "mem1/notes.txt", "socket.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.touch()
    return tmp_path


def test_all_that_is_kept_is_known(folder: Path) -> None:
    """And what a person put beside it isn't."""
    contents = StateFolder(folder).contents()
    assert {path.relative_to(folder).parts[0] for path in contents} == {Path(it).parts[0] for it in OURS}


def test_an_empty_one_holds_nothing(tmp_path: Path) -> None:
    """Nor does one that isn't there."""
    assert StateFolder(tmp_path).contents() == StateFolder(tmp_path / "nowhere").contents() == []
