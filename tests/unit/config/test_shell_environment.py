"""What only the shell says, found and stored; and how a value gets into the configuration file's text."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from mem0_syncd.config.shell_environment import Find, find, store
from mem0_syncd.config.stored_api_key import stored_key
from mem0_syncd.config.toml_edit import with_value
from mem0_syncd.errors import SyncdError

HAND_WRITTEN = """# Mine.
flush_seconds = 2

[platform]  # the hosted one
threads = 16

[backoff]
cap_seconds = 30
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A shell with a configuration file of its own."""
    (tmp_path / "config.toml").touch()
    return {"MEM0_SYNCD_CONFIG_FILE": str(tmp_path / "config.toml"), "HOME": str(tmp_path)}


@pytest.mark.parametrize("text", ["", HAND_WRITTEN, HAND_WRITTEN.rstrip(), "[backoff]\nbase_seconds = 1\n"])
@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("", "http://proxy:3128"),
        ("platform", 'http://a"b\\c:1'),
        ("embedded", "ünïcode/\t"),
        ("", ["/a", "/b"]),
    ],
)
def test_a_value_is_added_and_every_line_stays(text: str, table: str, value: str | list[str]) -> None:
    """Comments and order, too."""
    changed = with_value(text, table, "fresh", value)
    said = tomllib.loads(changed)
    assert (said[table] if table else said)["fresh"] == value
    lines = [line for line in changed.splitlines() if "fresh = " not in line and line]
    assert [line for line in lines if line != f"[{table}]"] == [
        line for line in text.splitlines() if line and line != f"[{table}]"
    ]


@pytest.mark.parametrize("text", ["platform = {threads = 3}\n", "platform.threads = 3\n"])
def test_a_table_that_is_written_otherwise_is_left_alone(text: str) -> None:
    """It can't take one more line."""
    with pytest.raises(ValueError, match="platform"):
        with_value(text, "platform", "proxy", "http://proxy:3128")


def test_what_only_the_shell_says_is_found(environ: dict[str, str]) -> None:
    """Key, proxy, certificates, settings; not what the services' environment says as well, nor folders."""
    shell = {
        **environ,
        "MEM0_API_KEY": "m0-key",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/etc/corp.pem",
        "MEM0_SYNCD_FLUSH_SECONDS": "2",
        "MEM0_SYNCD_LOG_LEVEL": "debug",
        "MEM0_SYNCD_STATE_DIR": "/srv/state",
        "PATH": "/bin",
    }
    found = find(shell, {"MEM0_SYNCD_LOG_LEVEL": "debug"})
    assert {(it.variable, it.table, it.name) for it in found} == {
        ("MEM0_API_KEY", "", ""),
        ("https_proxy", "platform", "proxy"),
        ("SSL_CERT_FILE", "platform", "ca_bundle"),
        ("MEM0_SYNCD_FLUSH_SECONDS", "", "flush_seconds"),
    }


def test_what_was_stored_is_found_no_more(environ: dict[str, str]) -> None:
    """The key in its own file, the rest in the configuration file; both for this user alone."""
    shell = {
        **environ,
        "MEM0_API_KEY": "m0-key",
        "HTTPS_PROXY": "http://proxy:3128",
        "MEM0_SYNCD_PROJECTS": '["/srv/shop"]',
        "MEM0_SYNCD_BACKOFF__CAP_SECONDS": "30",
    }
    files = {store(it, shell) for it in find(shell, {})}
    assert find(shell, {}) == []
    assert stored_key(environ) == "m0-key"
    assert tomllib.loads(Path(environ["MEM0_SYNCD_CONFIG_FILE"]).read_text()) == {
        "platform": {"proxy": "http://proxy:3128"},
        "projects": ["/srv/shop"],
        "backoff": {"cap_seconds": "30"},
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_cannot_take_it_says_what_to_write(environ: dict[str, str]) -> None:
    """Nothing is changed then."""
    file = Path(environ["MEM0_SYNCD_CONFIG_FILE"])
    file.write_text("platform.threads = 3\n")
    with pytest.raises(SyncdError) as caught:
        store(Find("HTTPS_PROXY", "http://proxy:3128", "platform", "proxy"), environ)
    assert caught.value.problem.remedy == "write it there yourself, as platform.proxy"
    assert file.read_text() == "platform.threads = 3\n"
