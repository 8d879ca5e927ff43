"""A damaged outbox is kept under another name, and a new one takes its place with what can be rescued."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mem0_syncd.core.settlement import Bury
from mem0_syncd.errors import OutboxDamaged
from mem0_syncd.outbox import Outbox, ProjectRow, damaged_outbox
from mem0_syncd.system.state_folder import OUTBOX
from support.builders import NOW, item, prepared

PROJECT = ProjectRow("shop", Path("/home/me/shop"))
DEAD, DROPPED = item(source_id="DEC-1"), item(source_id="DEC-2")
OTHERS = [item(f"Use Postgres {number} for orders", f"DEC-{number}") for number in range(10, 300)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose outbox knows a project, a dead letter and a dropped item, among many others."""
    with closing(Outbox.open(tmp_path)) as outbox:
        number = outbox.destinations.use("platform", "https://mem0.example").id
        outbox.projects.add(PROJECT)
        outbox.facts.set("paused", "yes")
        outbox.items.apply(number, [prepared(it) for it in (DEAD, DROPPED, *OTHERS)], NOW)
        look = outbox.first_contacts.begin_look(number, "shop-decisions")
        outbox.first_contacts.write_contact(number, "shop-decisions", [], NOW, number=look)
        claims = outbox.queue.claim(number, NOW, 2, major=False)
        outbox.queue.settle(number, [(claim.entry, Bury("422")) for claim in claims], NOW)
        outbox.dead_letters.drop([claims[1].entry.id])
    return tmp_path


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_text(path: Path) -> None:
    path.write_text("this is no database\n" * 1000)


def replace_by_another_program_s(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE bookmark (x); PRAGMA user_version = 2;")


def overwrite_a_page(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tally'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)


DAMAGES = [truncate, empty, replace_by_text, replace_by_another_program_s, overwrite_a_page]


def asides(state: Path) -> list[Path]:
    """What was set aside."""
    return sorted(state.glob(f"{OUTBOX}.damaged-*"))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda it: it.__name__)
def test_what_is_damaged_is_kept_and_made_anew(state: Path, damage: Callable[[Path], None]) -> None:
    """Byte for byte, and the new one says so until a person has deleted it."""
    damage(state / OUTBOX)
    kept = (state / OUTBOX).read_bytes()
    with closing(Outbox.open(state)) as outbox:
        (aside,) = asides(state)
        assert aside.read_bytes() == kept
        (problem,) = damaged_outbox.problems(outbox.database)
        assert (problem.where, "damaged" in problem.what) == (str(aside), True)
        assert outbox.facts.get(damaged_outbox.RENEWED_AT)
        aside.unlink()
        assert damaged_outbox.problems(outbox.database) == []
    Outbox.open(state).close()
    assert not asides(state)


def test_what_no_source_tells_is_rescued(state: Path) -> None:
    """Watched folders, what a person dropped, dead letters, what is on its way, and a pause."""
    overwrite_a_page(state / OUTBOX)
    with closing(Outbox.open(state)) as outbox:
        number = outbox.destinations.get().id
        assert outbox.projects.all() == [PROJECT]
        assert outbox.facts.get("paused") == "yes"
        assert [it.reason for it in outbox.dead_letters.newest(number)] == ["422"]
        known = outbox.items.known(number, [DEAD.sync_key, DROPPED.sync_key])
        assert known[DEAD.sync_key].dead == DEAD.content_hash
        assert known[DROPPED.sync_key].dropped == DROPPED.content_hash
        others = outbox.items.known(number, [it.sync_key for it in OTHERS]).values()
        assert {it.waiting for it in others} == {it.content_hash for it in OTHERS}
        assert "1 watched folders, 1 dropped" in damaged_outbox.problems(outbox.database)[0].what
        # Mem0 is asked what it holds before anything is sent again.
        assert outbox.first_contacts.uncontacted(number) == ["shop-decisions"]
        assert outbox.queue.claim(number, NOW, 500, major=False) == []


def test_what_was_in_flight_is_rescued_as_if_it_had_never_been_sent(state: Path) -> None:
    """Whether Mem0 has it, the first contact says; of two revisions the waiting one is kept, in its turn."""
    with closing(Outbox.open(state)) as outbox:
        number = outbox.destinations.get().id
        first = outbox.queue.claim(number, NOW, 2, major=False)[0].entry
        revised = replace(OTHERS[0], text="Use another database for orders")
        assert revised.sync_key == first.sync_key
        outbox.items.apply(number, [prepared(revised)], NOW)
    overwrite_a_page(state / OUTBOX)
    with closing(Outbox.open(state)) as outbox:
        outbox.first_contacts.write_contact(
            number,
            "shop-decisions",
            [],
            NOW,
            number=outbox.first_contacts.begin_look(number, "shop-decisions"),
        )
        claims = [it.entry for it in outbox.queue.claim(number, NOW, 500, major=False)]
        assert len(claims) == len(OTHERS)
        assert [it.content_hash for it in claims if it.sync_key == first.sync_key] == [revised.content_hash]
        assert {it.sends for it in claims} == {1}
        assert outbox.items.counts(number)["shop", "decision"]["pending"] == len(OTHERS)


def test_a_start_that_was_killed_between_the_two_rescues_all_the_same(state: Path) -> None:
    """The damaged one has its new name, and the new one isn't there yet, nor is the log out of the way."""
    overwrite_a_page(state / OUTBOX)
    (state / OUTBOX).rename(state / f"{OUTBOX}.damaged-20260105T000000Z")
    (state / f"{OUTBOX}-wal").write_bytes(b"of the damaged one")
    (state / f"{OUTBOX}.new").write_bytes(b"half made")
    with closing(Outbox.open(state)) as outbox:
        assert outbox.projects.all() == [PROJECT]
    assert (state / f"{OUTBOX}.damaged-20260105T000000Z-wal").read_bytes() == b"of the damaged one"
    assert not list(state.glob("*.new*"))


def test_an_outbox_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an empty one is never of our own making."""
    with monkeypatch.context() as patch:
        patch.setattr(damaged_outbox, "bring_up_to_date", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Outbox.open(tmp_path)
    assert not list(tmp_path.iterdir())
    Outbox.open(tmp_path).close()
    assert (tmp_path / OUTBOX).stat().st_mode & 0o777 == 0o600


def test_a_short_command_beside_the_daemon_sets_nothing_aside(state: Path) -> None:
    """Only the lock's holder may; the others say what helps."""
    replace_by_text(state / OUTBOX)
    with pytest.raises(OutboxDamaged, match="damaged") as caught:
        Outbox.open(state, migrate=False)
    assert "while the daemon runs" in caught.value.problem.remedy
    assert not asides(state)
