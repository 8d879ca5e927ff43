"""The patterns of our own: keys that people paste, and what a format makes a credential."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from mem0_syncd.redact.finding import Finding, tokens
from mem0_syncd.redact.looks import is_long_token, is_secret, is_stand_in

_ANY = r"[A-Za-z0-9_-]{20,}+"
_ALNUM = r"[A-Za-z0-9]{20,}+"
_HEX = r"[0-9a-f]{32,}+"

VENDOR_KEYS: tuple[tuple[str, str, str], ...] = (
    ("mem0-key", "m0-", r"[A-Za-z0-9_-]{16,}+"),
    ("anthropic-key", "sk-ant-", _ANY),
    ("openai-key", "sk-proj-", _ANY),
    ("openai-key", "sk-", _ANY),
    ("stripe-key", "sk_test_", _ALNUM),
    ("stripe-key", "rk_test_", _ALNUM),
    ("stripe-key", "whsec_", r"[A-Za-z0-9+/]{20,}+"),
    ("google-key", "AIza", r"[A-Za-z0-9_-]{30,}+"),
    ("google-secret", "GOCSPX-", _ANY),
    ("google-token", "ya29.", _ANY),
    ("hugging-face-token", "hf_", _ALNUM),
    ("hugging-face-token", "api_org_", _ALNUM),
    ("github-token", "github_pat_", _ANY),
    ("npm-token", "npm_", r"[A-Za-z0-9]{30,}+"),
    ("slack-token", "xapp-", _ANY),
    ("slack-token", "xoxe.", _ANY),
    ("slack-token", "xoxc-", _ANY),
    ("slack-token", "xoxd-", r"[A-Za-z0-9_%+/-]{20,}+"),
    ("square-secret", "sq0atp-", _ANY),
    ("telegram-token", ":AA", r"[A-Za-z0-9_-]{33}"),
    ("digitalocean-token", "dop_v1_", _HEX),
    ("docker-token", "dckr_pat_", _ANY),
    ("shopify-token", "shpat_", _HEX),
    ("shopify-token", "shpss_", _HEX),
    ("databricks-token", "dapi", _HEX),
    ("grafana-token", "glsa_", _ANY),
    ("grafana-token", "glc_", r"[A-Za-z0-9+/]{20,}+"),
    ("vault-token", "hvs.", _ANY),
    ("vault-token", "hvb.", _ANY),
    ("groq-key", "gsk_", _ALNUM),
    ("xai-key", "xai-", _ALNUM),
    ("perplexity-key", "pplx-", _ALNUM),
    ("nvidia-key", "nvapi-", _ANY),
    ("replicate-token", "r8_", _ALNUM),
    ("pinecone-key", "pcsk_", _ANY),
    ("tavily-key", "tvly-", _ANY),
    ("langsmith-key", "lsv2_", _ANY),
    ("linear-key", "lin_api_", _ALNUM),
    ("notion-token", "ntn_", _ALNUM),
    ("figma-token", "figd_", _ANY),
    ("sentry-token", "sntrys_", r"[A-Za-z0-9+/_=-]{20,}+"),
    ("sentry-token", "sntryu_", _HEX),
    ("supabase-key", "sbp_", _HEX),
    ("supabase-key", "sb_secret_", _ANY),
    ("doppler-token", "dp.pt.", _ALNUM),
    ("planetscale-token", "pscale_", _ANY),
    ("postman-key", "PMAK-", _ANY),
    ("atlassian-token", "ATATT3", _ANY),
    ("artifactory-key", "AKC", r"[A-Za-z0-9]{60,}+"),
    ("tailscale-key", "tskey-", _ANY),
    ("pulumi-token", "pul-", _HEX),
    ("mailgun-key", "key-", _HEX),
    ("age-key", "AGE-SECRET-KEY-1", r"[0-9A-Z]{20,}+"),
)

_LONG_PREFIX = 5
_BEFORE = {":AA": r"\d{8,10}"}  # Telegram: the bot's id

# `eyJeyJeyJ...` must not be tried from every `eyJ`: a run of such characters is tried once.
_JWT = re.compile(r"(?<![\w-])(?:(?!eyJ)[\w-])*(?P<secret>eyJ[\w-]{8,}+\.{1,2}[\w-]{8,}+[\w.-]*+)", re.ASCII)

_FILLER = r"""(?:[\s"'>|,\#*]|\\{1,4}[nrt])"""
_PLAIN_WORD = r"[A-Z]?[a-z]{1,15}+(?![A-Za-z0-9+/=])(?!\s*+(?:-{4}|Private-MAC))(?![ \t]*+(?:\n|\\n|$))"
# Groups are not possessive: before Python 3.11.5 such a group may match too much or nothing.
_PRIVATE_KEY = re.compile(
    rf"""
    (?: -{{4,5}}\ ?BEGIN\ [A-Z0-9\ ]{{0,30}}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{{4,5}} | Private-Lines:\ \d{{1,5}} )
    (?: {_FILLER}* (?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash|Subject):[^\n\\]{{0,200}}+ )*
    (?: {_FILLER}* [A-Za-z0-9+/=]{{16,}}+ )+
    (?: {_FILLER}* (?!{_PLAIN_WORD}) [A-Za-z0-9+/=]++ )?
    (?: {_FILLER}* -{{4,5}}\ ?END\ [A-Z0-9\ ]{{0,30}}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{{4,5}}
      | {_FILLER}* Private-MAC:\ ?[0-9a-f]*+ )?
    """,
    re.VERBOSE,
)

# Some passwords hold a `/` that should have been escaped; after a port, what follows is a path.
_URL_PASSWORD = re.compile(
    r"""
    :// (?P<user> [^\s/?\#@:"'<>]* ) :
    (?P<secret> [^\s/?\#"'<>`]+ | (?!\d{1,5}[/?\#]) [^\s"'<>`]{1,256}? ) @(?=[\w\[.-])
    """,
    re.VERBOSE,
)
_USER_OPTION = re.compile(
    r"""(?<![\w-])(?:-u|--user)[\ =]["']?(?P<user>[^\s:"'/]{1,64}):(?P<secret>[^\s"'`]{6,256})""", re.VERBOSE
)
_USUAL_STAND_IN = re.compile(r"pass(?:word|wd|phrase)?|pwd?|secret|token|%s|\*+|x+|\.+", re.IGNORECASE)

_HEADER = re.compile(
    r"""
    (?: authorization \\?["'\]]{0,3} \s{0,3} [:=,] \s{0,3} \\?["'`]? (?: [a-z]{3,8} \s{1,3} )?
      | \b bearer \s{1,3} )
    (?P<secret> [\w.~+/=-]{8,} )
    """,
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)


def vendor_keys(text: str) -> Iterator[Finding]:
    """The keys with a vendor's prefix."""
    for kind, prefix, body in VENDOR_KEYS:
        if prefix in text:
            yield from tokens(kind, _vendor_pattern(prefix, body), text, is_long_token)


def json_web_tokens(text: str) -> Iterator[Finding]:
    """The JSON Web Tokens, with their signature, or as far as they go."""
    if "eyJ" in text:
        yield from (Finding("jwt", *match.span("secret")) for match in _JWT.finditer(text))


def private_keys(text: str) -> Iterator[Finding]:
    """The private key blocks with at least a line of key, whether or not they end."""
    if "PRIVATE KEY" in text or "Private-Lines" in text:
        yield from (Finding("private-key", *match.span()) for match in _PRIVATE_KEY.finditer(text))


def url_passwords(text: str) -> Iterator[Finding]:
    """The passwords, without the rest, of URLs and of curl's `-u`; a user's name twice is a default."""
    for sign, pattern in (("://", _URL_PASSWORD), ("-u", _USER_OPTION)):
        if sign not in text:
            continue
        for match in pattern.finditer(text):
            secret = match["secret"]
            if secret != match["user"] and not _USUAL_STAND_IN.fullmatch(secret) and not is_stand_in(secret):
                yield Finding("url-password", *match.span("secret"))


def header_credentials(text: str) -> Iterator[Finding]:
    """The credentials of `Authorization` headers, and bearer tokens wherever they stand."""
    for match in _HEADER.finditer(text):
        if is_secret(match["secret"], literal=True):
            yield Finding("authorization", *match.span("secret"))


@cache
def _vendor_pattern(prefix: str, body: str) -> re.Pattern[str]:
    literal = re.escape(prefix)
    if prefix in _BEFORE or len(prefix) > _LONG_PREFIX:
        return re.compile(_BEFORE.get(prefix, "") + literal + body, re.ASCII)
    # A short prefix may end a word, `task-` or `shelf_`; in JSON that is not parsed, a `\n` may stand before
    # it. That is looked up behind the prefix, because `re` is fast to find what starts with a literal.
    return re.compile(rf"{literal}(?:(?<![A-Za-z0-9]{literal})|(?<=\\[nrt]{literal})){body}", re.ASCII)


DETECTORS = (vendor_keys, private_keys, json_web_tokens, header_credentials, url_passwords)
KINDS = {kind for kind, _, _ in VENDOR_KEYS} | {"private-key", "jwt", "authorization", "url-password"}
