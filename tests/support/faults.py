"""What goes wrong between a client and the Mem0 Platform, as values that a test hands to the fake.

A fault says when the request is carried out (first, last, never), how long that takes, and what the
client gets instead of the true answer. They compose:

    mem0.fail("add", answer(503))                           # refused, not stored
    mem0.fail("add", store_then(answer(500)), times=2)      # stored, but the answer says otherwise
    mem0.fail("add", store_then(drop()), where=says("k1"))  # stored, and nobody was told
    mem0.fail("add", drop(commit_after=2))                  # stored two seconds after the hang-up
    mem0.fail("lookup", hang(30), times=None)               # every look-up answers after half a minute
"""

import asyncio
import json
import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Self

Kind = Literal["add", "update", "lookup", "search", "get", "delete", "ping", "event", "other"]
Match = Kind | Literal["any"]
Stage = Literal["received", "stored"]
Where = Callable[[Any], bool]


@dataclass(frozen=True)
class Answer:
    """A response, down to its bytes."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """A response: a page if `body` is text, else JSON, and by default the status in words."""
    if isinstance(body, str):
        return Answer(status, body.encode(), {"content-type": "text/html", **(headers or {})})
    content = {"detail": HTTPStatus(status).phrase} if body is None else body
    text = json.dumps(content)
    return Answer(status, text.encode(), {"content-type": "application/json", **(headers or {})})


@dataclass(frozen=True)
class PutOff:
    """How the event of an add ends, after `takes` seconds (None: when a test says so).

    One that is `undone` stores nothing. One that `vanishes` isn't known any more from then on.
    """

    takes: float | None = None
    ends: Literal["SUCCEEDED", "FAILED"] = "SUCCEEDED"
    undone: bool = False
    vanishes: bool = False

    def when(self, now: float) -> dict[str, Any]:
        """The same as the fields of an event that begins now."""
        if self.takes is None:
            return {}
        end = now + self.takes
        gone_at = end if self.vanishes else math.inf
        return {"ends_at": math.inf if self.undone else end, "ends": self.ends, "gone_at": gone_at}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The course of one request: carried out first, last or never; `after` seconds in between; its end."""

    carried_out: Literal["first", "last", "never"] = "last"
    after: float = 0.0
    answer: Answer | None = None  # None: the true one
    drops: bool = False
    commit_after: float = 0.0  # seconds from the hang-up to the store
    put_off: PutOff | None = None  # an add that its event stores


NO_FAULT = Fault()


def answer(
    status: int, body: Any = None, *, headers: Mapping[str, str] | None = None, after: float = 0.0
) -> Fault:
    """This response, `after` some seconds, and nothing carried out."""
    return Fault(carried_out="never", answer=reply(status, body, headers), after=after)


def drop(*, after: float = 0.0, commit_after: float | None = None) -> Fault:
    """A closed connection; with `commit_after`, the request is carried out that long after it closed."""
    if commit_after is None:
        return Fault(carried_out="never", drops=True, after=after)
    return Fault(carried_out="last", drops=True, after=after, commit_after=commit_after)


def hang(seconds: float) -> Fault:
    """The request is carried out and answered after `seconds`, whether or not anyone still waits."""
    return Fault(after=seconds)


def store_then(fault: Fault) -> Fault:
    """The same fault, after the request was carried out."""
    return replace(fault, carried_out="first")


def html(status: int) -> Fault:
    """A page where JSON belongs, as a proxy or another server answers."""
    return answer(status, f"<html><body><h1>{HTTPStatus(status).phrase}</h1></body></html>")


def redirect(to: str = "https://login.example.com/") -> Fault:
    """A redirect, as a captive portal answers."""
    return answer(302, "", headers={"location": to})


def too_many(retry_after: float | str | None = None, *, status: int = 429) -> Fault:
    """A 429 (or 503) with this `Retry-After`: an integer, a fraction, a date (`http_date`), or none."""
    return answer(status, headers={} if retry_after is None else {"retry-after": str(retry_after)})


def http_date(seconds: float) -> str:
    """The moment `seconds` from now, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def not_json() -> Fault:
    """A 200 whose body isn't JSON."""
    return html(200)


def empty_results() -> Fault:
    """An add that claims success and names no memory."""
    return answer(200, {"status": "SUCCEEDED", "event_id": _AN_EVENT, "results": []})


def failed() -> Fault:
    """An add whose 200 says that it failed."""
    return answer(200, {"status": "FAILED", "event_id": _AN_EVENT, "results": []})


def pending() -> Fault:
    """An add that is put off as if it had asked to infer: stored when its event succeeds."""
    return Fault(put_off=PutOff())


# What happens to a request whose answer is lost, by name.
LOST_AFTER, LOST_BEFORE = "done, then reset", "reset, nothing done"
LATE, VERY_LATE = "reset, done a little later", "reset, done very late"

_AN_EVENT = "2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234"

# What a client must survive without losing, doubling or burying anything.
TRANSIENT = (
    answer(500),
    html(502),
    too_many(0.05, status=503),
    too_many(0.05),
    too_many(),
    drop(),
    hang(0.05),
    store_then(answer(500)),
    store_then(html(504)),
    store_then(drop()),
    store_then(not_json()),
)
TRANSIENT_ADD = (*TRANSIENT, drop(commit_after=0.1), store_then(empty_results()))


def anything(_: Any) -> bool:
    """Every body."""
    return True


def says(fragment: str) -> Where:
    """The bodies that contain `fragment`, in a key or a value."""
    return lambda body: fragment in json.dumps(body, ensure_ascii=False)


@dataclass
class Matcher:
    """The next `times` requests of one kind whose body is as wanted."""

    kind: Match
    where: Where = anything
    times: int | None = None

    def takes(self, kind: Kind, body: Any) -> bool:
        """Whether this request is one of them; if so, it counts."""
        if self.times == 0 or self.kind not in ("any", kind) or not self.where(body):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Hold:
    """Requests stopped at one stage until the test lets them go, at the latest when its block ends."""

    def __init__(self, matcher: Matcher, stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
        self.arrived = threading.Event()
        self.matcher = matcher
        self.stage = stage
        self._released = asyncio.Event()
        self._loop = loop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def pause(self) -> None:
        """Report an arrival and return when it may go on."""
        self.arrived.set()
        await self._released.wait()

    def release(self) -> None:
        """Let go whatever is held, and hold nothing more."""
        with suppress(RuntimeError):  # the platform has closed, and its requests with it
            self._loop.call_soon_threadsafe(self._released.set)
