"""The sync-state file: others' marks are read, ours are added, and nothing of theirs is lost."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.outbox.marks import Markable
from mem0_syncd.projects import sync_state_file
from mem0_syncd.projects.sync_state_file import OURS, PATH, SyncState, merge, parse
from mem0_syncd.system import replaced_file
from mem0_syncd.system.unreadable_file import Reason, RefusedFile, Unreadable
from mem0_syncd.system.untrusted_folder import UntrustedFolder
from support.builders import NOW

ME = "platform https://mem0.example.org org/project"
OTHER = "embedded /somewhere"
AT = "2026-01-05T00:00:00Z"
NOTHING = Markable(frozenset(), 0, None)


def delivered(*ids: str, open_: int = 0, at: float = NOW) -> Markable:
    """What the receipts say."""
    return Markable(frozenset(ids), open_, at)


def theirs(*ids: str, **more: Any) -> dict[str, Any]:
    """A file as the shell script writes it."""
    return {"version": "1.0", "last_sync": None, "synced_decisions": list(ids), "pending_count": 3, **more}


def put(project: Path, document: Any) -> Path:
    """Write the file; a text is written as it is."""
    path = project / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def write(project: Path, identity: str, marks: Markable) -> bool:
    """Bring the file in line, in the folder that it is in."""
    (project / PATH).parent.mkdir(parents=True, exist_ok=True)
    return sync_state_file.write(UntrustedFolder(project), identity, marks) is not None


def get(project: Path) -> Any:
    """What the file says."""
    return json.loads((project / PATH).read_text(encoding="utf-8"))


def names_in(folder: Path) -> list[str]:
    """What a folder holds, temporary files too."""
    return sorted(path.name for path in folder.iterdir())


def state_of(document: dict[str, Any]) -> SyncState:
    """The state that a document says."""
    return parse(json.dumps(document).encode())


# Reading --------------------------------------------------------------------------------------------------


def test_every_id_in_it_is_marked() -> None:
    """Those of ours are told from those of others."""
    state = state_of(theirs("DEC-1", "DEC-2", "DEC-3", mem0_syncd={ME: ["DEC-2"], OTHER: ["DEC-3", "DEC-9"]}))
    assert state.marked == {"DEC-1", "DEC-2", "DEC-3"}
    assert state.ours == {"DEC-2", "DEC-3", "DEC-9"}
    assert state.foreign == {"DEC-1"}


@pytest.mark.parametrize("document", [{}, {"last_sync": None}, {"synced_decisions": []}])
def test_a_file_may_say_little(document: dict[str, Any]) -> None:
    """Nothing is marked then."""
    assert state_of(document).marked == set()


MALFORMED = [
    "",
    "   ",
    "{",
    "[]",
    '"DEC-1"',
    "null",
    '{"synced_decisions": null}',
    '{"synced_decisions": "DEC-1"}',
    '{"synced_decisions": {"DEC-1": true}}',
    '{"synced_decisions": ["DEC-1", 2]}',
    '{"mem0_syncd": []}',
    '{"mem0_syncd": {"platform": "DEC-1"}}',
    '{"mem0_syncd": {"platform": [1]}}',
    '{"synced_decisions": ["DEC-1"]}}',
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_file_is_reported_and_left_alone(project: Path, text: str) -> None:
    """With the way out; not a byte of it changes."""
    path = put(project, text)
    with pytest.raises(Unreadable) as caught:
        write(project, ME, delivered("DEC-1"))
    with pytest.raises(Unreadable):
        sync_state_file.read(UntrustedFolder(project))
    assert path.read_text() == text
    assert names_in(path.parent) == [path.name]
    problem = sync_state_file.problem_of(caught.value)
    assert "left alone" in problem.what
    assert PATH in problem.where
    assert problem.remedy


def test_a_file_that_is_not_there_says_nothing(project: Path) -> None:
    """And a folder in its place is a problem."""
    assert sync_state_file.read(UntrustedFolder(project)) is None
    (project / PATH).mkdir(parents=True)
    with pytest.raises(Unreadable, match="a folder is in"):
        sync_state_file.read(UntrustedFolder(project))


# Merging --------------------------------------------------------------------------------------------------


def test_our_marks_join_theirs() -> None:
    """Sorted and unique, as the script keeps them, and remembered as ours."""
    merged = merge(state_of(theirs("DEC-3", "DEC-1")), ME, delivered("DEC-2", "DEC-3", open_=5))
    assert merged == {
        "version": "1.0",
        "last_sync": AT,
        "synced_decisions": ["DEC-1", "DEC-2", "DEC-3"],
        "pending_count": 5,
        OURS: {ME: ["DEC-2", "DEC-3"]},
    }


def test_unknown_keys_are_kept() -> None:
    """In the document, and in what other destinations marked."""
    before = theirs("DEC-1", note={"deep": [1, "ü"]}, version="7.3", mem0_syncd={OTHER: ["DEC-1"]})
    merged = merge(state_of(before), ME, delivered("DEC-2"))
    assert merged["note"] == {"deep": [1, "ü"]}
    assert merged["version"] == "7.3"
    assert merged[OURS] == {OTHER: ["DEC-1"], ME: ["DEC-2"]}


def test_our_marks_are_never_taken_back() -> None:
    """A lost state folder knows of none of them."""
    before = theirs("DEC-1", mem0_syncd={ME: ["DEC-1"]})
    merged = merge(state_of(before), ME, delivered("DEC-2"))
    assert merged["synced_decisions"] == ["DEC-1", "DEC-2"]
    assert merged[OURS] == {ME: ["DEC-1", "DEC-2"]}


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        (None, NOW, AT),
        ("2025-12-31T00:00:00Z", NOW, AT),
        ("2026-02-01T00:00:00Z", NOW, "2026-02-01T00:00:00Z"),
        ("2026-02-01T00:00:00Z", None, "2026-02-01T00:00:00Z"),
        (None, None, None),
        (7, NOW, AT),
        pytest.param(
            "2026-01-05T01:00:00+02:00",
            NOW,
            AT,
        ),
    ],
)
def test_the_later_of_two_syncs_is_the_last(before: Any, last: float | None, expected: str | None) -> None:
    """Theirs or ours."""
    marks = Markable(frozenset({"DEC-1"}), 0, last)
    assert merge(state_of(theirs() | {"last_sync": before}), ME, marks)["last_sync"] == expected


def test_merging_twice_changes_nothing_more() -> None:
    """What is in line stays as it is."""
    once = merge(state_of(theirs("DEC-1")), ME, delivered("DEC-2"))
    assert merge(state_of(once), ME, delivered("DEC-2")) == once


# Writing --------------------------------------------------------------------------------------------------


def test_a_file_is_made_for_the_first_mark(project: Path) -> None:
    """In the folder that there is."""
    write(project, ME, delivered("DEC-1"))
    assert get(project) == {
        "version": "1.0",
        "last_sync": AT,
        "synced_decisions": ["DEC-1"],
        "pending_count": 0,
        OURS: {ME: ["DEC-1"]},
    }
    assert names_in((project / PATH).parent) == [Path(PATH).name]


@pytest.mark.parametrize("marks", [NOTHING, Markable(frozenset(), 12, None)])
def test_no_file_is_made_when_there_is_nothing_to_say(project: Path, marks: Markable) -> None:
    """Nor a folder."""
    assert not sync_state_file.write(UntrustedFolder(project), ME, marks)
    assert list(project.iterdir()) == []


def test_no_folder_is_made_for_a_mark(project: Path) -> None:
    """One that was dropped, or moved away, stays so; so does what stands in its place."""
    assert not sync_state_file.write(UntrustedFolder(project), ME, delivered("DEC-1"))
    assert list(project.iterdir()) == []
    (project / ".claude").mkdir()
    (project / ".claude/coordination").write_text("in the way")
    assert not sync_state_file.write(UntrustedFolder(project), ME, delivered("DEC-1"))
    assert (project / ".claude/coordination").read_text() == "in the way"


def test_their_file_is_left_alone_when_there_is_nothing_to_say(project: Path) -> None:
    """Not even its spelling changes."""
    text = '{ "synced_decisions":["DEC-1"],"pending_count":3 }'
    path = put(project, text)
    write(project, ME, Markable(frozenset(), 12, None))
    assert path.read_text() == text


def test_a_file_in_line_is_not_written_again(project: Path) -> None:
    """The same file, at the same time."""
    write(project, ME, delivered("DEC-1"))
    before = (project / PATH).stat()
    write(project, ME, delivered("DEC-1"))
    after = (project / PATH).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_pending_follows_even_when_nothing_new_is_delivered(project: Path) -> None:
    """A user who runs the script's `status` sees the truth."""
    write(project, ME, delivered("DEC-1", open_=2))
    write(project, ME, delivered("DEC-1", open_=0))
    assert get(project)["pending_count"] == 0


