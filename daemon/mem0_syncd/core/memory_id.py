"""What the id of a memory looks like."""

from __future__ import annotations

import re

_MEMORY_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9]{1,19}")


def is_memory_id(name: str) -> bool:
    """Whether a Mem0 may be asked for a name: it is a UUID, or a number, as some stores count."""
    return _MEMORY_ID.fullmatch(name) is not None
