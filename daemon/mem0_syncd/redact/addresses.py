"""Secrets in addresses: passwords and tokens before an `@`, in a query, and in the path of a webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mem0_syncd.redact.finding import Finding
from mem0_syncd.redact.heuristics import is_key, is_password, is_random, is_secret, is_stand_in, is_uuid

URL_PASSWORD, URL_TOKEN, WEBHOOK = "url-password", "url-token", "webhook"
KINDS = {URL_PASSWORD, URL_TOKEN, WEBHOOK}

# Some passwords hold a `/` that should have been escaped; after a port, what follows is a path.
_PASSWORD = re.compile(
    r"""
    :// (?P<user> [^\s/?\#@:"'<>]* ) :
    (?P<secret> [^\s/?\#"'<>`]+ | (?!\d{1,5}[/?\#]) [^\s"'<>`]{1,256}? ) @(?=[\w\[.-])
    """,
    re.VERBOSE,
)
_USER = re.compile(r"://(?P<secret>[^\s/?#@:\"'<>`]{16,256})(?::[\w-]{0,20})?@(?=[\w\[.-])")
_USUAL_STAND_IN = re.compile(
    r"pass(?:word|wd|phrase)?|pwd?|secret|token|x-oauth-basic|%s|\*+|x+|\.+", re.IGNORECASE
)

_QUERY = re.compile(
    r"""
    [?&\#] (?P<name> [\w.-]{0,24}? (?: key|token|secret|sig|signature|auth|jwt|sas|session|appid|code
           | pass|password|passwd|pwd|credential ) )
    = (?P<secret> [^\s&\#"'<>`,;)\]}]{4,} )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PASSWORDS = ("pass", "password", "passwd", "pwd")

# The path after the host, at addresses where anyone who knows them may write, or read.
_RANDOM = r"[A-Za-z0-9_-]"
_WEBHOOKS: tuple[tuple[str, str], ...] = (
    ("hooks.slack.com/", r"(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/]{20,})"),
    ("/api/webhooks/", rf"(?P<secret>\d{{15,20}}/{_RANDOM}{{40,}})"),
    (".webhook.office.com/", r"webhookb2/(?P<secret>[\w@/-]{40,})"),
    ("outlook.office.com/", r"webhook/(?P<secret>[\w@/-]{40,})"),
    ("hooks.zapier.com/", r"hooks/(?:catch|standard)/(?P<secret>\d{4,}/[\w/-]{5,})"),
    (".make.com/", r"(?P<secret>[a-z0-9]{20,})"),
    ("hook.integromat.com/", r"(?P<secret>[a-z0-9]{20,})"),
    ("maker.ifttt.com/", rf"trigger/[\w{{}}-]{{1,64}}/(?:json/)?with/key/(?P<secret>{_RANDOM}{{16,}})"),
    ("webhook.site/", r"(?P<secret>[0-9a-f-]{36})"),
    (".pipedream.net", r"(?P<secret>/[\w/-]{8,})"),
    (".infura.io/", r"(?:ws/)?v3/(?P<secret>[0-9a-f]{32})"),
    (".alchemy.com/", rf"v2/(?P<secret>{_RANDOM}{{20,}})"),
    (".quiknode.pro/", r"(?P<secret>[0-9a-f]{32,})"),
    (".pagerduty.com/", r"(?:integration/|v2/)(?P<secret>[0-9a-f]{32})"),
    (".loggly.com/", r"(?:inputs|bulk)/(?P<secret>[0-9a-f-]{36})"),
    ("calendar.google.com/", r"calendar/ical/[^\s/]{1,128}/private-(?P<secret>[0-9a-f]{32})"),
    ("/hooks/", rf"(?P<secret>{_RANDOM}{{24,}})"),
    ("/webhook/", rf"(?P<secret>{_RANDOM}{{24,}})"),
)
_COMPILED: dict[str, re.Pattern[str]] = {}


def url_secrets(text: str) -> Iterator[Finding]:
    """The passwords of addresses, or tokens in their place; one equal to the user's name is a default."""
    if "://" not in text:
        return
    for match in _PASSWORD.finditer(text):
        secret = match["secret"]
        if secret != match["user"] and not _USUAL_STAND_IN.fullmatch(secret) and not is_stand_in(secret):
            yield Finding(URL_PASSWORD, *match.span("secret"))
    for match in _USER.finditer(text):
        if is_secret(match["secret"], literal=True):
            yield Finding(URL_TOKEN, *match.span("secret"))


def query_secrets(text: str) -> Iterator[Finding]:
    """The tokens and passwords in the query of an address, or after its `#`."""
    for match in _QUERY.finditer(text):
        name, secret = match["name"].lower(), match["secret"].rstrip(".")
        if name.endswith(_PASSWORDS):
            looks = is_password(secret, literal=True)
        elif name.endswith("code"):
            looks = is_key(secret)
        else:
            looks = is_secret(secret, literal=True) and not name.endswith(("page_token", "pagetoken"))
        if looks:
            yield Finding(URL_TOKEN, match.start("secret"), match.start("secret") + len(secret))


def webhooks(text: str) -> Iterator[Finding]:
    """The secret paths of webhooks, and of other addresses that need no password."""
    for host, path in _WEBHOOKS:
        if host not in text:
            continue
        if host not in _COMPILED:
            _COMPILED[host] = re.compile(re.escape(host) + path, re.ASCII)
        for match in _COMPILED[host].finditer(text):
            secret = match["secret"]
            if is_random(secret) or is_uuid(secret) or any(map(is_random, secret.split("/"))):
                yield Finding(WEBHOOK, *match.span("secret"))
