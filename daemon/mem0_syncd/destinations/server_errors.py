"""What a self-hosted Mem0 server reports about errors, or itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from mem0_syncd.core.outcome import Held, PushOutcome, Refused
from mem0_syncd.destinations import http_errors
from mem0_syncd.system.scrubbed_reasons import reason as scrubbed

PASSING = {
    "provider_rate_limited",
    "provider_timeout",
    "provider_unavailable",
    "datastore_unavailable",
    "vector_store_unavailable",
}
"""Codes of a 502 that aren't an item's fault, and pass."""

_CHECK = "check MEM0_SYNCD_SERVER__URL and MEM0_SYNCD_SERVER__API_KEY"


def outcome_of_error(error: Exception, *, is_update: bool = False) -> PushOutcome:
    """The outcome that an exception from a request to the server stands for."""
    if isinstance(error, httpx.HTTPStatusError):
        said = scrubbed(str(_described(error.response).get("detail")))
        match code_of(error.response):
            case "provider_auth_failed":
                reason = f"the Mem0 server's own provider refuses it: {said}"
                return Held(reason, "correct the Mem0 server's settings")
            case "provider_bad_request":
                return Refused(f"the Mem0 server's own provider refused it: {said}")
    outcome = http_errors.outcome_of_error(error, is_update=is_update)
    return replace(outcome, remedy=_CHECK) if isinstance(outcome, Held) else outcome


def code_of(response: httpx.Response) -> str:
    """The server's code for what failed behind it; '' where something else answers in its place."""
    return str(_described(response).get("code") or "")


def what_lacks(response: httpx.Response) -> str:
    """What the server, by its own OpenAPI description, can't do; '' for nothing, or without a description."""
    described = _described(response)
    if "openapi" not in described:
        return ""
    parameters = _within(described, "paths", "/memories", "get", "parameters")
    named = parameters if isinstance(parameters, list) else []
    if not any(_within(it, "name") == "top_k" for it in named):
        return "top_k in GET /memories"
    add = _within(described, "components", "schemas", "MemoryCreate", "properties")
    return "" if isinstance(add, dict) and "infer" in add else "infer in POST /memories"


def _within(value: Any, *names: str) -> Any:
    """The value under these names, each within the one before; None if one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _described(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
