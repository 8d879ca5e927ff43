"""The fake Platform answers the real client as Mem0 does, and fails as it is told."""

import importlib
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.faults import (
    Fault,
    answer,
    drop,
    empty_results,
    failed,
    hang,
    html,
    http_date,
    not_json,
    pending,
    redirect,
    says,
    store_then,
    too_many,
)
from support.mem0_platform import Mem0Platform

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def mem0ai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEM0_TELEMETRY", "False")
        patch.setenv("MEM0_DIR", str(tmp_path_factory.mktemp("mem0")))
        yield importlib.import_module("mem0")


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def connect(mem0ai: Any, mem0: Mem0Platform) -> Iterator[Connect]:
    https: list[httpx.Client] = []

    def connected(api_key: str = "key", timeout: float = 10.0) -> Any:
        https.append(httpx.Client(timeout=timeout, verify=False))  # to load certificates takes time
        return mem0ai.MemoryClient(api_key=api_key, host=mem0.url, client=https[-1])

    yield connected
    for http in https:
        http.close()


@pytest.fixture
def client(connect: Connect) -> Any:
    return connect()


def add(client: Any, text: str = "Use SQLite", *, key: str = "k1", **options: Any) -> Any:
    return client.add(text, **{"user_id": "shop", "metadata": {"sync_key": key}, "infer": False, **options})


def look_up(client: Any, key: str = "k1", **options: Any) -> Any:
    return client.get_all(filters={"AND": [{"user_id": "shop"}, {"metadata": {"sync_key": key}}]}, **options)


