"""What Mem0's answers and httpx's exceptions mean for an entry: the table of docs, row by row."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from mem0_syncd.core.outcome import Accepted, Gone, Held, Later, Outcome, Refused, Stored, Unknown
from mem0_syncd.destinations.http_errors import (
    outcome_of_add,
    outcome_of_error,
    outcome_of_response,
    retry_after,
)

URL = "https://mem0.example.org/v3/memories/add/"
ERROR = {"detail": "no, because"}

Handler = Callable[[httpx.Request], httpx.Response]


def answer(status: int, content: Any = ERROR, **headers: str) -> httpx.Response:
    """An answer with a JSON body, or with the text that is given."""
    body = content if isinstance(content, str) else json.dumps(content)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, text=body, headers=named, request=httpx.Request("POST", URL))


def raised_by_mem0(handler: Handler, *, is_update: bool = False) -> Exception:
    """What the real client raises where its HTTP client answers, or fails, as `handler` does."""
    from mem0 import MemoryClient

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/ping/":
            return httpx.Response(
                200, json={"status": "ok", "org_id": "o", "project_id": "p", "user_email": "u"}
            )
        return handler(request)

    with httpx.Client(transport=httpx.MockTransport(serve), base_url=URL) as http:
        client = MemoryClient(api_key="m0-test", host="https://mem0.example.org", client=http)
        try:
            if is_update:
                client.update("m-1", text="x")
            else:
                client.add([{"role": "user", "content": "x"}], user_id="u")
        except Exception as error:  # noqa: BLE001 - whatever it is
            return error
    raise AssertionError("the client raised nothing")


TABLE: list[tuple[int, Any, type[Outcome], type[Outcome]]] = [
    # status, body, what it means for an add, and for an update
    (400, ERROR, Refused, Refused),
    (409, ERROR, Refused, Refused),
    (422, ERROR, Refused, Refused),
    (413, ERROR, Refused, Refused),
    (401, ERROR, Held, Held),
    (403, ERROR, Held, Held),
    (402, ERROR, Held, Held),
    (301, "", Held, Held),
    (302, "<html>", Held, Held),
    (307, ERROR, Held, Held),
    (404, ERROR, Held, Gone),
    (405, ERROR, Held, Held),
    (404, "<html>not here</html>", Held, Held),
    (400, "<html>bad gateway</html>", Held, Held),
    (422, "", Held, Held),
    (401, "<html>", Held, Held),
    (418, ERROR, Held, Held),
    (429, ERROR, Later, Later),
    (429, "<html>slow down</html>", Later, Later),
    (408, ERROR, Unknown, Unknown),
    (500, ERROR, Unknown, Unknown),
    (502, "<html>", Unknown, Unknown),
    (503, "", Unknown, Unknown),
    (504, ERROR, Unknown, Unknown),
    (524, "", Unknown, Unknown),
]
ROWS = pytest.mark.parametrize(
    ("status", "content", "of_add", "of_update"), TABLE, ids=[f"{row[0]} {str(row[1])[:7]}" for row in TABLE]
)


@ROWS
def test_an_answer_means_what_the_table_says(
    status: int, content: Any, of_add: type[Outcome], of_update: type[Outcome]
) -> None:
    """Read from the answer itself."""
    assert type(outcome_of_response(answer(status, content))) is of_add
    assert type(outcome_of_response(answer(status, content), is_update=True)) is of_update


@ROWS
def test_an_exception_of_the_client_means_what_its_answer_means(
    status: int, content: Any, of_add: type[Outcome], of_update: type[Outcome]
) -> None:
    """Whatever class mem0ai wraps it in."""

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(status, content)

    assert type(outcome_of_error(raised_by_mem0(handler))) is of_add
    assert type(outcome_of_error(raised_by_mem0(handler, is_update=True), is_update=True)) is of_update


REQUEST = httpx.Request("POST", URL)
FAILURES: list[tuple[Exception, type[Outcome]]] = [
    (httpx.ConnectError("[Errno 111] Connection refused"), Later),
    (httpx.ConnectError("[Errno -2] Name or service not known"), Later),
    (httpx.ConnectTimeout("timed out"), Later),
    (httpx.PoolTimeout(""), Later),
    (httpx.ProxyError("407"), Later),
    (httpx.ReadTimeout("timed out"), Unknown),
    (httpx.WriteTimeout("timed out"), Unknown),
    (httpx.ReadError("[Errno 104] Connection reset by peer"), Unknown),
    (httpx.WriteError("broken pipe"), Unknown),
    (httpx.RemoteProtocolError("Server disconnected without sending a response."), Unknown),
    (httpx.DecodingError("incorrect header check"), Unknown),
    (httpx.UnsupportedProtocol("missing http:// or https://"), Held),
    (httpx.LocalProtocolError("Illegal header value"), Held),
]
FAILING = pytest.mark.parametrize(("failure", "meaning"), FAILURES, ids=[repr(row[0]) for row in FAILURES])


@FAILING
def test_a_failure_means_what_the_table_says(failure: Exception, meaning: type[Outcome]) -> None:
    """What surely wasn't sent waits, what may have been is unknown, what can't be sent holds."""
    outcome = outcome_of_error(failure)
    assert type(outcome) is meaning
    assert getattr(outcome, "reason", "")


@FAILING
def test_a_failure_within_the_client_means_the_same(
    failure: httpx.RequestError, meaning: type[Outcome]
) -> None:
    """mem0ai wraps some of them, and lets others through."""

    def fail(request: httpx.Request) -> httpx.Response:
        failure.request = request
        raise failure

    assert type(outcome_of_error(raised_by_mem0(fail))) is meaning


def test_a_real_refused_connection_is_later() -> None:
    """Of a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with httpx.Client(trust_env=False) as http, pytest.raises(httpx.ConnectError) as caught:
            http.get(f"http://127.0.0.1:{port}/")
    assert isinstance(outcome_of_error(caught.value), Later)


