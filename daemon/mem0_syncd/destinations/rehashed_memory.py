"""A memory with old hashes gets a key and a hash of what it says."""

from __future__ import annotations

from dataclasses import replace

from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import NAMES, SOURCE, Memory, fingerprint, present_key, said_by
from mem0_syncd.destinations.base import Remote
from mem0_syncd.redact.item_redaction import Redactor


def renewed(
    there: Remote,
    redactor: Redactor,
    *,
    kind: str,
    project: str,
    source_id: str | None,
    sync_key: str,
    was_sent: str,
    keeps_key: bool,
) -> Memory | None:
    """The memory with its new hashes; None if it isn't as it was sent, because somebody has edited it.

    `was_sent` is the fingerprint of what was sent, '' where it isn't known. With `keeps_key` it keeps
    `sync_key`.
    """
    said = {name: value for name, value in there.metadata.items() if name in NAMES}
    memory = Memory(there.user_id, there.text, there.agent_id or None, said)
    before = said_by(memory, Kind(kind), project, redactor.safe(source_id))
    as_sent = redactor.redact(before).item
    key = sync_key if keeps_key else present_key(before, as_sent, sync_key)
    hashes = {"sync_key": key, "content_hash": as_sent.revision}
    is_renewed = hashes.items() <= there.metadata.items()
    is_as_sent = was_sent in ("", fingerprint(there.text, there.metadata))
    if there.metadata.get("source") != SOURCE or not (is_renewed or is_as_sent):
        return None
    metadata = {**there.metadata, **as_sent.metadata, **hashes}
    return replace(memory, text=as_sent.text, agent_id=as_sent.agent_id, metadata=metadata)
