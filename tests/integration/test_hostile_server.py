"""A server that doesn't mean well: what it answers is an outcome, and costs no more than its limits."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from mem0_syncd.core.memory_payload import SOURCE, Memory
from mem0_syncd.core.outcome import Absent, Found, Held, Stored, Unknown
from mem0_syncd.destinations import CannotOpen, platform
from mem0_syncd.destinations.http import LONGEST_ANSWER, AnswerTooMuch, BoundedClient
from mem0_syncd.destinations.platform import Platform
from mem0_syncd.destinations.server import Server
from support.hostile_server import PING, Said, Speak, serving, well

MEMORY = Memory("shop-decisions", "text", None, {"sync_key": "k", "content_hash": "h", "source": SOURCE})
PLACE = {"api_key": "m0-test", "timeout": 20.0, "threads": 2, "proxy": None, "ca_bundle": None}


@contextmanager
def opened(speak: Speak, name: str = "platform") -> Iterator[Any]:
    """A destination at a server that speaks so, after a ping that went well."""

    def answer(method: str, path: str, page: int) -> Said:
        opens = {"/v1/ping/": PING, "/openapi.json": b"{}"}
        return well(opens[path]) if path in opens else speak(method, path, page)

    with serving(answer) as (url, _):
        place = {**PLACE, "host": url, "url": url}
        destination: Any = Server.open(place) if name == "server" else Platform.open(place)
        try:
            yield destination
        finally:
            destination.close()


def page(*memories: Any, count: Any = None, after: Any = None) -> bytes:
    """A page of a listing."""
    return json.dumps(
        {"count": len(memories) if count is None else count, "next": after, "results": memories}
    ).encode()


def kept(number: Any = "m-1", **fields: Any) -> dict[str, Any]:
    """A memory as the Platform shows it."""
    return {
        "id": number,
        "memory": "text",
        "user_id": "shop-decisions",
        "metadata": MEMORY.metadata,
        "created_at": "2026-01-05T10:00:00Z",
        **fields,
    }


def packed(megabytes: int) -> bytes:
    """So many megabytes of nothing, in a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * (1 << 20)) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("verb", ["look", "push", "poll"])
def test_what_unpacks_to_more_than_the_limit_costs_no_more_than_that(verb: str) -> None:
    """A few hundred kilobytes of gzip would be five times the limit; it could as well be without end."""
    bomb = packed(5 * LONGEST_ANSWER >> 20)
    assert len(bomb) < LONGEST_ANSWER // 100
    with opened(lambda *_: Said(bomb, headers={"content-encoding": "gzip"})) as mem0:
        tracemalloc.start()
        ask = {
            "look": lambda: mem0.look(MEMORY),
            "push": lambda: mem0.push(MEMORY, None),
            "poll": lambda: mem0.poll("e-1"),
        }
        outcome = ask[verb]()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert "longer than 32 MiB" in outcome.reason
    assert peak < 3 * LONGEST_ANSWER


@pytest.mark.parametrize(
    "said",
    [
        Said(b" " * (LONGEST_ANSWER + 1)),
        Said(b"[" + b"{}," * 1_000_001),
        Said(zlib.compress(b"x" * 100), headers={"content-type": "application/json; charset=zlib"}),
        Said(b"\x28\xb5\x2f\xfd", headers={"content-encoding": "zstd"}),
        Said(gzip.compress(gzip.compress(b"{}")), headers={"content-encoding": "gzip, gzip"}),
        Said(b"no gzip", headers={"content-encoding": "gzip"}),
        Said(b"[" * 100_000),
        Said(b"{" + b'"results":' + b"[" * 100_000),
        Said(b"9" * 10_000),
        Said(b"null"),
        Said(b'"text"'),
        Said(b"\xff\xfe"),
        Said(b"{}"),
        Said(b"<html>"),
        Said(page("text")),
        Said(page(None)),
        Said(json.dumps({"count": 1, "results": {"id": "m-1"}}).encode()),
        Said(page(kept(None))),
        Said(page(kept({"$ne": ""}))),
        Said(page(kept("m 1"))),
        Said(page(kept("../../v1/ping"))),
        Said(page(kept("m" * 201))),
        Said(page(kept("\u202e"))),
        Said(b"", status=302, headers={"location": "/v1/ping/"}),
        Said(b"\x1b[31m" * 1000, status=500),
    ],
)
@pytest.mark.parametrize("name", ["platform", "server"])
def test_an_answer_of_another_form_is_an_outcome(said: Said, name: str) -> None:
    """Of a look and an add; nothing is raised, and nothing is taken for a receipt."""
    begun: list[Said] = [well(b'{"results": []}')] if name == "server" else []
    with opened(lambda *_: begun.pop() if begun else said, name) as mem0:
        assert isinstance(mem0.look(MEMORY), Unknown | Held)
        assert isinstance(mem0.push(MEMORY, None), Unknown | Held)


@pytest.mark.parametrize(
    "said",
    [
        page(count="many"),
        page(count=-1),
        page(count=True),
        page(kept(memory=["text"])),
        page(kept(metadata=["text"])),
        page(kept(user_id=7.5)),
    ],
)
def test_a_listing_of_another_form_proves_nothing(said: bytes) -> None:
    """Neither that the memory is there, nor that it isn't."""
    with opened(lambda *_: well(said)) as mem0:
        assert isinstance(mem0.look(MEMORY), Unknown)


