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

# The package takes a fifth of a second and 20 MiB to import (it brings `requests`, to try keys out), so
# each detector has a sign without which it finds nothing, and until a text shows one, none is loaded.
CHOSEN: dict[str, tuple[str, str]] = {
    "aws.AWSKeyDetector": (
        "aws-key",
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}|(?i:aws)[^\n]{0,50}['\"][0-9a-zA-Z/+]{40}['\"]",
    ),
    "azure_storage_key.AzureStorageKeyDetector": ("azure-storage-key", r"AccountKey="),
    "discord.DiscordBotTokenDetector": ("discord-token", r"\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}"),
    "github_token.GitHubTokenDetector": ("github-token", r"gh[pousr]_"),
    "gitlab_token.GitLabTokenDetector": (
        "gitlab-token",
        r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941",
    ),
    "mailchimp.MailchimpDetector": ("mailchimp-key", r"-us[0-9]"),
    "pypi_token.PypiTokenDetector": ("pypi-token", r"pypi-Ag"),
    "sendgrid.SendGridDetector": ("sendgrid-key", r"SG\."),
    "slack.SlackDetector": ("slack-token", r"(?i:xox[abposr]-|https://hooks\.slack\.com/services/T)"),
    "square_oauth.SquareOAuthDetector": ("square-secret", r"sq0csp-"),
    "stripe.StripeDetector": ("stripe-key", r"[rs]k_live_"),
    "twilio.TwilioKeyDetector": ("twilio-key", r"(?:AC|SK)[a-z0-9]{32}"),
}


def known_tokens(text: str) -> Iterator[Finding]:
    """The tokens in the text that `detect-secrets` knows."""
    for name, (kind, sign) in CHOSEN.items():
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
