"""Signs of life are compared from look to look."""

from __future__ import annotations

from mem0_syncd.daemon.liveness import Liveness


def test_a_sign_that_changes_is_life() -> None:
    """However slowly the looks follow one another."""
    vigil = Liveness()
    assert [vigil.look({"watcher": number})["watcher"] for number in range(4)] == [0, 0, 0, 0]


def test_looks_without_a_change_are_counted_until_one_comes() -> None:
    """Each part is counted for itself."""
    vigil = Liveness()
    signs = [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5)]
    seen = [vigil.look({"watcher": watcher, "scheduler": other}) for watcher, other in signs]
    assert [it["watcher"] for it in seen] == [0, 1, 2, 0, 1]
    assert [it["scheduler"] for it in seen] == [0, 0, 0, 0, 0]


def test_who_has_nothing_to_do_owes_no_sign() -> None:
    """And the count begins anew when there is something again, with the same sign as well."""
    vigil = Liveness()
    seen = [vigil.look({"deliver": sign})["deliver"] for sign in (7, 7, None, None, 7, 7)]
    assert seen == [0, 1, 0, 0, 0, 1]


def test_a_part_that_is_gone_is_forgotten() -> None:
    """A courier that ended, or work that did."""
    vigil = Liveness()
    assert vigil.look({"courier": 1}) == {"courier": 0}
    assert vigil.look({}) == {}
    assert vigil.look({"courier": 1}) == {"courier": 0}
