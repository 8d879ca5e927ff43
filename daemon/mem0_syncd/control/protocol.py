"""What goes over the control socket: one JSON line each way, for what needs the daemon itself.

Whoever asks for it gets further lines of what takes long, before the one that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mem0_syncd.core.progress import Tell

Answer = Mapping[str, Any]
Request = Mapping[str, Any]
Operations = Mapping[str, Callable[[Request], Answer]]
LongOperations = Mapping[str, Callable[[Request, Tell], Answer]]
"""What may take so long that whoever waits wants to know how far it has come."""
