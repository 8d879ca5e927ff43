"""Which detector this is: what an older one has let through is looked at again by a newer one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

VERSION = 2
"""Raised whenever other secrets are found in any text; `tests/unit/test_redact_version.py` reminds of it."""


def detector_version(allow: Iterable[str] = ()) -> str:
    """A short name of the rules and of the texts that are allowed: where it is the same, so are findings."""
    allowed = sorted(set(allow))
    if not allowed:
        return str(VERSION)
    # The name is kept and shown, and nobody is to guess by it what was allowed: that is why it is so short.
    digest = hashlib.sha256(json.dumps(allowed).encode()).hexdigest()
    return f"{VERSION}-{digest[:8]}"
