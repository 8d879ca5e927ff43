"""The destination for self-hosted servers, against a real `mem0.Memory` behind the server's REST paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest

from mem0_syncd.core.outcome import Absent, Found, Gone, Held, Later, Refused, Stored, Unknown
from mem0_syncd.destinations import CannotOpen
from mem0_syncd.destinations.server import Server
from support.embedded_store import memory
from support.faults import answer, drop, hang, html, not_json, redirect, store_then, too_many
from support.mem0_server import Mem0Server, upstream


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mem0Server]:
    """One server for all tests: each has a user id of its own."""
    with Mem0Server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def mem0(shared: Mem0Server) -> Iterator[Mem0Server]:
    """The server, well again after each test."""
    yield shared
    shared.calm()


@contextmanager
def opened(mem0: Mem0Server, **changes: Any) -> Iterator[Server]:
    """The destination for a block, as the courier opens it."""
    config = {"url": mem0.url, "api_key": mem0.api_key, "timeout": 60.0, "threads": 4}
    with closing(Server.open({**config, **changes})) as destination:
        yield destination


@pytest.fixture
def server(mem0: Mem0Server) -> Iterator[Server]:
    """The destination, opened."""
    with opened(mem0) as destination:
        yield destination


def of(user_id: str, number: int, text: str = "", **metadata: str) -> Any:
    """A memory of a user id of its own."""
    return replace(memory(number, text, **metadata), user_id=user_id)


def stored(server: Server, it: Any) -> str:
    """The id under which a memory was added."""
    outcome = server.push(it, None)
    assert isinstance(outcome, Stored)
    return outcome.ids[0]


def test_a_memory_is_added_found_revised_and_deleted(server: Server) -> None:
    """Verbatim, under its user id, with all its metadata."""
    first = of("round", 1)
    assert server.look(first) == Absent()
    number = stored(server, first)
    assert server.look(first) == Found(number, first.content_hash)
    revised = of("round", 1, "Decided anew", reviewer="Ada")
    assert server.push(revised, number) == Stored((number,))
    assert server.look(revised) == Found(number, revised.content_hash)
    (it,) = server.listing("round")
    assert (it.id, it.text, it.user_id) == (number, "Decided anew", "round")
    assert it.metadata["source"] == "mem0-syncd"
    assert it.metadata["reviewer"] == "Ada"
    again = of("round", 1, "Decided once more")
    assert server.push(again, number) == Stored((number,))
    it = server.listing("round")[0]
    assert not it.metadata["reviewer"]
    assert server.get(number) == it
    server.delete(number)
    server.delete(number)
    assert server.get(number) is None
    assert server.push(revised, number) == Gone("the memory is no longer there")


def test_a_search_has_the_nearest_of_all_user_ids_first(server: Server) -> None:
    """Each user id is asked for."""
    stored(server, of("near", 1, "Passwords are hashed with Argon2"))
    stored(server, of("far", 2, "The office has a coffee machine"))
    hits = server.search("how do we store passwords?", ["far", "near"], 2)
    assert [hit.user_id for hit in hits] == ["near", "far"]
    assert server.search("passwords", ["far", "near"], 1)[0].text == "Passwords are hashed with Argon2"


def test_more_than_twenty_memories_are_listed(server: Server) -> None:
    """Which is what the server shows unless it is asked for more."""
    for number in range(25):
        stored(server, of("many", number))
    assert len(server.listing("many")) == 25


def test_beyond_the_limit_of_a_listing_the_key_is_searched_for(mem0: Mem0Server, monkeypatch: Any) -> None:
    """So an add finds what is there, as far as an approximate index finds it."""
    monkeypatch.setattr("mem0_syncd.destinations.server.LIST_LIMIT", 3)
    with opened(mem0) as server:
        numbers = [stored(server, of("more", number)) for number in range(5)]
        assert len(server.listing("more")) == 3
        for number, known in enumerate(numbers):
            again = of("more", number)
            assert server.look(again) == Found(known, again.content_hash)
            assert server.push(again, None) == Found(known, again.content_hash)
            assert [it.id for it in server.copies("more", again.sync_key)] == [known]
        mem0.fail(
            "search",
            answer(200, {"results": [asdict(it) | {"memory": it.text} for it in server.listing("more")]}),
        )
        assert server.look(of("more", 8)) == Absent()
        assert isinstance(server.push(of("more", 9), None), Stored)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (answer(401), Held),
        (answer(403), Held),
        (redirect(), Held),
        (html(404), Held),
        (answer(404), Held),
        (answer(422), Refused),
        (answer(400), Refused),
        (too_many(3), Later),
        (html(502), Unknown),
        (answer(500), Unknown),
        (not_json(), Unknown),
        (drop(), Unknown),
        (answer(200, {"results": []}), Unknown),
        (upstream("provider_auth_failed"), Held),
        (upstream("provider_bad_request"), Refused),
        (upstream("provider_unavailable"), Later),
        (upstream("vector_store_unavailable"), Later),
        (upstream("unknown"), Unknown),
    ],
)
def test_what_an_answer_to_an_add_means(mem0: Mem0Server, server: Server, fault: Any, expected: type) -> None:
    """Held names the server's own settings; what the server reports of others passes, and is no doubt."""
    mem0.fail("add", fault)
    outcome = server.push(of("answers", 1), None)
    assert isinstance(outcome, expected)
    if isinstance(outcome, Held):
        assert "server" in outcome.remedy.lower()


