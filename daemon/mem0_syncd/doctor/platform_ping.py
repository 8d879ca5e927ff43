"""A ping of the Platform, as mem0ai's client sends one.

It isn't the courier's trial, which says what an answer means for delivery. Here the answer itself is wanted:
its status and type tell a captive portal, its date tells a wrong clock, and both come without a key, too.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx
from pydantic import SecretStr

from mem0_syncd.config.settings import PlatformSettings
from mem0_syncd.destinations.http import BoundedClient
from mem0_syncd.errors import causes
from mem0_syncd.system.scrubbed_reasons import of_error, reason

PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """The answer: the HTTP status, whether it was JSON, and how far the clock there is ahead, in seconds."""

    status: int
    is_json: bool
    ahead: float | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no answer, and what helps."""

    reason: str
    remedy: str


def ask_platform(platform: PlatformSettings, key: SecretStr | None) -> PlatformAnswer | NoAnswer:
    """Ping the Platform as mem0ai's client does."""
    headers = {"Authorization": f"Token {key.get_secret_value()}"} if key else {}
    try:
        with BoundedClient(
            timeout=min(platform.timeout_seconds, PATIENCE_SECONDS),
            proxy=platform.proxy,
            verify=ssl.create_default_context(cafile=platform.ca_bundle),
        ) as client:
            response = client.get(f"{platform.host.rstrip('/')}/v1/ping/", headers=headers)
    except httpx.HTTPError as error:
        return NoAnswer(reason(str(error) or type(error).__name__), remedy_of(error))
    except OSError as error:
        return NoAnswer(f"the CA bundle can't be used: {error}", "check MEM0_SYNCD_PLATFORM__CA_BUNDLE")
    except (httpx.InvalidURL, ValueError) as error:
        return NoAnswer(of_error(error), "check MEM0_SYNCD_PLATFORM__HOST and MEM0_SYNCD_PLATFORM__PROXY")
    is_json = response.headers.get("content-type", "").startswith("application/json")
    return PlatformAnswer(response.status_code, is_json, _ahead(response.headers.get("date")))


def _ahead(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time() if date else None
    except ValueError:
        return None


def remedy_of(error: httpx.HTTPError) -> str:
    """What helps if a request got no answer."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error)):
        return "name your organisation's certificates: MEM0_SYNCD_PLATFORM__CA_BUNDLE=/path/to/ca.pem"
    if isinstance(error, httpx.ProxyError):
        return "check the proxy: MEM0_SYNCD_PLATFORM__PROXY, or HTTPS_PROXY"
    return "check the network, and MEM0_SYNCD_PLATFORM__HOST; what waits goes by itself once it is back"
