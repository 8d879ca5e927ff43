"""The result of a check: a verdict, the fact, and the command that helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """A warning still works now, a failure doesn't."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One fact that a check found."""

    verdict: Verdict
    what: str
    remedy: str = ""


def fine(what: str) -> CheckResult:
    """All is well."""
    return CheckResult(Verdict.OK, what)


def warning(what: str, remedy: str) -> CheckResult:
    """It works, but the user should know or do something."""
    return CheckResult(Verdict.WARNING, what, remedy)


def failure(what: str, remedy: str) -> CheckResult:
    """It doesn't work like this."""
    return CheckResult(Verdict.FAILURE, what, remedy)
