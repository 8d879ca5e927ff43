"""The decision log's three schemas, each as its writers write it; odd inputs are in the corpus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mem0_syncd.core.item import Item, Kind
from mem0_syncd.sources import Unreadable, decision_log

OF_1_0_0: dict[str, Any] = {
    "decision_id": "DEC-20260105-0001",
    "timestamp": "2026-01-05T10:00:00Z",
    "title": "Use Postgres",
    "description": "Orders go to Postgres 17",
    "context": {
        "problem": "Orders get lost",
        "rationale": "We know it well",
        "alternatives_considered": ["MySQL", {"option": "Mongo", "reason_rejected": "no joins"}],
    },
    "category": "database-schema",
    "impact": {"scope": "module", "files_affected": ["a.py"], "dependencies": ["psycopg"]},
    "status": "accepted",
    "made_by": {"instance_id": "i-1", "agent_role": "architect"},
}
OF_2_0_0: dict[str, Any] = {
    "decision_id": "DEC-20260105-0a1b2c3d",
    "timestamp": "2026-01-05T10:00:00.123Z",
    "title": "Agent decision",
    "description": "Cache the product list for a minute",
    "category": "product-thinking",
    "impact": {"scope": "agent-pipeline", "downstream_agents": ["reviewer"]},
    "status": "completed",
    "made_by": {"instance_id": "i-1", "agent_type": "planner"},
    "task_id": "t-1",
}
OLDER: dict[str, Any] = {
    "id": "use-postgres",
    "date": "2026-01-05",
    "summary": "Use Postgres",
    "rationale": "We know it well",
    "alternatives": ["MySQL"],
    "impact": "medium",
}


def read(*entries: Any, **envelope: Any) -> list[Item]:
    """The items of a log in an envelope."""
    data = json.dumps({**envelope, "decisions": entries}).encode()
    raws = list(decision_log.split(data))
    return [item for raw in raws for item in decision_log.understand(raw, "shop").items]


def only(entry: dict[str, Any], **changes: Any) -> Item:
    """The only item that an entry says."""
    (item,) = read(entry | changes)
    return item


def test_schema_1_0_0_says_all_of_it() -> None:
    """Title, description, problem, rationale, alternatives, id and date."""
    item = only(OF_1_0_0)
    assert item.text == (
        "Use Postgres: Orders go to Postgres 17\n"
        "Problem: Orders get lost\n"
        "Rationale: We know it well\n"
        "Alternatives considered: MySQL; Mongo\n"
        "(DEC-20260105-0001, 2026-01-05T10:00:00Z)"
    )
    assert item.metadata == {"category": "database-schema", "status": "accepted", "outcome": "success"}
    assert (item.kind, item.source_id, item.when) == (
        Kind.DECISION,
        "DEC-20260105-0001",
        OF_1_0_0["timestamp"],
    )
    assert (item.weighty, item.withheld, item.path) == (False, None, decision_log.PATH)


def test_schema_2_0_0_says_what_its_description_says() -> None:
    """Its title is often generic; its scope is no wide one."""
    item = only(OF_2_0_0)
    assert item.text == (
        "Agent decision: Cache the product list for a minute\n"
        "(DEC-20260105-0a1b2c3d, 2026-01-05T10:00:00.123Z)"
    )
    assert item.metadata == {"category": "product-thinking", "status": "completed", "outcome": "success"}
    assert not item.weighty


def test_an_older_entry_says_its_summary() -> None:
    """With the rationale and alternatives at the top."""
    item = only(OLDER)
    assert item.text == (
        "Use Postgres\nRationale: We know it well\nAlternatives considered: MySQL\n(use-postgres, 2026-01-05)"
    )
    assert (item.source_id, item.when, item.metadata) == (
        "use-postgres",
        "2026-01-05",
        {"outcome": "success"},
    )


@pytest.mark.parametrize("name", ["title", "summary", "decision", "description"])
def test_any_of_four_fields_says_what_was_decided(name: str) -> None:
    """One of them is enough."""
    assert only({name: "Use Postgres for orders"}).text == "Use Postgres for orders"


def test_a_description_that_repeats_the_title_is_said_once() -> None:
    """Writers fill both fields with one text."""
    assert only({"title": "Use Postgres", "description": "Use Postgres"}).text == "Use Postgres"


def test_an_entry_without_an_id_says_no_date() -> None:
    """Its text is its identity, and a date is no part of it."""
    item = only({"summary": "Use Postgres for orders", "date": "2026-01-05"})
    assert (item.text, item.source_id) == ("Use Postgres for orders", None)


@pytest.mark.parametrize(
    "envelope",
    [
        {"schema_version": "1.0.0", "log_created_at": "2026-01-01"},
        {},
        {"schema_version": "9.9"},
        {"extra": [1]},
    ],
)
def test_the_envelope_makes_no_difference(envelope: dict[str, Any]) -> None:
    """A missing, later or unknown schema version changes nothing that an entry says."""
    assert read(OF_1_0_0, OF_2_0_0, OLDER, **envelope) == read(OF_1_0_0, OF_2_0_0, OLDER)


def test_a_bare_array_is_a_log() -> None:
    """Some writers have no envelope at all."""
    raws = list(decision_log.split(json.dumps([OF_1_0_0, OLDER]).encode()))
    items = [item for raw in raws for item in decision_log.understand(raw, "shop").items]
    assert items == read(OF_1_0_0, OLDER)


@pytest.mark.parametrize("document", ["{}", '{"decisions": null}', '{"items": []}', "3"])
def test_a_document_without_decisions_is_unreadable(document: str) -> None:
    """It isn't taken for an empty log."""
    with pytest.raises(Unreadable, match="no list of decisions"):
        list(decision_log.split(document.encode()))


