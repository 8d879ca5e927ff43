"""The report: as JSON, as lines, and without anything that mustn't be pasted into an issue."""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mem0_syncd import __version__
from mem0_syncd.doctor.check_result import CheckResult, Verdict
from mem0_syncd.doctor.projects import Leaving
from mem0_syncd.redact import redact

SCHEMA = 1
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


def versions() -> dict[str, str]:
    """The versions that a maintainer asks for first."""
    return {
        "mem0-syncd": __version__,
        "mem0ai": version("mem0ai"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def scrubber(home: Path, key: str | None) -> Callable[[str], str]:
    """Removes the key, other credentials and addresses from a text, and shortens the home folder."""

    def scrub(text: str) -> str:
        text = text.replace(key, "[the key]") if key else text
        text, _ = redact(text)
        return _EMAIL.sub("[an address]", re.sub(rf"{re.escape(str(home))}(?=/|\b|$)", "~", text))

    return scrub


def as_dict(
    findings: Iterable[tuple[str, CheckResult]], leaving: Iterable[Leaving], scrub: Callable[[str], str]
) -> dict[str, Any]:
    """The report as `doctor --json` documents it (docs/json.md)."""
    listed = [
        {
            "check": name,
            "verdict": finding.verdict.value,
            "what": scrub(finding.what),
            "remedy": scrub(finding.remedy),
        }
        for name, finding in findings
    ]
    return {
        "schema": SCHEMA,
        "verdict": worst(finding["verdict"] for finding in listed),
        "versions": versions(),
        "findings": listed,
        "leaving": [{"what": scrub(it.what), "where": scrub(it.where)} for it in leaving],
    }


def worst(verdicts: Iterable[str]) -> str:
    """The gravest of some verdicts."""
    gravity = list(Verdict)
    return max(map(Verdict, verdicts), key=gravity.index, default=Verdict.OK).value


def summary(verdicts: Iterable[str]) -> str:
    """The last line: how many checks found what."""
    counts = Counter(verdicts)
    parts = [
        f"{counts[verdict]} {verdict.value}{'s' if counts[verdict] > 1 else ''}"
        for verdict in (Verdict.FAILURE, Verdict.WARNING)
        if counts[verdict]
    ]
    return " and ".join(parts) if parts else "all is well"


def facts(named: Mapping[str, str]) -> str:
    """The first line: what this is a report of."""
    return " · ".join(f"{name} {value}" if name != "system" else value for name, value in named.items())
