"""Long words that are only ever written as keys, without a name beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mem0_syncd.redact.encoded import plain_text
from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import is_bare_key
from mem0_syncd.redact.long_words import long_words

SECRET = "secret"  # noqa: S105 - a kind, no password

_LOOK_BACK, _SHORTEST = 48, 28
_KEY = re.compile(r"[A-Za-z0-9_+/~.!#&%@^*-]{28,256}={0,2}")
_PART = re.compile(r".*[:>=](?=[^=])")
_NAMED_OTHERWISE = re.compile(
    r"""
    (?: hash|digest|checksum|integrity|etag|fingerprint|thumbprint|public|nonce|version|cursor|sha\d*|md5|h1:
      | base64|ids?|commit|signature|address|certificate|alphabet|regex|pattern|contract|wallet
      | block|cid|url )
    ["'`]? [\s:=,(>-]{0,4} ["'`]? [\w-]{0,10} ["'`:=\s(]{0,3} $
    """,
    re.VERBOSE | re.IGNORECASE,
)


def lone_keys(text: str) -> Iterator[Finding]:
    """Long words that mix digits, small and capital letters; not those that are named as a hash or an id."""
    for start, end in long_words(text):
        if end - start < _SHORTEST or "://" in text[start:end]:
            continue
        name = _PART.match(text, start, end)
        start = name.end() if name else start
        word = text[start:end].rstrip(".:\\")
        if not _KEY.fullmatch(word) or not is_bare_key(word) or plain_text(word):
            continue
        if not _NAMED_OTHERWISE.search(text, max(0, start - _LOOK_BACK), start):
            yield Finding(SECRET, start, start + len(word))