def test_unknown_fields_are_tolerated_and_kept_at_home() -> None:
    """Only what is named is passed on."""
    assert only(OF_1_0_0, contributor_id="me@example.org", tags=["x"], reviewed=True) == only(OF_1_0_0)


def test_a_repeated_id_with_another_time_is_another_decision() -> None:
    """NNNN is a count, so racing writers give two decisions one id."""
    first, second = read(OF_1_0_0, OF_1_0_0 | {"timestamp": "2026-01-05T10:00:01Z"})
    assert first.source_id == second.source_id
    assert first.sync_key != second.sync_key


@pytest.mark.parametrize(
    "revision",
    [{"status": "superseded"}, {"context": OF_1_0_0["context"] | {"rationale": "We know it best"}}],
)
def test_an_id_and_time_with_other_content_is_a_revision(revision: dict[str, Any]) -> None:
    """One key, another content hash."""
    first, revised = only(OF_1_0_0), only(OF_1_0_0, **revision)
    assert first.sync_key == revised.sync_key
    assert first.content_hash != revised.content_hash


@pytest.mark.parametrize(
    ("fields", "weighty"),
    [
        *(
            ({"impact": {"scope": scope}}, scope in {"system", "global"})
            for scope in ("local", "module", "service", "system", "global", "agent-pipeline", "", None)
        ),
        *(({"impact": impact}, impact == "high") for impact in ("high", "medium", "low", None, 3)),
        *(({"importance": importance}, importance == "high") for importance in ("high", "medium", None)),
    ],
)
def test_reach_and_importance_make_a_decision_weighty(fields: dict[str, Any], *, weighty: bool) -> None:
    """A wide scope, or a high impact or importance."""
    assert only({"title": "Use Postgres for orders", **fields}).weighty is weighty


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("failed", "failed"),
        ("completed", "success"),
        ("accepted", "success"),
        ("deprecated", "success"),
        (None, "success"),
    ],
)
def test_only_a_failed_decision_has_failed(status: str | None, outcome: str) -> None:
    """Whatever other status it has."""
    assert only(OF_2_0_0, status=status).metadata["outcome"] == outcome


def test_no_entry_costs_its_neighbours() -> None:
    """What is no object is a problem of its own place."""
    raws = list(decision_log.split(json.dumps({"decisions": [OF_1_0_0, 7, OLDER]}).encode()))
    first, broken, last = (decision_log.understand(raw, "shop") for raw in raws)
    assert (len(first.items), len(last.items)) == (1, 1)
    assert [problem.where for problem in broken.problems] == [f"{decision_log.PATH}: decisions[1]"]
