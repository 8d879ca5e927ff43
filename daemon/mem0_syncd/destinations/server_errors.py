"""What a self-hosted Mem0 server says of what went wrong, or of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from mem0_syncd.destinations import classify
from mem0_syncd.outcome import Held, PushOutcome, Refused

PASSING = {
    "provider_rate_limited",
    "provider_timeout",
    "provider_unavailable",
    "datastore_unavailable",
    "vector_store_unavailable",
}
"""Codes of a 502 that are no item's fault, and pass."""

_CHECK = "check MEM0_SYNCD_SERVER__URL and MEM0_SYNCD_SERVER__API_KEY"


def outcome_of_error(error: Exception, *, is_update: bool = False) -> PushOutcome:
    """The outcome that an exception from a request to the server stands for."""
    if isinstance(error, httpx.HTTPStatusError):
        said = str(_described(error.response).get("detail"))[:300]
        match code_of(error.response):
            case "provider_auth_failed":
                reason = f"the Mem0 server's own provider refuses it: {said}"
                return Held(reason, "mend the Mem0 server's settings")
            case "provider_bad_request":
                return Refused(f"the Mem0 server's own provider refused it: {said}")
    outcome = classify.outcome_of_error(error, is_update=is_update)
    return replace(outcome, remedy=_CHECK) if isinstance(outcome, Held) else outcome


def code_of(response: httpx.Response) -> str:
    """The server's word for what failed behind it; '' where something else answers in its place."""
    return str(_described(response).get("code") or "")


def what_lacks(response: httpx.Response) -> str:
    """What the server, by its own OpenAPI description, can't do; '' for nothing, or where it shows none."""
    described = _described(response)
    if "openapi" not in described:
        return ""
    listing = described.get("paths", {}).get("/memories", {}).get("get", {})
    if "top_k" not in {parameter.get("name") for parameter in listing.get("parameters", [])}:
        return "top_k in GET /memories"
    add = described.get("components", {}).get("schemas", {}).get("MemoryCreate", {})
    return "" if "infer" in add.get("properties", {}) else "infer in POST /memories"


def _described(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
