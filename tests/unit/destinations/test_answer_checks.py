"""What a server answers is checked before anything is made of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0_syncd.destinations.answer_checks import (
    LONGEST_ID,
    Misunderstood,
    account_of,
    count_of,
    hit_of,
    id_of,
    remote_of,
    results_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3f2a-b", "3f2a-b"),
        (17, "17"),
        ("x" * LONGEST_ID, "x" * LONGEST_ID),
        ("x" * (LONGEST_ID + 1), ""),
        (True, ""),
        (1.5, ""),
        (None, ""),
        ("", ""),
        ("../v1/users", ""),
        ("a?b", ""),
        ("a%2fb", ""),
        ("a b", ""),
        ("a\n", ""),
        ("ä", ""),
    ],
)
def test_an_id_is_one_part_of_an_address(value: object, expected: str) -> None:
    """Or a server could have another address asked for, or deleted."""
    assert id_of(value) == expected


@pytest.mark.parametrize("answer", [None, [], "results", {}, {"results": {}}, {"results": [1]}])
def test_results_are_a_list_of_objects(answer: object) -> None:
    """What is none isn't taken for an empty one, which would say that nothing is there."""
    with pytest.raises(Misunderstood):
        results_of(answer)


@pytest.mark.parametrize("count", [None, -1, True, "3", 2.0])
def test_a_count_is_a_number_of_memories(count: object) -> None:
    """By it a listing is known to be complete."""
    with pytest.raises(Misunderstood):
        count_of({"count": count})


@pytest.mark.parametrize(
    "wrong",
    [{"id": "a/b"}, {"id": None}, {"memory": 3}, {"metadata": []}, {"user_id": {}}, {"agent_id": [1]}],
)
def test_a_memory_of_another_form_is_none(wrong: dict[str, Any]) -> None:
    """One wrong field is enough."""
    well = {"id": "m-1", "memory": "Use Redis", "user_id": "shop-decisions", "metadata": {"sync_key": "k"}}
    assert remote_of(well).metadata == {"sync_key": "k"}
    with pytest.raises(Misunderstood):
        remote_of({**well, **wrong})


def test_what_need_not_be_there_is_empty() -> None:
    """And a time that is none doesn't count as one."""
    memory = remote_of({"id": "m-1", "metadata": None, "created_at": "yesterday"})
    assert (memory.text, memory.user_id, memory.agent_id, memory.created_at) == ("", "", "", "")
    assert memory.metadata == {}


def test_half_a_character_can_be_stored() -> None:
    """JSON may carry it; neither a file nor a request can."""
    assert remote_of({"id": "m-1", "memory": "a\ud800b"}).text == "a?b"


@pytest.mark.parametrize("score", ["0.9", float("nan"), float("inf")])
def test_a_score_is_a_number(score: object) -> None:
    """By it the findings of several user ids are put in order."""
    with pytest.raises(Misunderstood):
        hit_of({"id": "m-1", "score": score})


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        ({"org_id": "o", "project_id": 7, "user_email": "dev@example.com"}, "o/7"),
        ({"user_email": "dev@example.com"}, "dev@example.com"),
        ({}, ""),
    ],
)
def test_an_account_is_its_organisation_and_project(answer: dict[str, Any], account: str) -> None:
    """Or who owns the key, where there are none."""
    assert account_of(answer) == account


@pytest.mark.parametrize("name", ["x" * 201, "a\x1b[2J", ["o"]])
def test_an_account_that_is_no_short_text_is_none(name: object) -> None:
    """It is shown to a person."""
    with pytest.raises(Misunderstood):
        account_of({"org_id": name})


@given(JSON)
def test_no_answer_makes_a_check_fail_in_another_way(answer: object) -> None:
    """Whatever a server says, its answer is understood or it isn't."""
    for check in (results_of, remote_of, account_of):
        try:
            check(answer)
        except Misunderstood:
            continue
