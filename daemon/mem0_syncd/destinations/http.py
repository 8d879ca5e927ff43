"""An HTTP client for servers that aren't trusted: an answer costs no more than its limits."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx

LONGEST_ANSWER = 32 << 20
"""Bytes of one answer, compressed or not; a page of 200 memories has a few hundred thousand."""

MOST_PARTS = 1_000_000
"""Values in one answer: small ones take many times their length once they are parsed."""

_CHUNK = 1 << 16
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""The encodings that we accept, with zlib's number for each; with others a few bytes may be gigabytes."""


class AnswerTooMuch(httpx.DecodingError):
    """An answer is over a limit, or in an encoding that wasn't asked for."""


class BoundedClient(httpx.Client):
    """Reads each answer whole, within its limits, and follows no redirect."""

    def __init__(self, hear: Callable[[httpx.Response], None] = lambda _: None, **options: Any) -> None:
        """As httpx's client; `timeout`, in seconds, is also how long a whole answer may take to come in.

        `hear` is called with each answer once it is read.
        """
        self._hear = hear
        self._patience = float(options["timeout"])
        super().__init__(**options, follow_redirects=False)
        self.headers["Accept-Encoding"] = "gzip, deflate"

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; raises `AnswerTooMuch`, and what httpx raises."""
        response = super().send(request, **{**options, "stream": True})
        try:
            content = self._read(response)
        finally:
            response.close()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in {"content-encoding", "content-length", "transfer-encoding"}
        ]
        whole = httpx.Response(
            response.status_code,
            headers=headers,
            content=content,
            request=response.request,
            extensions={name: it for name, it in response.extensions.items() if name != "network_stream"},
        )
        # A server may name any of Python's codecs, and some of them unpack.
        whole.encoding = "utf-8"
        self._hear(whole)
        return whole

    def _read(self, response: httpx.Response) -> bytes:
        deadline = time.monotonic() + self._patience
        content = bytearray()
        parts = 0
        for chunk in _unpacked(response):
            content += chunk
            parts += chunk.count(b",") + chunk.count(b"[") + chunk.count(b"{")
            if len(content) > LONGEST_ANSWER:
                raise AnswerTooMuch(
                    f"the answer is longer than {LONGEST_ANSWER >> 20} MiB", request=response.request
                )
            if parts > MOST_PARTS:
                raise AnswerTooMuch(
                    f"the answer has more than {MOST_PARTS:,} parts", request=response.request
                )
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer doesn't end", request=response.request)
        return bytes(content)


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """The bytes of an answer, unpacked in small pieces."""
    named = response.headers.get("content-encoding", "").lower()
    encodings = [it for it in map(str.strip, named.split(",")) if it not in {"", "identity"}]
    if not encodings:
        yield from response.iter_raw(_CHUNK)
        return
    if len(encodings) > 1 or encodings[0] not in _ENCODINGS:
        raise AnswerTooMuch("the answer is packed in a way that wasn't asked for", request=response.request)
    unpacker = zlib.decompressobj(_ENCODINGS[encodings[0]])
    try:
        for packed in response.iter_raw(_CHUNK):
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _CHUNK)
                packed = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise AnswerTooMuch("the answer can't be unpacked", request=response.request) from error
