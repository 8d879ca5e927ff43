"""The courier process: takes requests, works on them with the destination, reports each outcome.

The reader of standard input starts before the slow import of mem0ai, so that the courier ends with the
daemon even while it is still starting.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mem0_syncd import __version__
from mem0_syncd.core.outcome import Heard, Held, Later, Unknown, from_wire, to_wire
from mem0_syncd.courier.verbs import carry_out
from mem0_syncd.destinations import CannotOpen, Destination, open_destination
from mem0_syncd.redact.item_redaction import Redactor
from mem0_syncd.system.clock import Moment
from mem0_syncd.system.output import make_harmless
from mem0_syncd.system.parent_death import end_with_maker
from mem0_syncd.system.scrubbed_reasons import keep_secret, reason, secrets_of

Report = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One line from the daemon; times are of the monotonic clock, in seconds."""

    id: int
    verb: str
    fields: Mapping[str, Any]
    arrived: float

    def is_late(self, now: float) -> bool:
        """Whether it must no longer be begun, because the daemon may count on that."""
        return bool(now - self.arrived > self.fields["begin_within"])


class RequestQueue:
    """The requests that wait, major ones first."""

    def __init__(self) -> None:
        self._major: deque[Request] = deque()
        self._routine: deque[Request] = deque()
        self._changed = threading.Condition()

    def put(self, request: Request) -> None:
        """Add a request."""
        with self._changed:
            (self._major if request.fields.get("major") else self._routine).append(request)
            self._changed.notify_all()

    def take(self, *, majors_only: bool) -> Request:
        """The next request, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._major or (self._routine and not majors_only))
            return (self._major or self._routine).popleft()


class OpenDestination:
    """The destination, opened by the first request that needs it, and again if that failed."""

    def __init__(self, start: Mapping[str, Any], report: Report, monotonic: Moment) -> None:
        self._start = start
        self._report, self._monotonic = report, monotonic
        self._lock = threading.Lock()
        self._destination: Destination | None = None
        self._account: str | None = None
        self._failed_at = 0.0
        self._failure: Later | Held | None = None
        self._refused_at = 0.0
        self._pause_until = 0.0
        self._refusal: Later | Held | None = None
        self._pause_reason = ""

    def work_on(self, request: Request) -> Mapping[str, Any]:
        """The report of one request."""
        if request.is_late(self._monotonic()):
            return {"not_begun": True}
        destination = self._refused(request) or self._open(request)
        if request.verb == "whose" and self._account is not None:
            return {"account": self._account}
        if isinstance(destination, Later | Held):
            return to_wire(destination)
        tell = partial(self._tell, request.id)
        # One for each request, for it is for one thread.
        redactor = Redactor(self._start["redact"], self._start["redact_allow"])
        answer = carry_out(destination, request.verb, request.fields, tell, redactor)
        if answer.get("outcome") in {"Later", "Held", "Unknown"}:
            self._note_refusal(from_wire(dict(answer)))
        return answer

    def _refused(self, request: Request) -> Later | Held | None:
        """What holds up all requests: no thread asks again what another has just asked."""
        with self._lock:
            left = self._pause_until - self._monotonic()
            if left > 0:
                return Later(self._pause_reason, left)
            return self._refusal if request.arrived < self._refused_at else None

    def _note_refusal(self, outcome: Heard) -> None:
        with self._lock:
            if isinstance(outcome, Later | Held):
                self._refused_at, self._refusal = self._monotonic(), outcome
            if isinstance(outcome, Later | Unknown) and outcome.after:
                self._pause_until = max(self._pause_until, self._monotonic() + outcome.after)
                self._pause_reason = outcome.reason

    def _tell(self, number: int, done: int, total: int) -> None:
        self._report({"id": number, "progress": [done, total]})

    def _open(self, request: Request) -> Destination | Later | Held:
        with self._lock:
            if self._destination is not None:
                return self._destination
            # What came in before the last attempt failed need not try on its own.
            if self._failure is not None and request.arrived < self._failed_at:
                return self._failure
            try:
                destination = open_destination(self._start["destination"], self._start["config"])
            except CannotOpen as error:
                self._failed_at, self._failure = self._monotonic(), error.outcome
                return error.outcome
            expected = self._start["account"]
            self._account = destination.account
            if expected and destination.account and destination.account != expected:
                destination.close()
                self._failed_at = self._monotonic()
                self._failure = Held(
                    f"the API key is of another account ({destination.account}, not {expected})",
                    "set the key of the former account, or: mem0-syncd sync --accept-account",
                )
                return self._failure
            self._destination = destination
            self._report({"ready": True, "account": destination.account})
            return destination


def main() -> None:
    """Run until standard input ends."""
    end_with_maker()  # A stopped process doesn't read its input.
    # Mem0 and its libraries print; what they print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    make_harmless()
    writing = threading.Lock()

    def report(message: Mapping[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with writing:
            answers.write(line)

    start = json.loads(sys.stdin.buffer.readline() or b"null")
    if start is None:
        return
    if start["version"] != __version__:
        # It was installed over the daemon's, which still runs: the two may not understand each other.
        report({"version": __version__})
        return
    keep_secret(*secrets_of(start["config"]))
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = start["mem0_dir"]
    # Mem0 logs whole memories; every outcome is reported, with its reason, anyway.
    logging.getLogger("mem0").setLevel(logging.CRITICAL)

    tray, desk = RequestQueue(), OpenDestination(start, report, time.monotonic)
    threads = start["threads"]
    for number in range(threads):
        # One thread is for major decisions alone, so that hanging neighbours can't delay them.
        majors_only = number == 0 and threads > 1
        threading.Thread(target=_work, args=(tray, desk, report, majors_only), daemon=True).start()
    for line in sys.stdin.buffer:
        fields = json.loads(line)
        if fields["verb"] == "ping":
            report({"pong": True})
            continue
        tray.put(Request(fields.pop("id"), fields.pop("verb"), fields, time.monotonic()))
    # The daemon has closed its end, or is dead: no process reads what is still under way.
    os._exit(0)


def _work(tray: RequestQueue, desk: OpenDestination, report: Report, majors_only: bool) -> None:  # noqa: FBT001 - a thread's argument
    while True:
        request = tray.take(majors_only=majors_only)
        try:
            answer = desk.work_on(request)
        except Exception as error:  # noqa: BLE001 - a request may fail, the courier goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        report({"id": request.id, **_scrubbed(answer)})


def _scrubbed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """A report whose reasons hold no secret and are short: exceptions and servers may say anything."""
    said = {name: reason(str(answer[name])) for name in ("reason", "error") if answer.get(name)}
    return {**answer, **said}


if __name__ == "__main__":
    main()
