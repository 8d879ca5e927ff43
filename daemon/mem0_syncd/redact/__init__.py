"""Secrets: finds what looks like a credential in a text, and removes it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator

from mem0_syncd.core.item import Scalar
from mem0_syncd.redact import addresses, command_lines, headers, key_formats, logins, vendor_key_search
from mem0_syncd.redact.assignments import PASSWORD, SECRET, assigned_secrets
from mem0_syncd.redact.decoded_views import other_views, visible
from mem0_syncd.redact.detect_secrets_plugins import CHOSEN, known_tokens
from mem0_syncd.redact.encoded import encoded_secrets
from mem0_syncd.redact.finding import Finding, merged
from mem0_syncd.redact.random_looking_words import lone_keys
from mem0_syncd.redact.version import VERSION, detector_version

__all__ = ["VERSION", "Finding", "detector_version", "find", "redact", "redact_value"]

MOST_PASSES = 8
"""Passes over a text, as a redaction may expose another secret; after that it is redacted whole."""

_DETECTORS = (
    *(
        known_tokens,
        vendor_key_search.vendor_keys,
        vendor_key_search.marked_keys,
        key_formats.private_keys,
        key_formats.json_web_tokens,
    ),
    *(key_formats.password_hashes, headers.header_credentials, headers.cookies, addresses.url_secrets),
    *(addresses.webhooks, assigned_secrets, addresses.query_secrets, command_lines.command_passwords),
    *(logins.logins, logins.passwords_of_files, logins.table_passwords, lone_keys),
)
_KINDS = {kind for kind, _, _ in CHOSEN.values()} | {PASSWORD, SECRET}
_KINDS |= (
    vendor_key_search.KINDS
    | key_formats.KINDS
    | headers.KINDS
    | addresses.KINDS
    | command_lines.KINDS
    | logins.KINDS
)
_MARK = re.compile(rf"\[redacted: (?:{'|'.join(sorted(_KINDS))})\]")
_PUBLIC = re.compile(
    r"data:(?:image|font|audio|video|application/(?:x-)?(?:font|octet|wasm|pdf|vnd))"
    r"[\w.+/-]{0,60};base64,"
    r"[A-Za-z0-9+/=]+"
    r"|-----BEGIN (?:[A-Z0-9 ]{0,20}CERTIFICATE(?: REQUEST)?|PUBLIC KEY|RSA PUBLIC KEY|PGP SIGNATURE)-----"
    r"(?:\s{1,8}[A-Za-z0-9+/=]{16,}+)+"
)


def find(text: str, allow: Collection[str] = ()) -> list[Finding]:
    """The secrets of a text in their order, adjacent ones merged; an allowed text has none."""
    seen = text
    if "[redacted: " in seen:
        seen = _MARK.sub(_blank, seen)
    if "base64," in seen or "-----BEGIN" in seen:
        seen = _PUBLIC.sub(_blank, seen)
    shown = visible(seen)
    findings: Iterator[Finding] = _detect(shown.text if shown else seen, 0)
    if shown:
        findings = map(shown.place, findings)
    if allow:
        allowed = merged(Finding("", start, end) for start, end in _allowed(text, allow))
        findings = (found for found in findings if not _lies_within(found, allowed))
    return merged(findings)


def redact(text: str, allow: Collection[str] = ()) -> tuple[str, list[str]]:
    """The text with `[redacted: KIND]` for each secret, and the kinds; without secrets, the same text."""
    kinds: list[str] = []
    # A removed word may have hidden a secret beside it, so the result is scanned again.
    for _ in range(MOST_PASSES):
        findings = find(text, allow)
        if not findings:
            return text, kinds
        kinds += [found.kind for found in findings]
        text = "".join(_cut(text, findings))
    return (f"[redacted: {SECRET}]", [*kinds, SECRET]) if find(text, allow) else (text, kinds)


def redact_value(value: Scalar, allow: Collection[str] = ()) -> tuple[Scalar, list[str]]:
    """A metadata value without its secrets, and their kinds; a value that isn't text has none."""
    return redact(value, allow) if isinstance(value, str) else (value, [])


def _detect(text: str, depth: int) -> Iterator[Finding]:
    for detect in _DETECTORS:
        yield from detect(text)
    for view in other_views(text):
        for detect in _DETECTORS:
            yield from (view.place(found) for found in detect(view.text) if view.is_rewritten(found))
    yield from encoded_secrets(text, _detect, depth)


def _cut(text: str, findings: list[Finding]) -> Iterator[str]:
    at = 0
    for found in findings:
        yield text[at : found.start]
        yield f"[redacted: {found.kind}]"
        at = found.end
    yield text[at:]


def _allowed(text: str, allow: Collection[str]) -> Iterator[tuple[int, int]]:
    for allowed in allow:
        at = text.find(allowed) if allowed else -1
        while at >= 0:
            yield at, at + len(allowed)
            at = text.find(allowed, at + len(allowed))


def _lies_within(found: Finding, allowed: list[Finding]) -> bool:
    """Whether a finding lies within one of these stretches, which are in order and don't touch."""
    before = bisect_right(allowed, found.start, key=lambda stretch: stretch.start) - 1
    return before >= 0 and found.end <= allowed[before].end


def _blank(match: re.Match[str]) -> str:
    return "\n" * len(match[0])