def test_permissions_are_kept(project: Path) -> None:
    """A file that others may read stays one."""
    path = put(project, theirs())
    path.chmod(0o664)
    write(project, ME, delivered("DEC-1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


@pytest.mark.parametrize(
    "there", ["{outside}/file", "kept.json", "{outside}/nothing", "../../../outside/nothing"]
)
def test_nothing_is_written_through_a_link(project: Path, tmp_path: Path, there: str) -> None:
    """Neither out of the project nor within it, neither over a file nor where there is none."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = project / PATH
    path.parent.mkdir(parents=True)
    for kept in (outside / "file", path.parent / "kept.json"):
        kept.write_text(json.dumps(theirs("DEC-1")))
    path.symlink_to(there.format(outside=outside))
    with pytest.raises(RefusedFile) as caught:
        write(project, ME, delivered("DEC-2"))
    assert caught.value.reason is Reason.THROUGH_A_LINK
    problem = sync_state_file.problem_of(caught.value)
    assert "left alone" in problem.what
    assert "is a link" in problem.what
    assert path.is_symlink()
    assert names_in(outside) == ["file"]
    assert names_in(path.parent) == sorted([path.name, "kept.json"])
    for kept in (outside / "file", path.parent / "kept.json"):
        assert json.loads(kept.read_text()) == theirs("DEC-1")


@pytest.mark.parametrize("part", [".claude", ".claude/coordination"])
def test_nothing_is_written_in_a_folder_that_is_a_link(project: Path, part: str) -> None:
    """Within the project, too; what it says is read there all the same."""
    real = put(project, theirs("DEC-1"))
    (project / part).rename(project / "kept")
    (project / part).symlink_to(project / "kept")
    with pytest.raises(RefusedFile, match="is a link"):
        sync_state_file.write(UntrustedFolder(project), ME, delivered("DEC-2"))
    assert get(project) == theirs("DEC-1")
    state = sync_state_file.read(UntrustedFolder(project))
    assert state is not None
    assert state.marked == {"DEC-1"}
    assert names_in(real.parent) == [real.name]


def test_a_link_that_takes_the_files_place_meanwhile_is_not_written_through(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the last moment, and what it leads to is left as it is."""
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(theirs("DEC-1")))
    path = put(project, theirs("DEC-0"))
    fsync = os.fsync

    def interrupted(handle: int) -> None:
        fsync(handle)
        if not path.is_symlink():
            path.unlink()
            path.symlink_to(outside)

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(RefusedFile):
        write(project, ME, delivered("DEC-1"))
    assert path.is_symlink()
    assert json.loads(outside.read_text()) == theirs("DEC-1")
    assert names_in(path.parent) == [path.name]


@pytest.mark.parametrize("writes", [1, 3])
def test_what_another_writer_adds_between_read_and_rename_is_not_lost(
    project: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """It renames a file of its own over ours, at the worst moment, several times."""
    path = put(project, theirs("DEC-0"))
    left = list(range(1, writes + 1))
    fsync = os.fsync

    def interrupted(handle: int) -> None:
        fsync(handle)
        if left:
            number = left.pop(0)
            document = get(project)
            document["synced_decisions"].append(f"THEIRS-{number}")
            fresh = path.with_name("theirs.tmp")
            fresh.write_text(json.dumps(document))
            fresh.rename(path)

    monkeypatch.setattr(os, "fsync", interrupted)
    write(project, ME, delivered("DEC-1"))
    expected = ["DEC-0", "DEC-1", *(f"THEIRS-{number}" for number in range(1, writes + 1))]
    assert get(project)["synced_decisions"] == expected
    assert get(project)[OURS] == {ME: ["DEC-1"]}
    assert names_in(path.parent) == [path.name]


def add_by_rename(path: Path) -> None:
    """Another writer adds an id, by a file of its own."""
    fresh = path.with_name("theirs.tmp")
    fresh.write_text(json.dumps(theirs("DEC-0", "THEIRS")))
    fresh.rename(path)


def add_in_place(path: Path) -> None:
    """Another writer adds an id in the file that is there."""
    path.write_text(json.dumps(theirs("DEC-0", "THEIRS")))


@pytest.mark.parametrize("add", [add_by_rename, add_in_place])
@pytest.mark.parametrize("is_there", [True, False])
def test_what_another_writer_adds_in_the_very_last_moment_is_not_lost(
    project: Path, monkeypatch: pytest.MonkeyPatch, add: Callable[[Path], None], *, is_there: bool
) -> None:
    """After the last look at the file, and before ours takes its place."""
    path = put(project, theirs("DEC-0"))
    if not is_there:
        path.unlink()
    signature = replaced_file.signature_at
    looks = []

    def interrupted(folder: int, name: str) -> tuple[int, ...] | None:
        found = signature(folder, name)
        looks.append(name)
        if looks == [path.name, path.name]:
            add(path)
        return found

    monkeypatch.setattr(replaced_file, "signature_at", interrupted)
    write(project, ME, delivered("DEC-1"))
    assert get(project)["synced_decisions"] == ["DEC-0", "DEC-1", "THEIRS"]
    assert names_in(path.parent) == [path.name]


def test_what_another_writer_puts_there_right_after_ours_is_not_taken_for_ours(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the marks in it were never heeded."""
    put(project, theirs("DEC-1"))
    monkeypatch.setattr(replaced_file, "_remove", lambda *_: put(project, theirs("DEC-9")))
    written = sync_state_file.write(UntrustedFolder(project), ME, delivered("DEC-2"))
    assert written is not None
    assert get(project) == theirs("DEC-9")
    assert written.signature != sync_state_file.signature(UntrustedFolder(project))


def test_where_files_cannot_be_swapped_ours_is_renamed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on file systems that know no such thing."""
    put(project, theirs("DEC-0"))
    monkeypatch.setattr(replaced_file, "swap", lambda _folder, _one, _other: False)
    assert write(project, ME, delivered("DEC-1"))
    assert get(project)["synced_decisions"] == ["DEC-0", "DEC-1"]


def test_a_file_that_breaks_between_read_and_rename_is_left_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer at work in place."""
    path = put(project, theirs("DEC-0"))
    monkeypatch.setattr(os, "fsync", lambda _handle: path.write_text("{"))
    with pytest.raises(Unreadable):
        write(project, ME, delivered("DEC-1"))
    assert path.read_text() == "{"
    assert names_in(path.parent) == [path.name]


def test_what_cannot_be_written_is_a_problem_with_a_remedy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk; nothing of the attempt is left."""
    path = put(project, theirs("DEC-0"))

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        write(project, ME, delivered("DEC-1"))
    problem = sync_state_file.problem_of(caught.value)
    assert "can't be written" in problem.what
    assert (problem.where, bool(problem.remedy)) == (PATH, True)
    assert get(project) == theirs("DEC-0")
    assert names_in(path.parent) == [path.name]


def test_other_alphabets_survive(project: Path) -> None:
    """In keys, ids and values."""
    put(project, theirs("決定-1", größe="日本 🙂"))
    write(project, ME, delivered("DEC-1"))
    assert get(project)["größe"] == "日本 🙂"
    assert get(project)["synced_decisions"] == ["DEC-1", "決定-1"]


def test_a_lone_surrogate_survives(project: Path) -> None:
    """It is legal JSON, and one project's oddity mustn't stop the marks of all others."""
    put(project, '{"synced_decisions": [], "note": "\\ud83d"}')
    write(project, ME, delivered("DEC-1"))
    assert get(project)["note"] == "\ud83d"
