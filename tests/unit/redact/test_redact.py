"""No byte of a credential is left in a text, and no text without one is changed."""

import base64
import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.redact import MOST_PASSES, Finding, find, redact, redact_value

CORPORA = Path(__file__).parents[2] / "corpora"
CREDENTIALS = json.loads((CORPORA / "credentials.json").read_text("utf-8"))
BENIGN = json.loads((CORPORA / "benign.json").read_text("utf-8"))

HARD_TO_SCAN = [
    *("a", "0a", "A", " ", "\n", "\\n", ".", "=", "[redacted: jwt]", "[redacted: "),
    *(
        "eyJ",
        "eyJ.",
        "eyJaaaaaaaa.",
        "sk-",
        "sk-proj-",
        "m0-",
        "12345678:AA",
        "AKIA",
        "aws key '",
        "AccountKey=",
    ),
    *("ghp_", "gho_" + "a" * 36, "glagent-", "xoxb-1-", "Maaaaaaaaaaaaaaaaaaaaaaa.", "pypi-AgEIcHlwaS5vcmc"),
    *("token=", "token=a1", "password:", 'password:"', "--token ", 'api_key\\"', "secret is ", "<token>a"),
    *("://", "://a:", "://a:b@", "-u a:", "Bearer ", "authorization:", "authorization: bearer "),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----Comment:",
        "Private-Lines: 1 ",
        "PRIVATE KEY",
    ),
    "-----BEGIN PRIVATE KEY-----\naaaaaaaaaaaaaaaaaaaa\nb",
]


def secret_of(credential: dict[str, Any]) -> str:
    """The invented secret; the corpus holds it in pieces, so that no code host takes it for a real one."""
    return "".join(credential["secret"])


def text_of(credential: dict[str, Any]) -> str:
    return str(credential["text"]).replace("{secret}", secret_of(credential))


def survivors(secret: str, text: str) -> list[str]:
    """The pieces of the secret, of eight characters, that the text still holds."""
    size = min(8, len(secret))
    pieces = (secret[start : start + size] for start in range(len(secret) - size + 1))
    return [piece for piece in pieces if piece in text]


@pytest.mark.parametrize(
    "credential", CREDENTIALS, ids=[f"{index}-{each['kind']}" for index, each in enumerate(CREDENTIALS)]
)
def test_a_credential_goes_whole(credential: dict[str, Any]) -> None:
    """Its place is taken by its kind, and no eight characters of it are left."""
    clean, kinds = redact(text_of(credential))

    assert kinds == [credential["kind"]]
    assert f"[redacted: {credential['kind']}]" in clean
    assert survivors(secret_of(credential), clean) == []


@pytest.mark.parametrize("text", BENIGN)
def test_a_text_without_a_credential_is_the_same_object(text: str) -> None:
    """Ids, hashes, placeholders, code and prose about secrets are no secrets."""
    assert redact(text) == (text, [])
    assert redact(text)[0] is text


def test_the_corpora_are_as_large_as_promised() -> None:
    """At least 25 kinds of credentials and 140 benign texts, none of them twice."""
    assert len({credential["kind"] for credential in CREDENTIALS}) >= 25
    assert len(set(BENIGN)) == len(BENIGN) >= 140


def test_all_credentials_go_from_one_text() -> None:
    """However many stand together, none hides another."""
    clean, kinds = redact("\n".join(map(text_of, CREDENTIALS)))

    assert len(kinds) == len(CREDENTIALS)
    assert [survivors(secret_of(credential), clean) for credential in CREDENTIALS] == [[]] * len(CREDENTIALS)


def test_what_surrounds_a_secret_stays() -> None:
    """Only the password goes from a URL."""
    clean, _ = redact("postgresql://app:kx9!Vq2Lm@db.internal:5432/orders, since March")

    assert clean == "postgresql://app:[redacted: url-password]@db.internal:5432/orders, since March"


def test_findings_that_overlap_are_one_of_the_more_telling_kind() -> None:
    """A vendor's key that is assigned to a name is a vendor's key."""
    key = "sk-" + "proj-" + "Zq8W4tY7Rk2Lm9Xc3Vb6"

    assert redact(f'api_key: "{key}"') == ('api_key: "[redacted: openai-key]"', ["openai-key"])


def test_findings_that_touch_are_one() -> None:
    """Two tokens without anything between them leave one mark."""
    token = "hf_" + "Zq8W4tY7Rk2Lm9Xc3Vb6Nd1Fg5Hj0Pa4Se7"

    assert redact(token + token) == ("[redacted: hugging-face-token]", ["hugging-face-token"])


