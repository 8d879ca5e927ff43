"""Whose memories are under a project's id: the decision alone."""

from __future__ import annotations

import pytest

from mem0_syncd.core.foreign_memories import UNKNOWN, OriginCounts, Stated, Whose, are_strangers, understood

OURS, OTHERS = "a" * 32, "b" * 32


@pytest.mark.parametrize("id_is_asked", [True, False])
def test_memories_of_the_same_repository_are_the_projects_own(*, id_is_asked: bool) -> None:
    """Whoever named the project."""
    assert not are_strangers(OURS, Whose(OURS, id_is_asked=id_is_asked), has_delivered=False)


@pytest.mark.parametrize("id_is_asked", [True, False])
@pytest.mark.parametrize("has_delivered", [True, False])
def test_memories_of_another_repository_are_strangers(*, id_is_asked: bool, has_delivered: bool) -> None:
    """However much the project has delivered there itself."""
    assert are_strangers(OTHERS, Whose(OURS, id_is_asked=id_is_asked), has_delivered=has_delivered)


def test_what_is_unknown_is_equal_to_everything_for_a_folders_own_name() -> None:
    """No git, a shallow clone, an archive, or a memory of an earlier version."""
    assert not are_strangers(OTHERS, Whose(), has_delivered=False)
    assert not are_strangers(UNKNOWN, Whose(OURS), has_delivered=False)
    assert not are_strangers(UNKNOWN, Whose(), has_delivered=False)


def test_what_is_unknown_is_equal_to_nothing_for_an_id_that_a_file_asked_for() -> None:
    """Anybody can write such a file."""
    assert are_strangers(OTHERS, Whose(id_is_asked=True), has_delivered=True)
    assert are_strangers(UNKNOWN, Whose(id_is_asked=True), has_delivered=False)
    assert are_strangers(UNKNOWN, Whose(OURS, id_is_asked=True), has_delivered=False)


def test_what_a_project_has_delivered_itself_does_not_stop_it() -> None:
    """Before this version no memory said its origin."""
    assert not are_strangers(UNKNOWN, Whose(OURS, id_is_asked=True), has_delivered=True)
    assert not are_strangers(UNKNOWN, Whose(id_is_asked=True), has_delivered=True)


@pytest.mark.parametrize("origin", [OURS, UNKNOWN])
def test_what_its_user_takes_for_the_same_is_the_projects_own(origin: str) -> None:
    """Another origin, or none."""
    same = frozenset({OTHERS, UNKNOWN})
    for stated in same:
        assert not are_strangers(stated, Whose(origin, same, id_is_asked=True), has_delivered=False)


@pytest.mark.parametrize("said", [None, 7, "", "x" * 32, "a" * 31, "a" * 33, ["a" * 32], "A" * 32])
def test_what_is_no_origin_is_none(said: object) -> None:
    """What others write into the metadata is theirs."""
    assert understood(said) == UNKNOWN


def test_origins_are_counted_up_to_a_limit() -> None:
    """With the newest memory of each."""
    origins = OriginCounts()
    for number in range(100):
        origins.add(f"{number:032x}", "2026-01-05")
    for day in ("2026-01-07", "2026-01-06"):
        origins.add(f"{3:032x}", day)
    assert len(origins.stated) == 20
    assert origins.stated[0] == Stated(f"{3:032x}", 3, "2026-01-07")
