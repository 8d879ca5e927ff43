"""What is spooled is read back, oldest first, and a file that holds no event harms nobody."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.errors import SyncdError
from mem0_syncd.ingest import spool
from mem0_syncd.system.state_folder import StateFolder


def remembered(text: str, **fields: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("kind", "project", "category", "agent", "outcome", "at"))
    return {"event": "remember", **nothing, "text": text, **fields}


def ended(session_id: str = "s-1", **fields: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("cwd", "hook", "at", "root", "state", "blockers", "note"))
    return {"event": "session", **nothing, "session_id": session_id, **fields}


def files(state: Path) -> list[Path]:
    return sorted(StateFolder(state).spool.iterdir())


def age(path: Path) -> None:
    """Make a file two minutes old."""
    then = time.time() - 120
    os.utime(path, (then, then))


def events(state: Path) -> list[dict[str, Any]]:
    return [event for _, event in spool.take(state, time.time())]


def test_what_is_put_in_comes_out_in_its_order(tmp_path: Path) -> None:
    """Events are taken oldest first, as they were, odd characters and all."""
    spooled = [remembered("first"), ended(state='{"task": "Grüße \ud800\x00"}'), remembered("third")]
    for event in spooled:
        spool.put(tmp_path, event)

    assert events(tmp_path) == spooled


def test_an_event_stays_until_it_is_removed(tmp_path: Path) -> None:
    """Whoever dies between taking an event and dealing with it takes it again; removing twice is fine."""
    spool.put(tmp_path, remembered("something"))

    [(path, _)] = spool.take(tmp_path, time.time())
    assert len(events(tmp_path)) == 1
    spool.remove(path)
    spool.remove(path)
    assert files(tmp_path) == []


def test_a_state_folder_without_a_spool_has_no_events(tmp_path: Path) -> None:
    """Before the first hook there is nothing to take, and nothing is made."""
    assert events(tmp_path / "nowhere") == []
    assert spool.problems(tmp_path / "nowhere") == []
    assert list(tmp_path.iterdir()) == []


def test_spooled_files_are_open_to_this_user_alone(tmp_path: Path) -> None:
    """Whatever the umask is, the folders are 0700 and the file is 0600."""
    state = tmp_path / "state"
    before = os.umask(0)
    try:
        spool.put(state, remembered("something"))
    finally:
        os.umask(before)

    [path] = files(state)
    assert [stat.S_IMODE(it.stat().st_mode) for it in (state, path.parent, path)] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "\x00" * 99,
        "[" * 100_000,
        '{"event": "other"}',
        '{"event": "session", "session_id": "without the rest"}',
        json.dumps(remembered("x", kind=3)),
    ],
)
def test_a_file_that_holds_no_event_is_set_aside_and_reported(tmp_path: Path, content: str) -> None:
    """Its neighbours are taken all the same, and it isn't looked at again."""
    spool.put(tmp_path, remembered("before"))
    (StateFolder(tmp_path).spool / "00000-bad.json").write_text(content)
    spool.put(tmp_path, remembered("behind"))

    assert [event["text"] for event in events(tmp_path)] == ["before", "behind"]
    [problem] = spool.problems(tmp_path)
    assert problem.where == str(StateFolder(tmp_path).spool / "00000-bad.bad")
    assert Path(problem.where).read_text() == content


def test_an_event_that_was_begun_counts_when_it_is_complete(tmp_path: Path) -> None:
    """Until then it is there, durably, and nobody takes it."""
    begun = spool.begin(tmp_path, ended(note="to be completed"))
    assert len(files(tmp_path)) == 1
    assert events(tmp_path) == []

    spool.complete(begun, ended(state="{}"))
    assert events(tmp_path) == [ended(state="{}")]
    assert len(files(tmp_path)) == 1


def test_an_event_that_is_never_completed_counts_as_it_stands(tmp_path: Path) -> None:
    """Its writer was killed; a minute later what it began is taken."""
    age(spool.begin(tmp_path, ended(note="to be completed")))

    assert events(tmp_path) == [ended(note="to be completed")]


def test_what_is_half_written_is_no_event_and_goes_when_it_is_old(tmp_path: Path) -> None:
    """A young one may have a writer; an old one is what a killed writer left."""
    spool.put(tmp_path, remembered("something"))
    young, old = (StateFolder(tmp_path).spool / name for name in ("1.json.tmp", "2.json.tmp"))
    young.touch()
    old.touch()
    age(old)

    assert len(events(tmp_path)) == 1
    assert (young.exists(), old.exists()) == (True, False)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk there is an error, and no file."""

    def refuse(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        spool.put(tmp_path, remembered("something"))
    assert files(tmp_path) == []


def test_a_state_folder_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    """Nothing is spooled elsewhere instead."""
    (tmp_path / "file").touch()
    with pytest.raises(SyncdError, match="can't be made"):
        spool.put(tmp_path / "file" / "state", remembered("something"))
