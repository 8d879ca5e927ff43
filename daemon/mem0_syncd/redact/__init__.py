"""Secrets: where a text holds what looks like a credential, and the text without it."""

from __future__ import annotations

import re

from mem0_syncd.item import Scalar
from mem0_syncd.redact.assignments import PASSWORD, SECRET, assigned_secrets
from mem0_syncd.redact.detectors import CHOSEN, known_tokens
from mem0_syncd.redact.finding import Finding, merged
from mem0_syncd.redact.patterns import DETECTORS, KINDS
from mem0_syncd.redact.version import VERSION, detector_version

__all__ = ["VERSION", "Finding", "detector_version", "find", "redact", "redact_value"]

_KINDS = KINDS | {kind for kind, _ in CHOSEN.values()} | {PASSWORD, SECRET}
_MARK = re.compile(rf"\[redacted: (?:{'|'.join(sorted(_KINDS))})\]")
_DETECTORS = (known_tokens, *DETECTORS, assigned_secrets)


def find(text: str) -> list[Finding]:
    """The secrets in a text, in their order; those that touch are one."""
    seen = _MARK.sub(lambda mark: "\n" * len(mark[0]), text)
    return merged(found for detect in _DETECTORS for found in detect(seen))


def redact(text: str) -> tuple[str, list[str]]:
    """The text with `[redacted: KIND]` for each secret, and the kinds; without secrets, the same text."""
    kinds: list[str] = []
    # What is cut out may set a neighbour free that the longer word hid, so the result is looked at again.
    while findings := find(text):
        kinds += [found.kind for found in findings]
        for found in reversed(findings):
            text = f"{text[: found.start]}[redacted: {found.kind}]{text[found.end :]}"
    return text, kinds


def redact_value(value: Scalar) -> tuple[Scalar, list[str]]:
    """A metadata value without its secrets, and their kinds; what isn't text has none."""
    return redact(value) if isinstance(value, str) else (value, [])