def texts(listing: Any) -> list[str]:
    return [memory["memory"] for memory in listing["results"]]


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within two seconds."""
    until = time.monotonic() + 2
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def status_of(failure: pytest.ExceptionInfo[Exception]) -> Any:
    return getattr(failure.value, "debug_info", {}).get("status_code")


# ---- Memories ----


def test_an_add_without_inference_is_stored_verbatim_and_answered_with_its_id(
    mem0: Mem0Platform, client: Any
) -> None:
    """The synchronous answer names the memory."""
    said = add(client, "Use  SQLite – “really”")
    [memory] = mem0.memories
    assert said["status"] == "SUCCEEDED"
    assert said["results"] == [
        {"id": memory.id, "data": {"memory": "Use  SQLite – “really”"}, "event": "ADD"}
    ]
    assert (memory.text, memory.user_id, memory.metadata) == (
        "Use  SQLite – “really”",
        "shop",
        {"sync_key": "k1"},
    )


def test_the_same_add_twice_is_two_memories(mem0: Mem0Platform, client: Any) -> None:
    """Nothing makes add idempotent."""
    add(client)
    add(client)
    assert mem0.texts("shop") == {"Use SQLite": 2}
    assert mem0.texts("other") == {}


def test_deduplication_answers_success_without_results(mem0: Mem0Platform, client: Any) -> None:
    """The same text in another scope, and another text in the same scope, are stored all the same."""
    mem0.dedup = True
    assert len(add(client)["results"]) == 1
    assert add(client, key="k2") == {"status": "SUCCEEDED", "event_id": mem0.events[-1].id, "results": []}
    add(client, user_id="other")
    add(client, "Use Postgres")
    assert mem0.texts() == {"Use SQLite": 2, "Use Postgres": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "shop"},
        {"user_id": "shop", "messages": []},
        {"user_id": "shop", "messages": ["bare"]},
        {"messages": [{"role": "user", "content": "x"}]},
        ["no object"],
    ],
)
def test_a_malformed_add_is_a_400(mem0: Mem0Platform, client: Any, body: Any) -> None:
    """No messages, no entity id, or no object at all."""
    assert client.client.post("/v3/memories/add/", json=body).status_code == 400
    assert mem0.memories == []


def test_an_inferring_add_is_stored_only_when_its_event_succeeds(mem0: Mem0Platform, client: Any) -> None:
    """What is stored then is what the LLM made of it."""
    said = add(client, infer=True)
    assert said["status"] == "PENDING"
    event = f"/v1/event/{said['event_id']}/"
    assert client.client.get(event).json()["status"] == "PENDING"
    assert mem0.memories == []
    mem0.settle(status="RUNNING")
    assert client.client.get(event).json()["status"] == "RUNNING"
    mem0.settle()
    settled = client.client.get(event).json()
    assert settled["status"] == "SUCCEEDED"
    assert [result["id"] for result in settled["results"]] == [memory.id for memory in mem0.memories]
    assert mem0.texts() == {"Noted: Use SQLite": 1}


def test_an_event_can_fail(mem0: Mem0Platform, client: Any) -> None:
    """Its error is told and nothing is stored."""
    said = add(client, infer=True)
    mem0.settle(said["event_id"], "FAILED", error="no LLM")
    settled = client.client.get(f"/v1/event/{said['event_id']}/").json()
    assert (settled["status"], settled["error"], mem0.memories) == ("FAILED", "no LLM", [])


def test_events_can_settle_by_themselves(mem0: Mem0Platform, client: Any) -> None:
    """After `event_seconds`, deduplication included."""
    mem0.event_seconds = 0.0
    mem0.dedup = True
    add(client, infer=True)
    add(client, infer=True)
    assert mem0.texts() == {"Noted: Use SQLite": 1}


def test_an_unknown_event_is_a_404(client: Any) -> None:
    """As for one of another account."""
    assert client.client.get("/v1/event/2c4d1f44-0000-4b2f-9f6e-7b5b4f5a1234/").status_code == 404


def test_an_update_changes_what_it_names_and_keeps_the_rest(mem0: Mem0Platform, client: Any) -> None:
    """The id and the creation time stay."""
    [told] = add(client)["results"]
    [before] = mem0.memories
    client.update(told["id"], text="Use Postgres")
    [after] = mem0.memories
    assert (after.id, after.text, after.metadata) == (before.id, "Use Postgres", {"sync_key": "k1"})
    assert after.created_at == before.created_at < after.updated_at
    client.update(told["id"], metadata={"sync_key": "k2"})
    assert client.get(told["id"])["metadata"] == {"sync_key": "k2"}


def test_a_deleted_memory_is_gone_for_every_request(mem0: Mem0Platform, client: Any, mem0ai: Any) -> None:
    """Get, update and delete of it are 404s; an id that is no UUID is a 400."""
    [told] = add(client)["results"]
    client.delete(told["id"])
    assert mem0.memories == []
    for request in (client.get, client.delete, lambda gone: client.update(gone, text="x")):
        with pytest.raises(Exception, match="not found") as failure:
            request(told["id"])
        assert status_of(failure) == 404
    with pytest.raises(Exception, match="valid UUID"):
        client.get("17")


# ---- Listings and look-ups ----


def test_a_look_up_finds_by_user_and_sync_key(client: Any) -> None:
    """Neither another key nor another user matches."""
    add(client, "mine")
    add(client, "another key", key="k2")
    add(client, "another user", user_id="other")
    assert texts(look_up(client, page=1, page_size=2)) == ["mine"]
    assert look_up(client, "k3")["results"] == []


def test_a_listing_comes_in_pages_newest_first(mem0: Mem0Platform, client: Any) -> None:
    """Every page says how many there are and where its neighbours are."""
    for number in range(5):
        mem0.plant(str(number), user_id="shop")
    mem0.plant("oldest", user_id="shop", created_at=datetime(2020, 1, 1, tzinfo=UTC))
    pages = [client.get_all(filters={"user_id": "shop"}, page=page, page_size=3) for page in (1, 2)]
    assert [texts(page) for page in pages] == [["4", "3", "2"], ["1", "0", "oldest"]]
    assert [page["count"] for page in pages] == [6, 6]
    here = f"{mem0.url}/v3/memories/"
    assert [page["next"] for page in pages] == [f"{here}?page=2&page_size=3", None]
    assert [page["previous"] for page in pages] == [None, f"{here}?page=1&page_size=3"]


@pytest.mark.parametrize("page", [{"page_size": 201}, {"page_size": 0}, {"page": 0}, {"page": "first"}])
def test_a_page_out_of_bounds_is_a_400(client: Any, page: dict[str, Any]) -> None:
    """200 is the largest page."""
    with pytest.raises(Exception, match="must be an integer") as failure:
        client.get_all(filters={"user_id": "shop"}, **page)
    assert status_of(failure) == 400


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"AND": []},
        {"sync_key": "k1"},
        {"user_id": "shop", "sync_key": "k1"},
        {"metadata": {"sync_key": "k1"}},
        {"user_id": {"ne": "shop"}},
        {"AND": [{"user_id": "shop"}, {"metadata": {"sync_key": {"in": ["k1"]}}}]},
    ],
)
def test_a_filter_that_mem0_does_not_know_is_a_400(client: Any, filters: dict[str, Any]) -> None:
    """So is one that names no entity."""
    with pytest.raises(Exception, match=r"filter|operator") as failure:
        client.get_all(filters=filters)
    assert status_of(failure) == 400


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"user_id": "shop"}, "ab"),
        ({"user_id": "*"}, "abc"),
        ({"user_id": {"in": ["shop", "other"]}}, "abc"),
        ({"OR": [{"user_id": "other"}, {"metadata": {"n": 1}}]}, "ac"),
        ({"AND": [{"user_id": "shop"}], "OR": [{"metadata": {"n": 1}}]}, "ab"),
        ({"user_id": "shop", "NOT": [{"metadata": {"n": 1}}]}, "b"),
        ({"user_id": "shop", "metadata": {"n": {"ne": 1}}}, "b"),
        ({"user_id": "shop", "metadata": {"tag": {"contains": "ur"}}}, "b"),
        ({"user_id": "shop", "created_at": {"gte": "2026-02-01"}}, "b"),
    ],
)
def test_filters_mean_what_mem0_means(
    mem0: Mem0Platform, client: Any, filters: dict[str, Any], found: str
) -> None:
    """An OR beside an AND is dropped without a word."""
    mem0.plant("a", user_id="shop", metadata={"n": 1}, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    mem0.plant("b", user_id="shop", metadata={"n": 2, "tag": "blurb"})
    mem0.plant("c", user_id="other")
    assert "".join(sorted(texts(client.get_all(filters=filters)))) == found


def test_a_listing_can_be_bounded_by_days(mem0: Mem0Platform, client: Any) -> None:
    """Both days are included."""
    for day in (1, 2, 3):
        mem0.plant(str(day), user_id="shop", created_at=datetime(2026, 1, day, 12, tzinfo=UTC))
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    assert texts(client.get_all(filters={"user_id": "shop"}, **days)) == ["2", "1"]


def test_merged_memories_are_listed_only_on_request(mem0: Mem0Platform, client: Any) -> None:
    """Merging hides a memory; it doesn't delete it."""
    [told] = add(client)["results"]
    mem0.change(told["id"], replaced_by=mem0.plant("Use a database", user_id="shop").id)
    assert texts(look_up(client)) == []
    assert texts(look_up(client, include_merged=True)) == ["Use SQLite"]


