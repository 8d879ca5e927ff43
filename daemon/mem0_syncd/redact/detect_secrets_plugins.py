"""The detectors of `detect-secrets` for tokens of a well-defined form.

Left out: what flags prose or ids (keywords, entropy, IP addresses), what takes quadratic time or
finds a part of the secret only (JWT, npm, OpenAI, private keys, basic auth: see `patterns.py`), and
what rests on the name of a variable (IBM, SoftLayer, Cloudant: the assignments of `patterns.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from mem0_syncd.redact.finding import Finding, tokens
from mem0_syncd.redact.long_words import lowered

# The package takes a fifth of a second and 20 MiB to import (it brings `requests`, to try keys out). So each
# detector has signs without which it finds nothing, a quick and a close one, and is loaded only when a text
# shows both.
CHOSEN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "aws.AWSKeyDetector": (
        "aws-key",
        ("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws"),
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}|(?i:aws)[^\n]{0,50}['\"][0-9a-zA-Z/+]{40}['\"]",
    ),
    "azure_storage_key.AzureStorageKeyDetector": ("azure-storage-key", ("AccountKey=",), r"AccountKey="),
    "discord.DiscordBotTokenDetector": ("discord-token", (".",), r"\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}"),
    "github_token.GitHubTokenDetector": (
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"gh[pousr]_",
    ),
    "gitlab_token.GitLabTokenDetector": (
        "gitlab-token",
        ("gl", "GR1348941"),
        r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941",
    ),
    "mailchimp.MailchimpDetector": ("mailchimp-key", ("-us",), r"-us[0-9]"),
    "pypi_token.PypiTokenDetector": ("pypi-token", ("pypi-",), r"pypi-Ag"),
    "sendgrid.SendGridDetector": ("sendgrid-key", ("SG.",), r"SG\."),
    "slack.SlackDetector": (
        "slack-token",
        ("xox", "hooks.slack"),
        r"(?i:xox[abposr]-|https://hooks\.slack\.com/services/T)",
    ),
    "square_oauth.SquareOAuthDetector": ("square-secret", ("sq0csp-",), r"sq0csp-"),
    "stripe.StripeDetector": ("stripe-key", ("k_live_",), r"[rs]k_live_"),
    "twilio.TwilioKeyDetector": ("twilio-key", ("AC", "SK"), r"(?:AC|SK)[a-z0-9]{32}"),
}


def known_tokens(text: str) -> Iterator[Finding]:
    """The tokens in the text that `detect-secrets` knows."""
    small = lowered(text)
    for name, (kind, hints, sign) in CHOSEN.items():
        for hint in hints:
            # Some patterns hold for any case, and Amazon's for the words around a key.
            if hint in text or hint in small:
                break
        else:
            continue
        if _compiled(sign).search(text):
            for pattern in patterns_of(name):
                yield from tokens(kind, pattern, text)


@cache
def patterns_of(name: str) -> tuple[re.Pattern[str], ...]:
    """A detector's own patterns: its `analyze_string` gives a token's prefix or no place at all."""
    module, detector = name.split(".")
    return tuple(getattr(import_module(f"detect_secrets.plugins.{module}"), detector).denylist)


@cache
def _compiled(sign: str) -> re.Pattern[str]:
    return re.compile(sign)