def test_text_that_is_half_a_character_can_be_stored() -> None:
    """JSON carries it, and neither SQLite nor a file does."""
    listed = page(kept(memory="a\ud800b", created_at="\ud800"), kept("m-2", metadata={"sync_key": "\ud800"}))
    with opened(lambda *_: well(listed)) as mem0:
        memories = mem0.listing("shop-decisions")
        assert [it.text for it in memories] == ["a?b", "text"]
        assert isinstance(mem0.look(MEMORY), Found)


@pytest.mark.parametrize("ids", [["m 1"], ["m-1", ""], ["m-1", "x" * 201], ["é"], [{}], ["a"] * 101, [True]])
def test_a_receipt_names_memories_by_short_words(ids: list[Any]) -> None:
    """Anything else is none, and is looked for."""
    answer = json.dumps({"results": [{"id": it} if it else {"id": "\n"} for it in ids]}).encode()
    with opened(lambda *_: well(answer)) as mem0:
        assert isinstance(mem0.push(MEMORY, None), Unknown)
    with opened(lambda *_: well(b'{"results": [{"id": "m-1"}, {"id": 7}]}')) as mem0:
        assert mem0.push(MEMORY, None) == Stored(("m-1", "7"))


def test_a_listing_without_an_end_is_given_up_at_a_page_without_anything_new() -> None:
    """The same page for ever is asked for a few times."""
    with opened(lambda *_: well(page(kept(), count=1000, after="http://x/?page=2"))) as mem0:
        outcome = mem0.look(MEMORY)
    assert isinstance(outcome, Unknown)
    assert "keeps changing" in outcome.reason


def test_a_listing_that_goes_on_and_on_is_given_up_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has something new, and says that there is more."""
    monkeypatch.setattr(platform, "LONGEST_LISTING", 1_000_000)
    numbers = itertools.count()

    def more(*_: Any) -> Said:
        memories = [kept(f"m-{next(numbers)}", memory="x" * 1000) for _ in range(100)]
        return well(page(*memories, count=10**9, after="http://x/?page=2"))

    with opened(more) as mem0:
        outcome = mem0.look(MEMORY)
    assert isinstance(outcome, Unknown)
    assert "doesn't end" in outcome.reason
    assert next(numbers) < 2000


def test_a_listing_that_has_more_than_it_counts_is_given_up() -> None:
    """Its count bounds it."""
    numbers = itertools.count()

    def more(*_: Any) -> Said:
        return well(
            page(kept(f"m-{next(numbers)}"), kept(f"m-{next(numbers)}"), count=3, after="http://x/?page=2")
        )

    with opened(more) as mem0:
        assert isinstance(mem0.look(MEMORY), Unknown)
    assert next(numbers) < 20


@pytest.mark.parametrize("name", ["\x1b[31m", "\ud800", "x" * 201, ["a"]])
def test_an_account_whose_name_is_none_is_not_mem0s(name: Any) -> None:
    """It would be stored, and shown."""
    ping = json.dumps({"status": "ok", "org_id": name, "project_id": "p"}).encode()
    with serving(lambda *_: well(ping)) as (url, _), pytest.raises(CannotOpen) as refused:
        Platform.open({**PLACE, "host": url})
    assert isinstance(refused.value.outcome, Held)


def test_no_redirect_is_followed() -> None:
    """The key goes to the host that the settings name, and nowhere else."""
    with serving(lambda *_: well()) as (other, visited):
        away = Said(b"", status=302, headers={"location": f"{other}/v1/ping/"})
        with opened(lambda *_: away) as mem0:
            assert isinstance(mem0.look(MEMORY), Held)
            assert isinstance(mem0.push(MEMORY, None), Held)
    assert visited == []


def test_an_answer_that_drips_is_given_up() -> None:
    """Its time is that of the whole answer, not of each byte."""

    def drip() -> Iterator[bytes]:
        while True:
            yield b" "

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=drip()))
    with (
        BoundedClient(timeout=0.2, transport=transport) as client,
        pytest.raises((httpx.ReadTimeout, AnswerTooMuch)),
    ):
        client.get("http://mem0/")


def test_what_is_well_is_as_it_was() -> None:
    """Packed or not, with its status, headers and text."""
    text = json.dumps({"said": "日本 é"}, ensure_ascii=False).encode()
    for body, encoding in ((text, ""), (gzip.compress(text), "gzip"), (zlib.compress(text), "deflate")):
        said = Said(
            body, status=201, headers={"x-y": "z", **({"content-encoding": encoding} if encoding else {})}
        )
        with serving(lambda *_, said=said: said) as (url, _), BoundedClient(timeout=5.0) as client:
            answer = client.get(url)
        assert (answer.status_code, answer.headers["x-y"], answer.json()) == (201, "z", {"said": "日本 é"})
        assert answer.request.url == url


def test_an_empty_listing_is_an_absence() -> None:
    """That is the one answer that proves it."""
    with opened(lambda *_: well(page())) as mem0:
        assert mem0.look(MEMORY) == Absent()