@pytest.mark.parametrize("body", ["<html>", "", '{"results": ['])
def test_an_answer_of_2xx_that_is_no_json_is_unknown(body: str) -> None:
    """It may be stored."""

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(200, body)

    assert isinstance(outcome_of_error(raised_by_mem0(handler)), Unknown)


def test_an_exception_that_nobody_knows_is_unknown() -> None:
    """What can't be told was perhaps sent."""
    assert isinstance(outcome_of_error(RuntimeError("what?")), Unknown)
    assert isinstance(outcome_of_error(RuntimeError()), Unknown)


def test_what_a_hold_says_names_the_way_out() -> None:
    """`status` shows it."""
    for status in (401, 402, 403, 404, 405, 301):
        outcome = outcome_of_response(answer(status))
        assert isinstance(outcome, Held)
        assert outcome.reason
        assert outcome.remedy
    html = outcome_of_response(answer(400, "<html>"))
    assert "mem0.example.org" in html.reason  # type: ignore[union-attr]


def test_a_refusal_says_why_on_one_line_of_bounded_length() -> None:
    """The reason of a dead letter is read by a person."""
    outcome = outcome_of_response(answer(422, {"detail": "a\n\n b " + "x" * 5000}))
    assert isinstance(outcome, Refused)
    assert "422" in outcome.reason
    assert len(outcome.reason) < 400


# Retry-After ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("nan", 0.0),
    ],
)
def test_retry_after_as_a_number(value: str, seconds: float) -> None:
    """An integer, a fraction, or nonsense."""
    assert retry_after(answer(429, Retry_After=value)) == seconds


@pytest.mark.parametrize("offset", [0, 5])
def test_retry_after_as_a_date(offset: int) -> None:
    """In whatever zone; a date that has passed asks for nothing."""
    moment = datetime.now(UTC) + timedelta(seconds=90, hours=0)
    spelled = format_datetime(moment, usegmt=True) if not offset else format_datetime(moment)
    assert 85 < retry_after(answer(429, Retry_After=spelled)) <= 90
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert retry_after(answer(429, Retry_After=past)) == 0.0