def test_a_finding_tells_place_and_kind_and_nothing_else() -> None:
    """It may be logged: what it prints holds no part of the secret."""
    credential = CREDENTIALS[0]
    text, secret = text_of(credential), secret_of(credential)
    [found] = find(text)

    assert found == Finding("mem0-key", text.index(secret), text.index(secret) + len(secret))
    assert survivors(secret, repr(found) + str(found)) == []


@pytest.mark.parametrize("spelling", ["PASSWORD", "Password", "passWord", "dbPassword", "DB_PASSWORD_PROD"])
def test_a_name_counts_in_any_case(spelling: str) -> None:
    """However `password` is written, what is assigned to it goes."""
    assert redact(f'{spelling} = "Blau-Wal-2931"')[1] == ["password"]


def test_a_truncated_private_key_takes_nothing_but_itself() -> None:
    """Without an END line the key goes, and the prose behind it stays."""
    begin, line = "-----BEGIN RSA " + "PRIVATE KEY-----", "Zq8W4tY7Rk2Lm9Xc" * 4

    clean, kinds = redact(f"{begin}\n{line}\n{line[:40]}\nThen we rotated it.")

    assert (clean, kinds) == ("[redacted: private-key]\nThen we rotated it.", ["private-key"])


def test_metadata_values_are_scanned_like_texts() -> None:
    """A string loses its secret; numbers and truth values have none."""
    assert redact_value("password=Blau1Wal2") == ("password=[redacted: password]", ["password"])
    assert [redact_value(value) for value in (7, 0.5, True, "architecture")] == [
        (7, []),
        (0.5, []),
        (True, []),
        ("architecture", []),
    ]


@pytest.mark.parametrize("size", [25_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", HARD_TO_SCAN)
def test_what_is_hard_to_scan_is_done_in_few_passes(unit: str, size: int) -> None:
    """Characters that make naive patterns start over at each of them come to an end, and stay so."""
    text = (unit * (size // len(unit) + 1))[:size] + "!"

    clean, _ = redact(text)

    assert redact(clean) == (clean, [])


def test_a_text_that_never_comes_to_an_end_goes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each redaction sets another secret free, the number of passes is limited, and nothing is left."""
    passes = []

    def find_one(text: str, allow: Collection[str] = ()) -> list[Finding]:
        passes.append(text)
        return [] if text == "[redacted: secret]" else [Finding("secret", 0, 1)]

    monkeypatch.setattr("mem0_syncd.redact.find", find_one)

    assert redact("abc" * 1000)[0] == "[redacted: secret]"
    assert len(passes) == MOST_PASSES + 1


def test_an_allowed_text_is_no_secret() -> None:
    """A finding that is the text, or lies in it, is none; what is longer is one, and so is every other."""
    text = "password: Summer2024!, url https://joe:Winter99@db/"

    assert redact(text)[1] == ["password", "url-password"]
    assert redact(text, ["Summer2024!"])[1] == ["url-password"]
    assert redact(text, ["https://joe:Winter99@db/", "Summer2024!"]) == (text, [])
    assert redact(text, ["Summer"])[1] == ["password", "url-password"]
    assert redact_value(text, ["Summer2024!"])[1] == ["url-password"]


@pytest.mark.parametrize(
    "hidden",
    [
        "gh\u200bp_" + "Zq8W4tY7Rk2Lm9Xc3Vb6Nd1Fg5Hj0Pa4Se7D",
        "gh" + 'p_Zq8W4tY7Rk2Lm9" + "Xc3Vb6Nd1Fg5Hj0Pa4Se7D',
        "gh" + "p_Zq8W4tY7Rk2Lm9\\\n    Xc3Vb6Nd1Fg5Hj0Pa4Se7D",
        base64.b64encode(b"gh" + b"p_Zq8W4tY7Rk2Lm9Xc3Vb6Nd1Fg5Hj0Pa4Se7D").decode(),
        (b"gh" + b"p_Zq8W4tY7Rk2Lm9Xc3Vb6Nd1Fg5Hj0Pa4Se7D").hex(),
    ],
    ids=["invisible", "concatenated", "continued", "base64", "hex"],
)
def test_what_hides_a_secret_goes_with_it(hidden: str) -> None:
    """What stands around it stays as written."""
    assert redact(f"It is {hidden} since May.")[0] == "It is [redacted: github-token] since May."


def test_detect_secrets_is_loaded_only_for_what_may_be_a_token() -> None:
    """It costs a fifth of a second and 20 MiB, which most daemons never need to pay."""
    program = (
        "import json, sys; from mem0_syncd.redact import find; "
        "find('We rotate passwords and tokens.'); before = 'detect_secrets' in sys.modules; "
        "find('gh' + 'p_' + 'a' * 36); print(before, 'detect_secrets' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.split() == ["False", "True"]