def test_what_was_stored_before_the_server_failed_is_found(mem0: Mem0Server, server: Server) -> None:
    """A 502 of the server itself is no doubt: it is done with the add."""
    it = of("failed", 1)
    mem0.fail("add", store_then(upstream("datastore_unavailable")))
    outcome = server.push(it, None)
    assert isinstance(outcome, Found)
    assert outcome.content_hash == it.content_hash


@pytest.mark.parametrize("fault", [answer(502), upstream("unknown"), answer(500)])
def test_an_update_of_what_is_gone_is_seen_through_any_answer(
    mem0: Mem0Server, server: Server, fault: Any
) -> None:
    """Older servers answer 500 or 502; one whose memory is there is a doubt."""
    number = stored(server, of("gone", 1))
    mem0.fail("update", fault)
    assert isinstance(server.push(of("gone", 1, "anew"), number), Unknown)
    server.delete(number)
    mem0.fail("update", fault)
    assert isinstance(server.push(of("gone", 1, "anew"), number), Gone)


@pytest.mark.parametrize("fault", [answer(422), answer(502), not_json(), hang(1)])
def test_a_look_up_that_fails_says_nothing(mem0: Mem0Server, fault: Any) -> None:
    """Least of all that nothing is there."""
    with opened(mem0, timeout=0.5) as server:
        mem0.fail("lookup", fault)
        assert isinstance(server.look(of("dim", 1)), Unknown)


def test_what_infers_can_be_found_by_its_text(mem0: Mem0Server, server: Server) -> None:
    """After an answer that names no memory."""
    number = mem0.add("Noted by somebody else ", "noted")
    it = of("noted", 1, "Noted by somebody else")
    assert server.look(it) == Absent()
    assert server.look(it, by_text=True) == Found(number, "")


def test_a_server_that_cannot_be_used_is_not_opened(mem0: Mem0Server) -> None:
    """Each says why, and a refused key is met by the first request."""

    def outcome(**changes: Any) -> Any:
        with pytest.raises(CannotOpen) as caught, opened(mem0, **changes):
            pass
        return caught.value.outcome

    assert "MEM0_SYNCD_SERVER__URL" in outcome(url=None).remedy
    assert isinstance(outcome(url="http://127.0.0.1:1"), Later)
    assert isinstance(outcome(api_key="ключ"), Held)
    mem0.fail("ping", answer(200, {**mem0.description, "components": {}}))
    assert "infer" in outcome().reason
    mem0.fail("ping", answer(200, {**mem0.description, "paths": {}}))
    assert "top_k" in outcome().reason
    assert isinstance(outcome(api_key="another"), Held)
    mem0.fail("lookup", answer(502))
    assert isinstance(outcome(), Later)
    mem0.fail("ping", answer(404))
    with opened(mem0) as undescribed:
        assert undescribed.look(of("nobody", 1)) == Absent()