def test_expired_memories_are_listed_only_on_request(client: Any) -> None:
    """One that expires today is still there."""
    today = datetime.now(UTC).date()
    add(client, "today", expiration_date=str(today))
    add(client, "yesterday", expiration_date=str(today - timedelta(days=1)))
    assert texts(look_up(client)) == ["today"]
    assert texts(look_up(client, show_expired=True)) == ["yesterday", "today"]


def test_a_lagging_listing_does_not_see_younger_writes(mem0: Mem0Platform, client: Any) -> None:
    """It shows what was there before an add, an update or a delete."""
    [told] = add(client)["results"]
    mem0.read_lag_seconds = 0.3
    assert texts(look_up(client)) == []
    assert client.get(told["id"])["memory"] == "Use SQLite"
    assert eventually(lambda: texts(look_up(client)) == ["Use SQLite"])
    client.update(told["id"], text="Use Postgres")
    assert texts(look_up(client)) == ["Use SQLite"]
    assert eventually(lambda: texts(look_up(client)) == ["Use Postgres"])
    client.delete(told["id"])
    assert texts(look_up(client)) == ["Use Postgres"]
    assert eventually(lambda: texts(look_up(client)) == [])


def test_a_search_ranks_by_shared_words(client: Any) -> None:
    """What shares none isn't found."""
    for text in ("use a queue", "use the SQLite database", "never on Fridays"):
        add(client, text)
    found = client.search("SQLite use", filters={"user_id": "shop"}, top_k=5)
    assert texts(found) == ["use the SQLite database", "use a queue"]
    assert texts(client.search("SQLite use", filters={"user_id": "shop"}, top_k=1)) == [
        "use the SQLite database"
    ]


