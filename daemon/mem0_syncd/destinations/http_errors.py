"""The outcome that an exception or an answer of Mem0 means for an entry."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mem0_syncd.core.outcome import Accepted, Gone, Held, Later, PushOutcome, Refused, Stored, Unknown
from mem0_syncd.destinations.answer_checks import MOST_IDS, Misunderstood, id_of
from mem0_syncd.errors import causes
from mem0_syncd.system.scrubbed_reasons import reason

UNAUTHORISED = 401
PAYMENT_REQUIRED = 402
FORBIDDEN = 403
NOT_FOUND = 404
TIMED_OUT = 408
TOO_LARGE = 413
TOO_MANY = 429
SERVER_ERRORS = 500
REFUSALS = {400, 409, 422}

LONGEST_PAUSE = 24 * 3600.0
"""Seconds; a server that asks for a longer wait is mistaken."""

_HOLDS = {
    UNAUTHORISED: ("Mem0 doesn't accept the API key", "set the right MEM0_API_KEY, or: mem0-syncd login"),
    PAYMENT_REQUIRED: ("the Mem0 account's quota is used up", "see the plan in Mem0's dashboard"),
    FORBIDDEN: ("the API key may not do this", "check the key's rights in Mem0's dashboard"),
}


def outcome_of_error(error: BaseException, *, is_update: bool = False) -> PushOutcome:
    """The outcome that an exception from a request stands for.

    mem0ai wraps httpx's exceptions; the original is the exception's context (its client/utils.py).
    """
    cause = _httpx_cause(error)
    if isinstance(cause, httpx.HTTPStatusError):
        return outcome_of_response(cause.response, is_update=is_update)
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return Later(f"Mem0 can't be reached: {_said(cause)}")
    if isinstance(cause, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Held(f"the request can't be made: {_said(cause)}", "check platform.host and the API key")
    if isinstance(cause, httpx.TimeoutException):
        return Unknown(f"no answer in time: {_said(cause)}")
    if isinstance(error, json.JSONDecodeError):
        return Unknown("Mem0's answer isn't JSON")
    if isinstance(error, RecursionError):
        return Unknown("Mem0's answer is nested too deeply")
    if isinstance(error, Misunderstood):
        return Unknown(f"Mem0's answer is not understood: {error}")
    return Unknown(f"no answer: {_said(cause or error)}")


def outcome_of_response(response: httpx.Response, *, is_update: bool = False) -> PushOutcome:
    """The outcome that an answer other than 2xx stands for."""
    status = response.status_code
    if status == TOO_MANY:
        return Later("Mem0 asks for a pause (429)", retry_after(response))
    if status == TIMED_OUT or status >= SERVER_ERRORS:
        return Unknown(f"Mem0 answered {status}", retry_after(response))
    if status in _HOLDS:
        return Held(*_HOLDS[status])
    if status == TOO_LARGE:  # A proxy in between says it in HTML, and it is still the item's fault.
        return Refused(f"too large for Mem0 ({status}): {_detail(response)}")
    if not _is_json(response) or (status == NOT_FOUND and not is_update):
        return Held(
            f"something that isn't Mem0 answers at {response.request.url.host} ({status})",
            "check platform.host and the proxy",
        )
    if status == NOT_FOUND:
        return Gone("the memory is no longer there")
    if status in REFUSALS:
        return Refused(f"Mem0 refused it ({status}): {_detail(response)}")
    return Held(f"Mem0 answered {status}: {_detail(response)}", "check platform.host and the proxy")


def outcome_of_add(answer: Any) -> PushOutcome:
    """The outcome that a 2xx answer to an add or an event's poll stands for; 2xx alone isn't a receipt."""
    if not isinstance(answer, dict):
        return Unknown("Mem0's answer is not understood")
    status = str(answer.get("status") or "SUCCEEDED").upper()
    if status in {"PENDING", "RUNNING"}:
        event = answer.get("event_id") or answer.get("id")
        return Accepted(number) if (number := id_of(event)) else Unknown("Mem0 said PENDING without an event")
    if status == "FAILED":
        return Refused(f"Mem0 answered {status}: {reason(str(answer.get('error') or answer.get('message')))}")
    results = answer.get("results")
    found = results if isinstance(results, list) else []
    ids = [id_of(it["id"]) for it in found if isinstance(it, dict) and it.get("id")]
    if len(ids) > MOST_IDS or not all(ids):
        return Unknown("the ids in Mem0's answer are none")
    if ids:
        return Stored(tuple(ids))
    if status == "SUCCEEDED":
        return Unknown("Mem0 answered success with empty results", by_text=True)
    return Unknown(f"Mem0 answered {status}, and no ids")


def retry_after(response: httpx.Response) -> float:
    """The seconds that `Retry-After` asks for, as a number or a date; 0 without it."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return 0.0 if math.isnan(seconds) else max(0.0, min(seconds, LONGEST_PAUSE))


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0


def _httpx_cause(error: BaseException | None) -> httpx.HTTPError | httpx.InvalidURL | None:
    found = (it for it in causes(error) if isinstance(it, httpx.HTTPError | httpx.InvalidURL))
    return next(found, None)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _is_json(response: httpx.Response) -> bool:
    try:
        json.loads(response.text)
    except ValueError:
        return False
    return True


def _detail(response: httpx.Response) -> str:
    return reason(response.text)
