"""Reasons without secrets: messages of servers and foreign code are scrubbed before they are used.

An exception's text may quote a request, and with it the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_REASON = 300
"""Characters that are kept of a reason; a longer one ends with an ellipsis."""

_LONGEST_READ = 4_000
_LONGEST_TEXT = 100_000
_SHORTEST_SECRET = 6
"""A shorter secret would be found in words that hold none."""

_KEY = "[redacted: the key]"
_SECRET_NAME = re.compile(r"(?i)key|passw|pwd|secret|token|credential|auth")
_ours: set[str] = set()


def keep_secret(*secrets: str | None) -> None:
    """Replace secrets of this process in all its output, as they are and as they are sent."""
    if not any(secrets):
        return
    import base64
    from urllib.parse import quote

    for secret in secrets:
        for part in (secret or "").split():
            if len(part) >= _SHORTEST_SECRET:
                # Of base64 the last characters depend on what follows.
                coded = base64.b64encode(part.encode("utf-8", "replace")).decode().rstrip("=")[:-1]
                _ours.update({part, quote(part, safe=""), coded})


def secrets_of(config: Any, name: str = "") -> Iterator[str]:
    """The credentials in a configuration: values with a secret's name, and passwords in addresses."""
    from urllib.parse import urlsplit

    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from secrets_of(value, str(key))
    elif isinstance(config, list | tuple):
        for value in config:
            yield from secrets_of(value, name)
    elif isinstance(config, str) and config:
        if _SECRET_NAME.search(name):
            yield config
        if "://" in config:
            try:
                password = urlsplit(config).password
            except ValueError:
                password = None
            if password:
                yield password


def scrub(text: str) -> str:
    """A text without the secrets of this process, and without what looks like a credential."""
    from mem0_syncd.redact import redact

    return redact(without_keys(text[:_LONGEST_TEXT]))[0]


def without_keys(text: str) -> str:
    """A text without the secrets of this process."""
    for secret in sorted(_ours, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, _KEY)
    return text


def reason(text: str) -> str:
    """The part of a reason that is kept: one line, scrubbed, of limited length, and storable."""
    said = " ".join(scrub(text[:_LONGEST_READ].encode("utf-8", "replace").decode()).split())
    return said if len(said) <= LONGEST_REASON else f"{said[: LONGEST_REASON - 1]}…"


def of_error(error: BaseException) -> str:
    """The part of an exception that is kept: its kind, and its message as a reason."""
    return reason(f"{type(error).__name__}: {error}")