@pytest.mark.parametrize(
    "value",
    [
        "1e300",
        "inf",
        pytest.param(
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ),
    ],
)
def test_retry_after_is_a_day_at_most(value: str) -> None:
    """A proxy's mistake mustn't silence the daemon for ever."""
    assert retry_after(answer(429, Retry_After=value)) == 24 * 3600.0


def test_no_retry_after_makes_it_raise() -> None:
    """An outcome is a value, whatever the header says."""
    assert retry_after(answer(429, Retry_After="Fri, 31 Dec 2025 00:00:00 +99999999999999999999")) == 0.0


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("value", ["30", "30.0"])
def test_retry_after_is_read_from_every_answer_that_may_have_it(status: int, value: str) -> None:
    """mem0ai reads it for 429 alone, and as an integer alone."""

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(status, ERROR, Retry_After=value)

    outcome = outcome_of_error(raised_by_mem0(handler))
    assert isinstance(outcome, Later | Unknown)
    assert outcome.after == 30.0


# What a 2xx says ------------------------------------------------------------------------------------------

EMPTY = Unknown("Mem0 answered success with empty results", by_text=True)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"status": "SUCCEEDED", "results": [{"id": "m-1", "event": "ADD"}]}, Stored(("m-1",))),
        ({"results": [{"id": "m-1"}, {"id": "m-2"}]}, Stored(("m-1", "m-2"))),
        ({"status": "succeeded", "results": [{"id": 7}]}, Stored(("7",))),
        ({"status": "PENDING", "event_id": "e-1"}, Accepted("e-1")),
        ({"status": "RUNNING", "id": "e-1"}, Accepted("e-1")),
        ({"status": "SUCCEEDED", "results": []}, EMPTY),
        ({"status": "SUCCEEDED"}, EMPTY),
        ({"results": [{"event": "ADD"}, "m-1", None]}, EMPTY),
        ({}, EMPTY),
    ],
)
def test_a_2xx_is_no_receipt_by_itself(said: Any, outcome: Outcome) -> None:
    """Only ids are."""
    assert outcome_of_add(said) == outcome


@pytest.mark.parametrize("said", [None, [], "ok", 3, {"status": "PENDING"}])
def test_a_2xx_that_is_not_understood_is_unknown(said: Any) -> None:
    """It may be stored."""
    assert isinstance(outcome_of_add(said), Unknown)


@pytest.mark.parametrize("results", ["m-1", {"id": "m-1"}])
def test_results_that_are_no_list_are_unknown(results: Any) -> None:
    """Mem0's answer is not understood."""
    assert isinstance(outcome_of_add({"status": "SUCCEEDED", "results": results}), Unknown)


@pytest.mark.parametrize("results", [5, True])
def test_results_that_cannot_be_walked_are_unknown(results: Any) -> None:
    """An outcome is a value, whatever the answer is."""
    assert isinstance(outcome_of_add({"status": "SUCCEEDED", "results": results}), Unknown)


@pytest.mark.parametrize("reason", [{"error": "the LLM is down"}, {"message": "the LLM is down"}])
def test_a_failure_that_mem0_reports_is_refused_with_its_reason(reason: dict[str, str]) -> None:
    """`status: FAILED`, of an add or of an event."""
    outcome = outcome_of_add({"status": "FAILED", **reason})
    assert isinstance(outcome, Refused)
    assert "the LLM is down" in outcome.reason


@pytest.mark.parametrize("status", ["QUEUED", "COMPLETED", "success"])
def test_a_status_that_nobody_knows_is_unknown(status: str) -> None:
    """It may be stored: a dead letter would claim that it surely isn't."""
    outcome = outcome_of_add({"status": status, "event_id": "e-1", "results": [{"id": "m-1"}]})
    assert not isinstance(outcome, Refused)
