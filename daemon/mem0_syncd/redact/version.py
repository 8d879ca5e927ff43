"""The version of the detector: what an older one has let through is scanned again by a newer one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

VERSION = 2
"""Raised when different secrets are found in any text; `tests/unit/test_redact_version.py` checks it."""


def detector_version(allow: Iterable[str] = ()) -> str:
    """A short name of the rules and the allowed texts: with the same name, the findings are the same."""
    allowed = sorted(set(allow))
    if not allowed:
        return str(VERSION)
    # The name is kept and shown. It is so short that the allowed texts can't be guessed by it.
    digest = hashlib.sha256(json.dumps(allowed).encode()).hexdigest()
    return f"{VERSION}-{digest[:8]}"