# ---- The account ----


def test_a_wrong_key_is_a_401_everywhere(mem0: Mem0Platform, connect: Connect) -> None:
    """The constructor already fails on it, and a key revoked later fails the add."""
    mem0.api_key = "right"
    with pytest.raises(ValueError, match="Invalid API key"):
        connect("wrong")
    client = connect("right")
    mem0.api_key = "revoked"
    with pytest.raises(Exception, match="Invalid API key") as failure:
        add(client)
    assert status_of(failure) == 401
    assert mem0.memories == []


def test_a_ping_tells_whose_key_it_is(mem0: Mem0Platform, connect: Connect) -> None:
    """Another account behind the same URL shows."""
    mem0.org_id, mem0.project_id, mem0.user_email = "org-9", "proj-9", "eve@example.com"
    client = connect()
    assert (client.org_id, client.project_id, client.user_email) == ("org-9", "proj-9", "eve@example.com")


def test_adds_beyond_the_limit_are_refused_until_the_minute_is_over(mem0: Mem0Platform, client: Any) -> None:
    """Retry-After says when; reads aren't counted."""
    mem0.limit_per_minute = 2
    add(client)
    add(client)
    with pytest.raises(Exception, match="throttled") as failure:
        add(client)
    assert status_of(failure) == 429
    assert 58 <= getattr(failure.value, "debug_info", {})["retry_after"] <= 60
    assert look_up(client)["count"] == 2


# ---- Faults ----


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503])
def test_a_refused_add_is_not_stored(mem0: Mem0Platform, client: Any, status: int) -> None:
    """The client gets exactly the status ordered, and the next add works."""
    mem0.fail("add", answer(status))
    with pytest.raises(Exception, match=r".") as failure:
        add(client)
    assert status_of(failure) == status
    assert mem0.memories == []
    add(client)
    assert mem0.texts() == {"Use SQLite": 1}


@pytest.mark.parametrize("fault", [html(404), html(405), html(502), redirect()])
def test_a_proxy_can_answer_in_place_of_mem0(mem0: Mem0Platform, client: Any, fault: Fault) -> None:
    """With a page, or with a redirect."""
    mem0.fail("add", fault)
    with pytest.raises(Exception, match=r".") as failure:
        add(client)
    assert fault.answer is not None
    assert status_of(failure) == fault.answer.status
    assert mem0.memories == []


