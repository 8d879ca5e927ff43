"""Has each of the daemon's threads say at which step of an item's way it is; nothing else differs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import wraps
from typing import Any

from crash.board import Step
from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import Outcome, Stored
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.daemon.control_handlers import ControlHandlers
from mem0_syncd.delivery.claims import Claims
from mem0_syncd.delivery.first_contact import FirstContact
from mem0_syncd.delivery.outcome_handler import OutcomeHandler
from mem0_syncd.destinations.embedded import Embedded
from mem0_syncd.engine.engine import Engine
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.projects.marks import ProjectMarks

STEPS: tuple[tuple[type, str, Step], ...] = (
    (Engine, "scan", Step.SCAN),
    (Engine, "take_in_spool", Step.SPOOL),
    (ProjectMarks, "write", Step.MARK),
    (Enqueuer, "take_in", Step.ENQUEUE),
    (Claims, "take", Step.CLAIM),
    (OutcomeHandler, "_write", Step.SETTLE),
    (FirstContact, "_after_contact", Step.CONTACT),
    (FirstContact, "_after_second", Step.SECOND_LOOK),
    (ControlHandlers, "_repair", Step.REPAIR),
)

_SHIM = ctypes.CDLL(None)


def install() -> None:
    """Wrap the daemon's functions; `shim.c` is preloaded."""
    OutcomeHandler._write = _saying_receipts(OutcomeHandler._write)  # type: ignore[method-assign]
    Embedded.push = _saying_commits(Embedded.push)  # type: ignore[method-assign]
    for owner, name, step in STEPS:
        setattr(owner, name, _at_step(step, getattr(owner, name)))


def _at_step(step: Step, work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        before = _SHIM.crash_step(step)
        try:
            return work(*arguments, **named)
        finally:
            _SHIM.crash_step(before)

    return wrapped


def _saying_receipts(write: Callable[..., None]) -> Callable[..., None]:
    @wraps(write)
    def wrapped(outcomes: OutcomeHandler, destination: Any) -> None:
        settled = outcomes._settled
        write(outcomes, destination)
        for entry, settlement in settled:
            if isinstance(settlement, Receipt):
                _SHIM.crash_note(f"receipt {entry.sync_key} {entry.content_hash}".encode())

    return wrapped


def _saying_commits(push: Callable[..., Outcome]) -> Callable[..., Outcome]:
    @wraps(push)
    def wrapped(store: Embedded, memory: Memory, memory_id: str | None) -> Outcome:
        outcome = push(store, memory, memory_id)
        if isinstance(outcome, Stored):
            _SHIM.crash_note(f"commit {memory.sync_key} {memory.content_hash}".encode())
        return outcome

    return wrapped
