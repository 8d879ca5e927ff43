"""Scans what waits to be sent once more, after a better detector has come."""

from __future__ import annotations

from dataclasses import replace

from mem0_syncd.core.memory_payload import present_key, said_by
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.item_keys import Identity
from mem0_syncd.outbox.rekeying import Unsent
from mem0_syncd.redact.item_redaction import Redactor

BATCH = 200
LOOKED_THROUGH = "detector"
"""The fact with the name of the detector that has scanned all that waits."""


def look_through(outbox: Outbox, redactor: Redactor) -> None:
    """Redact what can't be in any Mem0 yet, unless this detector has scanned it; for before anything is sent.

    What an earlier version has queued gets a key and a hash of what is sent, too.
    """
    version = redactor.version
    if version in ("", outbox.facts.get(LOOKED_THROUGH)):
        return
    outbox.rekeying.name_adoptables()
    for destination in outbox.destinations.all():
        after = 0
        while entries := outbox.rekeying.unsent(destination.id, after, BATCH):
            after = entries[-1].id
            with outbox.transaction():
                for entry in entries:
                    _look_through(outbox, redactor, destination.id, entry)
    outbox.facts.set(LOOKED_THROUGH, version)


def _look_through(outbox: Outbox, redactor: Redactor, destination: int, entry: Unsent) -> None:
    memory, key = entry.memory, entry.memory.sync_key
    source_id = redactor.safe(entry.source_id)
    before = said_by(memory, entry.kind, entry.project, source_id)
    redacted = redactor.redact(before)
    # Nothing of a held text is kept.
    if not memory.text or not (redacted.kinds or entry.has_old_hashes):
        return
    item_keys = outbox.item_keys
    if not item_keys.find(destination, [key]) and not item_keys.taken(destination, [key]):
        key = present_key(before, redacted.item, key)
        revision, local = item_keys.local(memory.content_hash), item_keys.local(memory.sync_key)
        is_former = key != memory.sync_key
        # No detector has scanned the whole of it: it is scanned when its source is read again.
        known = Identity(local, key, revision, redacted.item.revision, detector="", is_former=is_former)
        item_keys.write(destination, [known])
    metadata = {
        **memory.metadata,
        **redacted.item.metadata,
        "sync_key": key,
        "content_hash": redacted.item.revision,
    }
    text, agent_id = redacted.item.text, redacted.item.agent_id
    rewritten = replace(memory, text=text, agent_id=agent_id, metadata=metadata)
    outbox.rekeying.rewrite(entry.id, rewritten, redacted.kinds)
    if key != entry.sync_key and not outbox.rekeying.is_open(destination, entry.sync_key):
        outbox.rekeying.rekey(destination, entry.sync_key, key)