@pytest.mark.parametrize(
    ("given", "seen"),
    [(7, "7"), (0.5, "0.5"), (None, None), (http_date(60), r"\w{3}, \d\d \w{3} .* GMT")],
    ids=["integer", "fraction", "none", "date"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_arrives_in_every_form(
    mem0: Mem0Platform, client: Any, given: float | str | None, seen: str | None, status: int
) -> None:
    """Integer, fraction, date or none, on a 429 as on a 503."""
    mem0.fail("add", too_many(given, status=status))
    with pytest.raises(Exception, match=r".") as failure:
        add(client)
    assert isinstance(failure.value.__context__, httpx.HTTPStatusError)
    header = failure.value.__context__.response.headers.get("retry-after")
    assert header is None if seen is None else re.fullmatch(seen, header)


@pytest.mark.parametrize("fault", [answer(500), html(504), drop(), not_json(), failed()])
def test_a_fault_after_the_store_keeps_the_memory(mem0: Mem0Platform, client: Any, fault: Fault) -> None:
    """Whatever the answer says; and before the store, the same fault keeps nothing."""
    mem0.fail("add", fault)
    mem0.fail("add", store_then(fault))
    for stored in (0, 1):
        try:
            assert add(client)["status"] == "FAILED"
        except Exception as failure:  # noqa: BLE001  # their classes are the client's business
            assert failure.args  # noqa: PT017  # not every fault raises
        assert len(mem0.memories) == stored


def test_a_dropped_connection_is_no_answer(mem0: Mem0Platform, client: Any, mem0ai: Any) -> None:
    """The client can't tell whether its memory was stored."""
    mem0.fail("add", drop())
    with pytest.raises(mem0ai.exceptions.NetworkError, match="disconnected"):
        add(client)


def test_a_commit_may_come_after_the_drop(mem0: Mem0Platform, client: Any, mem0ai: Any) -> None:
    """Even across an outage."""
    mem0.fail("add", drop(commit_after=0.2))
    with pytest.raises(mem0ai.exceptions.NetworkError):
        add(client)
    mem0.go_down()
    assert mem0.memories == []
    assert eventually(lambda: mem0.texts() == {"Use SQLite": 1})


@pytest.mark.parametrize(("fault", "at_once"), [(hang(0.4), 0), (store_then(hang(0.4)), 1)])
def test_a_hanging_add_is_stored_although_its_client_left(
    mem0: Mem0Platform, connect: Connect, mem0ai: Any, fault: Fault, at_once: int
) -> None:
    """Before the answer was due, or once it was."""
    client = connect(timeout=0.1)
    mem0.fail("add", fault)
    with pytest.raises(mem0ai.exceptions.NetworkError, match="timed out"):
        add(client)
    assert len(mem0.memories) == at_once
    assert eventually(lambda: len(mem0.memories) == 1)


def test_an_answer_may_come_late(mem0: Mem0Platform, client: Any) -> None:
    """To a client that waits, it is the true one."""
    mem0.fail("add", hang(0.1))
    began = time.monotonic()
    assert add(client)["status"] == "SUCCEEDED"
    assert time.monotonic() - began >= 0.1


def test_success_may_name_no_memory(mem0: Mem0Platform, client: Any) -> None:
    """Although it is stored."""
    mem0.fail("add", store_then(empty_results()))
    assert add(client)["results"] == []
    assert mem0.texts() == {"Use SQLite": 1}


def test_an_add_without_inference_may_be_put_off(mem0: Mem0Platform, client: Any) -> None:
    """Its event is real, and so is the body that was noted."""
    mem0.fail("add", pending())
    said = add(client)
    assert (said["status"], mem0.memories, mem0.adds[0]["infer"]) == ("PENDING", [], False)
    mem0.settle(said["event_id"])
    assert len(mem0.memories) == 1


def test_a_fault_meets_only_the_requests_it_is_meant_for(mem0: Mem0Platform, client: Any) -> None:
    """By kind, by body, and as often as ordered."""
    mem0.fail("add", answer(500), where=says("poison"), times=None)
    mem0.fail("lookup", answer(503))
    add(client, "harmless")
    for _ in range(3):
        with pytest.raises(Exception, match="Internal"):
            add(client, "poison")
    with pytest.raises(Exception, match="Unavailable"):
        look_up(client)
    assert texts(look_up(client)) == ["harmless"]
    mem0.calm()
    add(client, "poison")


def test_faults_are_used_up_in_order(mem0: Mem0Platform, client: Any) -> None:
    """The first two adds fail so, the third otherwise."""
    mem0.fail("any", answer(500), times=2)
    mem0.fail("add", answer(503))
    seen = []
    for _ in range(3):
        with pytest.raises(Exception, match=r".") as failure:
            add(client)
        seen.append(status_of(failure))
    assert seen == [500, 500, 503]


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("update", lambda client, known: client.update(known, text="x")),
        ("delete", lambda client, known: client.delete(known)),
        ("get", lambda client, known: client.get(known)),
        ("search", lambda client, _: client.search("x", filters={"user_id": "shop"})),
    ],
)
def test_every_kind_of_request_can_fail(
    mem0: Mem0Platform, client: Any, kind: Any, request_: Callable[[Any, str], Any]
) -> None:
    """And does nothing when it does so before being carried out."""
    [told] = add(client)["results"]
    mem0.fail(kind, answer(503))
    with pytest.raises(Exception, match="Unavailable"):
        request_(client, told["id"])
    assert mem0.texts() == {"Use SQLite": 1}
    request_(client, told["id"])


