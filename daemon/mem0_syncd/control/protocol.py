"""The protocol of the control socket: one JSON line each way, for what needs the daemon itself.

A client that asks for progress gets further lines, before the one that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mem0_syncd.core.progress import Tell

Answer = Mapping[str, Any]
Request = Mapping[str, Any]
Operations = Mapping[str, Callable[[Request], Answer]]
LongOperations = Mapping[str, Callable[[Request, Tell], Answer]]
"""Operations that may take so long that a client may ask for progress."""
