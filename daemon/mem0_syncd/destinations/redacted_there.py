"""Whether a memory says what is to be sent, with more of it redacted."""

from __future__ import annotations

import re

from mem0_syncd.core.item import Scalar
from mem0_syncd.core.memory_payload import NAMES, OURS, SOURCE, Memory, fingerprint, said_by
from mem0_syncd.core.outcome import RedactedThere
from mem0_syncd.destinations.base import Remote, content_hash
from mem0_syncd.redact.item_redaction import MARK

_MARK = re.compile(re.escape(MARK) + r"[^\[\]\n]{1,60}\]")


def redacted_there(there: Remote, memory: Memory) -> RedactedThere | None:
    """What is there, if another machine's detector has found more in what `memory` says; else None.

    It must be ours, with the same key, and its hash must be that of what it says: nobody has edited it.
    """
    is_the_items = there.is_of(memory.user_id, memory.sync_key) and there.metadata.get("source") == SOURCE
    if memory.infer or not is_the_items or content_hash(there) == memory.content_hash:
        return None
    said = {name: value for name, value in there.metadata.items() if name in NAMES}
    as_sent = Memory(there.user_id, there.text, there.agent_id or None, said)
    if said_by(as_sent).revision != content_hash(there):
        return None
    names = NAMES - OURS
    fields: list[tuple[Scalar | None, Scalar | None]] = [
        (there.text, memory.text),
        (there.agent_id, memory.agent_id or ""),
        *((said.get(name), memory.metadata.get(name)) for name in sorted(names)),
    ]
    if not all(covers(listed, ours) for listed, ours in fields):
        return None
    return RedactedThere(there.id, content_hash(there), fingerprint(there.text, there.metadata))


def covers(listed: Scalar | None, ours: Scalar | None) -> bool:
    """Whether a value is ours, where each redaction may stand for any stretch of it; takes linear time."""
    if not isinstance(listed, str) or not isinstance(ours, str):
        return listed == ours
    first, *others = _MARK.split(listed.strip())
    ours = ours.strip()
    if not others:
        return first == ours
    last = others.pop()
    end = len(ours) - len(last)
    if not ours.startswith(first) or not ours.endswith(last):
        return False
    at = len(first)
    for part in others:
        # A redaction stands for something; the first place that fits leaves the most for those that follow.
        found = ours.find(part, at + 1, end)
        if found < 0:
            return False
        at = found + len(part)
    return at < end