def test_a_ping_can_fail(mem0: Mem0Platform, connect: Connect) -> None:
    """And with it the constructor."""
    mem0.fail("ping", answer(503))
    with pytest.raises(ValueError, match="Unavailable"):
        connect()


@pytest.mark.parametrize(("stage", "stored"), [("received", 0), ("stored", 1)])
def test_a_request_can_be_held_at_a_stage(mem0: Mem0Platform, client: Any, stage: Any, stored: int) -> None:
    """Others of its kind pass, and once released it is answered truly."""
    with ThreadPoolExecutor() as pool, mem0.hold("add", stage=stage, where=says("slow")) as hold:
        held = pool.submit(add, client, "slow")
        assert hold.arrived.wait(2)
        assert len(mem0.memories) == stored
        add(client, "quick")
        assert not held.done()
        hold.release()
        assert held.result(2)["status"] == "SUCCEEDED"
    assert mem0.texts() == {"slow": 1, "quick": 1}


def test_a_held_add_is_lost_when_the_platform_goes_down(mem0: Mem0Platform, client: Any, mem0ai: Any) -> None:
    """What wasn't stored by then never will be."""
    with ThreadPoolExecutor() as pool, mem0.hold("add") as hold:
        held = pool.submit(add, client)
        assert hold.arrived.wait(2)
        mem0.go_down()
        with pytest.raises(mem0ai.exceptions.NetworkError):
            held.result(2)
    mem0.come_back()
    add(client, "later")
    assert mem0.texts() == {"later": 1}


def test_chaos_follows_its_seed(mem0: Mem0Platform, connect: Connect) -> None:
    """The same seed brings the same faults, of many sorts, and sound answers in between."""

    def outcomes(seed: int) -> list[str]:
        mem0.chaos(random.Random(seed), rate=0.5)
        seen = []
        for _ in range(60):
            try:
                seen.append("stored" if add(client)["results"] else "empty")
            except Exception as failure:  # noqa: BLE001  # any will do
                seen.append(
                    f"{type(failure).__name__} {getattr(failure, 'debug_info', {}).get('status_code')}"
                )
        mem0.calm()
        return seen

    client = connect()
    first = outcomes(4)
    assert outcomes(4) == first != outcomes(5)
    assert len(set(first)) >= 7
    assert 20 <= first.count("stored") <= 45


# ---- The server ----


def test_an_outage_refuses_connections_and_ends_on_the_same_port(
    mem0: Mem0Platform, client: Any, mem0ai: Any
) -> None:
    """The memories outlive it; going down twice or coming back twice does no harm."""
    add(client)
    mem0.go_down()
    mem0.go_down()
    with pytest.raises(mem0ai.exceptions.NetworkError) as failure:
        add(client)
    assert getattr(failure.value, "error_code", "") == "NET_CONNECT"
    mem0.come_back()
    mem0.come_back()
    add(client, "again")
    assert mem0.texts() == {"Use SQLite": 1, "again": 1}


