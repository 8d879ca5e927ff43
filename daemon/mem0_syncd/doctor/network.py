"""The way to the Platform: name, proxy, certificates, key; and the clock, by its answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mem0_syncd.core.destination_kinds import Address, Check
from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.context import Context
from mem0_syncd.doctor.platform_ping import NoAnswer, PlatformAnswer

SKEW_SECONDS = 120.0
"""Seconds from which a clock is wrong: tokens and certificates fail, and times in the outbox mislead."""

_OK, _UNAUTHORISED, _QUOTA, _FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 200, 401, 402, 403, 429, 500


def check_reachability(around: Context) -> Iterator[CheckResult]:
    """Whether the Platform answers, through which proxy, trusting whom."""
    if not around.asks(Check.KEY):
        if all(kind.address is Address.FOLDER for kind in around.kinds):
            yield fine("no network is needed: memories stay in a folder of this machine")
        else:
            yield fine("the Platform isn't used; the courier asks what is")
        return
    platform = around.settings.platform
    url = urlsplit(platform.host)
    proxy = platform.proxy or (not proxy_bypass(url.hostname or "") and getproxies().get(url.scheme))
    through = f" through the proxy {proxy}" if proxy else ""
    trusting = f", trusting {platform.ca_bundle}" if platform.ca_bundle else ""
    yield judge(around.platform, f"{platform.host}{through}{trusting}")


def judge(answer: PlatformAnswer | NoAnswer, way: str) -> CheckResult:
    """What an answer says about the way to the Platform."""
    if isinstance(answer, NoAnswer):
        return failure(f"{way} can't be reached: {answer.reason}", answer.remedy)
    if answer.status == _TOO_MANY or answer.status >= _SERVER_ERROR:
        return warning(
            f"{way} answers {answer.status}: it is busy or down", "nothing: it is tried again by itself"
        )
    if answer.is_json and answer.status in {_OK, _UNAUTHORISED, _QUOTA, _FORBIDDEN}:
        return fine(f"{way} answers")
    return failure(
        f"{way} answers {answer.status}, and it isn't Mem0 that does",
        "check MEM0_SYNCD_PLATFORM__HOST and the proxy; a captive portal needs a sign-in",
    )


def check_key(around: Context) -> Iterator[CheckResult]:
    """Whether there is a key where one is needed, and Mem0 accepts it. The key isn't shown."""
    key = around.settings.api_key
    if not around.asks(Check.KEY):
        if key and around.settings.destination == "auto":
            yield warning(
                "there is a key, but memories go to a folder of this machine: so it was decided at first",
                "to move to the Platform: MEM0_SYNCD_DESTINATION=platform, and restart the daemon",
            )
        else:
            yield fine("none is needed")
    elif not key:
        yield failure("there is no API key", "set MEM0_API_KEY, or run: mem0-syncd login")
    else:
        yield judge_key(around.platform)


def judge_key(answer: PlatformAnswer | NoAnswer) -> CheckResult:
    """What an answer says about the key that the request carried."""
    if isinstance(answer, NoAnswer) or not answer.is_json or answer.status >= _SERVER_ERROR:
        return warning("there is one, but Mem0 can't be asked about it", "see reachability")
    if answer.status == _QUOTA:
        return failure("Mem0 takes nothing more: its quota is used up", "see your plan at app.mem0.ai")
    if answer.status in {_UNAUTHORISED, _FORBIDDEN}:
        return failure("Mem0 doesn't accept it", "set the right one: mem0-syncd login")
    return fine("there is one, and Mem0 accepts it")


def check_clock(around: Context) -> Iterator[CheckResult]:
    """Whether this machine's clock agrees with Mem0's, or at least with its own past."""
    answer = around.platform if around.asks(Check.KEY) else None
    ahead = answer.ahead if isinstance(answer, PlatformAnswer) else None
    outbox = around.outbox.database.path if around.outbox else None
    written = outbox.stat().st_mtime - time.time() if outbox else None
    yield judge_clock(ahead, written)


def judge_clock(ahead: float | None, written: float | None) -> CheckResult:
    """What two other clocks say about ours: how far Mem0's is ahead, and the last write, in seconds."""
    remedy = "set it, or have it set: timedatectl set-ntp true (Linux), sudo sntp -sS time.apple.com (macOS)"
    if ahead is not None and abs(ahead) > SKEW_SECONDS:
        return warning(f"it is {abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} Mem0's", remedy)
    if written is not None and written > SKEW_SECONDS:
        return warning(f"it was set back: the outbox was written {written:.0f} s from now", remedy)
    if ahead is not None:
        return fine("it agrees with Mem0's")
    return fine("nothing speaks against it, but there was no other clock to ask")
