"""Writes decision logs as their real writers do."""

from __future__ import annotations

import json
import os
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
