"""Every malformed or odd input of the corpus says what the corpus says it says."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.core.withheld import Withheld
from mem0_syncd.sources import Reading, Source, Unreadable
from mem0_syncd.sources.agent_patterns import SOURCE as AGENT_PATTERNS
from mem0_syncd.sources.decision_log import SOURCE as DECISION_LOG
from mem0_syncd.sources.decision_records import LOG, RECORDS
from mem0_syncd.sources.memory_queue import SOURCE as MEMORY_QUEUE
from mem0_syncd.sources.session_summary import summarise

PROJECT = "shop"
CORPUS = Path(__file__).parents[2] / "corpora" / "odd_inputs" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(CORPUS.read_text(encoding="utf-8"))
SOURCES = {source.name: source for source in (DECISION_LOG, AGENT_PATTERNS, MEMORY_QUEUE, RECORDS, LOG)}


@pytest.mark.parametrize("case", CASES, ids=[f"{case['source']}: {case['name']}" for case in CASES])
def test_an_odd_input_says_what_the_corpus_expects(case: dict[str, Any]) -> None:
    """The items in order with the attributes named, the problems by place and cause, and nothing else."""
    data = base64.b64decode(case["base64"]) if "base64" in case else case["text"].encode()
    if "unreadable" in case:
        with pytest.raises(Unreadable, match=r".") as caught:
            read(case["source"], data)
        assert case["unreadable"] in caught.value.what
        return
    reading = read(case["source"], data)
    said = [
        {name: shown(getattr(item, name)) for name in expected}
        for item, expected in zip(reading.items, case["items"], strict=True)
    ]
    assert said == case["items"]
    for problem, expected in zip(reading.problems, case["problems"], strict=True):
        assert expected in f"{problem.where}: {problem.what}"
        assert problem.remedy


def test_the_corpus_is_large_and_covers_every_format() -> None:
    """It has at least 45 cases, each of its own name, over all seven inputs."""
    assert len(CASES) >= 45
    assert len({(case["source"], case["name"]) for case in CASES}) == len(CASES)
    assert {case["source"] for case in CASES} == {*SOURCES, "session-state", "session-blockers"}


def shown(value: object) -> object:
    """An item's value as the corpus has it."""
    return value.stored if isinstance(value, Withheld) else value


def read(name: str, data: bytes) -> Reading:
    if name == "session-state":
        return summarise(data, None, project=PROJECT)
    if name == "session-blockers":
        return summarise(None, data, project=PROJECT)
    return read_source(SOURCES[name], data)


def read_source(source: Source, data: bytes) -> Reading:
    readings = [source.understand(raw, PROJECT) for raw in source.split(data)]
    items = tuple(item for reading in readings for item in reading.items)
    return Reading(items, tuple(problem for reading in readings for problem in reading.problems))
