"""Bugs that are put into a daemon and its courier, to see that a chaos run finds them.

Each is Python that runs when an interpreter starts, before the product is imported by anybody else.
"""

from __future__ import annotations

from pathlib import Path

_SETTLE = """
from mem0_syncd.core import outcome; from mem0_syncd.core import settlement
right = settlement.settle
def settle(entry, outcome_, *rest):
    return {} or right(entry, outcome_, *rest)
settlement.settle = settle
"""

BUGS = {
    "acknowledged early, when Mem0 has only accepted it": _SETTLE.format(
        "(isinstance(outcome_, outcome.Accepted) and settlement.Receipt((outcome_.event_id,)))"
    ),
    "sent again blindly": _SETTLE.format(
        "(isinstance(outcome_, outcome.Unknown) and settlement.Requeue(resend=True))"
    ),
    "a lost answer counts as delivered": _SETTLE.format(
        "(isinstance(outcome_, outcome.Unknown) and settlement.Receipt((entry.memory_id or '?',)))"
    ),
    "any 2xx is a receipt": """
from mem0_syncd.destinations import http_errors
from mem0_syncd.core.outcome import Stored
http_errors.outcome_of_add = lambda answer: Stored((answer.get("event_id") or "?",))
""",
    "an absence is believed at once": """
from mem0_syncd.core.settlement import Rules
Rules.certain_after = lambda self, attempt_end: attempt_end
""",
    "a refused item goes on and on": _SETTLE.format(
        "(isinstance(outcome_, outcome.Refused) and settlement.Requeue())"
    ),
}


def plant(bug: str, folder: Path) -> dict[str, str]:
    """Write a bug down; returns the environment that puts it into every process."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(bug)
    return {"PYTHONPATH": str(folder)}