def test_what_arrived_can_be_inspected(mem0: Mem0Platform, connect: Connect) -> None:
    """Also what was refused: its line, its headers, its body."""
    mem0.fail("add", drop())
    client = connect("a-key")
    with pytest.raises(Exception, match="disconnected"):
        add(client, "Use SQLite")
    look_up(client, page=1, page_size=2)
    assert [(seen.kind, seen.method, seen.path) for seen in mem0.requests] == [
        ("ping", "GET", "/v1/ping/"),
        ("add", "POST", "/v3/memories/add/"),
        ("lookup", "POST", "/v3/memories/"),
    ]
    assert [body["messages"][0]["content"] for body in mem0.adds] == ["Use SQLite"]
    assert mem0.requests[2].query == {"page": "1", "page_size": "2"}
    times = [seen.at for seen in mem0.requests]
    assert times == sorted(times)
    for part in (
        b"POST /v3/memories/add/",
        b"Token a-key",
        b'"content":"Use SQLite"',
        b"?page=1&page_size=2",
    ):
        assert part.lower() in mem0.received.lower()


def test_another_path_is_a_404_page_and_noted(mem0: Mem0Platform, client: Any) -> None:
    """What the fake doesn't know can't pass for success."""
    told = client.client.delete("/v1/memories/", params={"user_id": "shop"})
    assert (told.status_code, told.headers["content-type"]) == (404, "text/html")
    assert mem0.requests[-1].kind == "other"


@pytest.mark.parametrize("fault", [hang(0), store_then(drop()), drop(commit_after=0)])
def test_a_mistake_in_a_test_surfaces_when_the_platform_closes(fault: Fault) -> None:
    """Instead of passing for one more 500 that the client under test survives."""
    body = {"filters": {"user_id": "shop"}, "keywords": "x"}
    with pytest.raises(NotImplementedError, match="keywords"), Mem0Platform() as mem0:  # noqa: PT012
        mem0.fail("lookup", fault)
        with suppress(httpx.RemoteProtocolError), httpx.Client(base_url=mem0.url, verify=False) as http:
            assert http.post("/v3/memories/", json=body).status_code == 500
        assert eventually(lambda: mem0._bugs != [])


def test_many_threads_lose_nothing(mem0: Mem0Platform, client: Any) -> None:
    """Each add is stored once while the test looks on."""
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        watcher = pool.submit(lambda: [mem0.texts() for _ in iter(lambda: done.wait(0.001), True)])
        list(pool.map(lambda n: add(client, str(n)), range(200)))
        done.set()
        assert watcher.result()
    assert mem0.texts() == {str(n): 1 for n in range(200)}


def test_answers_leave_at_once(mem0: Mem0Platform, client: Any) -> None:
    """Without TCP_NODELAY, each could wait 40 ms for an acknowledgement."""
    add(client)
    [connection] = mem0._server.server_state.connections if mem0._server else []
    sock = connection.transport.get_extra_info("socket") if connection.transport else None
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_it_runs_as_a_process() -> None:
    """It says where, keeps its latency and its limit, and settles its events."""
    script = Path(__file__).parents[2] / "support" / "mem0_platform.py"
    command = [sys.executable, str(script), "--port", "0", "--latency-ms", "50", "--limit-per-minute", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        body = {"messages": [{"role": "user", "content": "x"}], "user_id": "shop"}
        with httpx.Client(base_url=process.stdout.readline().strip()) as http:
            began = time.monotonic()
            event = http.post("/v3/memories/add/", json=body).json()["event_id"]
            assert time.monotonic() - began >= 0.05
            assert http.post("/v3/memories/add/", json=body).status_code == 429
            assert http.get(f"/v1/event/{event}/").json()["status"] == "SUCCEEDED"
        process.terminate()
