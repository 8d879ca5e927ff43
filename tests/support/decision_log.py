"""Writes decision logs as their real writers do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mem0_syncd.sources.decision_log import PATH


def decision(number: int, **fields: Any) -> dict[str, Any]:
    """A decision of schema 1.0.0 that isn't major, unlike any with another number."""
    return {
        "decision_id": f"DEC-20260105-{number:04}",
        "timestamp": f"2026-01-05T10:{number // 60 % 60:02}:{number % 60:02}Z",
        "title": f"Decision number {number}",
        "description": f"What was decided in case {number}",
        "category": "workflow",
        "status": "accepted",
        **fields,
    }


def decision_of_2_0_0(number: int, **fields: Any) -> dict[str, Any]:
    """The same as today's writer emits it: a generic title, and an id that no count makes."""
    return {
        "decision_id": f"DEC-20260105-{number:08x}",
        "timestamp": f"2026-01-05T11:{number // 60 % 60:02}:{number % 60:02}.250Z",
        "title": "Agent decision",
        "description": f"What was decided in case {number}",
        "category": "quality",
        "status": "completed",
        "impact": {"scope": "agent-pipeline", "downstream_agents": ["reviewer"]},
        "made_by": {"instance_id": "i-1", "agent_type": "planner"},
        **fields,
    }


def older_decision(number: int, **fields: Any) -> dict[str, Any]:
    """The same with the fields of older logs."""
    return {
        "id": f"choice-{number}",
        "date": "2025-11-02",
        "summary": f"What was decided in case {number}",
        "context": "The plain words of why",
        "alternatives": ["to wait", {"option": "to ask"}],
        "impact": "low",
        **fields,
    }


def nameless_decision(number: int) -> dict[str, Any]:
    """The same without an id or a time."""
    return {"decision": f"What was decided in case {number}", "rationale": "It was asked for"}


def cases(texts: Iterable[str]) -> list[int]:
    """The numbers of the decisions above that these texts tell of, in order."""
    return sorted(int(number) for text in texts for number in re.findall(r"decided in case (\d+)\b", text))


def write_log(project: Path, decisions: list[Any], *, envelope: bool = True) -> Path:
    """Write the log by a temporary file and a rename over it."""
    document: Any = {"schema_version": "1.0.0", "decisions": decisions} if envelope else decisions
    return replace(project / PATH, json.dumps(document, indent=2).encode())


def rewrite_log(project: Path, decisions: list[Any]) -> Path:
    """Write the log in place, as some tools do."""
    path = project / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"decisions": decisions}))
    return path


def replace(path: Path, data: bytes) -> Path:
    """Write a file by a temporary one beside it and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.rename(path)
    return path
