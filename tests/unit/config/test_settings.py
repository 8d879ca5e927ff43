"""The settings: environment over file over defaults, and every mistake an error that names its place."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.config import settings
from mem0_syncd.config.settings import Settings
from mem0_syncd.errors import BadConfiguration

KEY = "m0-0123456789abcdefSECRET"

Set = Callable[..., None]
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the user's own, and an empty home."""
    for name in list(os.environ):
        if name.upper().startswith(("MEM0_SYNCD_", "MEM0_API_KEY", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set variables; the prefix is added."""

    def set_(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"MEM0_SYNCD_{name}", value)

    return set_


@pytest.fixture
def write(tmp_path: Path, setenv: Set) -> Write:
    """Write the configuration file, and name it."""

    def write_(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text)
        setenv(CONFIG_FILE=str(path))
        return path

    return write_


def fails() -> BadConfiguration:
    """What `load` raises."""
    with pytest.raises(BadConfiguration) as caught:
        settings.load()
    assert caught.value.exit_code == 78
    assert caught.value.problem.remedy
    return caught.value


# Defaults, and where values come from ----------------------------------------------------------------------

FIXED: list[tuple[str, str, str, Any, Any]] = [
    # variable without prefix, its value, the attribute, what it then is, its default
    ("DESTINATION", "embedded", "destination", "embedded", "auto"),
    ("PLATFORM__HOST", "http://x", "platform.host", "http://x", "https://api.mem0.ai"),
    ("PLATFORM__TIMEOUT_SECONDS", "2.5", "platform.timeout_seconds", 2.5, 30.0),
    ("PLATFORM__ADDS_PER_MINUTE", "10", "platform.adds_per_minute", 10, 900),
    ("PLATFORM__THREADS", "3", "platform.threads", 3, 8),
    ("PLATFORM__PROXY", "http://p", "platform.proxy", "http://p", None),
    ("PLATFORM__CA_BUNDLE", "/ca.pem", "platform.ca_bundle", Path("/ca.pem"), None),
    ("SERVER__URL", "http://mem0:8888", "server.url", "http://mem0:8888", None),
    ("SERVER__TIMEOUT_SECONDS", "3", "server.timeout_seconds", 3.0, 30.0),
    ("EMBEDDED__PATH", "/e", "embedded.path", Path("/e"), None),
    ("EMBEDDED__TIMEOUT_SECONDS", "3", "embedded.timeout_seconds", 3.0, 30.0),
    ("PROJECTS", '["/a", "/b"]', "projects", [Path("/a"), Path("/b")], []),
    ("TRUSTED_FOLDERS", '["/c", "/d"]', "trusted_folders", [Path("/c"), Path("/d")], []),
    ("LOG_LEVEL", "debug", "log_level", "debug", "info"),
    ("FLUSH_SECONDS", "0", "flush_seconds", 0.0, 5.0),
    ("SCAN_SECONDS", "9", "scan_seconds", 9.0, 300.0),
    ("COURIER_IDLE_SECONDS", "9", "courier_idle_seconds", 9.0, 600.0),
    ("READ_LAG_SECONDS", "0", "read_lag_seconds", 0.0, 30.0),
    ("BACKOFF__BASE_SECONDS", "0.1", "backoff.base_seconds", 0.1, 1.0),
    ("BACKOFF__CAP_SECONDS", "5", "backoff.cap_seconds", 5.0, 60.0),
    ("INFER", "true", "infer", True, False),
    ("REDACT", "hold", "redact", "hold", "redact"),
    ("REDACT_ALLOW", '["sk-example-7", "DEMO"]', "redact_allow", ["sk-example-7", "DEMO"], []),
    (
        "MAJOR_CATEGORIES",
        '["billing"]',
        "major_categories",
        ["billing"],
        ["architecture", "security", "database-schema", "api-design"],
    ),
]


def value(loaded: Settings, attribute: str) -> Any:
    """An attribute, nested ones too."""
    found: Any = loaded
    for name in attribute.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "expected", "default"), FIXED, ids=[row[0] for row in FIXED]
)
def test_each_fixed_name_is_a_setting_with_its_default(
    setenv: Set, variable: str, text: str, attribute: str, expected: Any, default: Any
) -> None:
    """Other programs use these names."""
    assert value(settings.load(), attribute) == default
    setenv(**{variable: text})
    loaded = value(settings.load(), attribute)
    assert ([it.path for it in loaded] if attribute == "projects" else loaded) == expected


def test_folders_come_from_the_environment(setenv: Set, tmp_path: Path) -> None:
    """The state's and the socket's."""
    setenv(STATE_DIR=str(tmp_path / "s"), RUNTIME_DIR=str(tmp_path / "r"))
    loaded = settings.load()
    assert (loaded.state_dir, loaded.runtime_dir) == (tmp_path / "s", tmp_path / "r")
    assert loaded.store_folder == tmp_path / "s" / "mem0"


@pytest.mark.parametrize("spelling", ["~/state", "state"])
def test_a_state_folder_is_one_folder_however_it_is_asked_for(setenv: Set, spelling: str) -> None:
    """Or the daemon and the command line each have one of their own."""
    from mem0_syncd.system import paths

    setenv(STATE_DIR=spelling)
    assert settings.load().state_dir == paths.state_dir()


def test_hooks_trust_the_same_folders(setenv: Set, write: Write) -> None:
    """They have no time for all settings."""
    from mem0_syncd.system import paths

    assert paths.trusted_folders() == settings.load().trusted_folders == []
    write('trusted_folders = ["~/notes", "/srv/team"]')
    assert paths.trusted_folders() == settings.load().trusted_folders
    assert [folder.name for folder in paths.trusted_folders()] == ["notes", "team"]
    setenv(TRUSTED_FOLDERS='["/mnt"]')
    assert paths.trusted_folders() == settings.load().trusted_folders == [Path("/mnt")]


def test_the_file_says_what_the_environment_does_not(write: Write, setenv: Set) -> None:
    """One is stronger than the other, key by key, in a table too."""
    write(
        'flush_seconds = 1\nscan_seconds = 10\nprojects = ["/a"]\n'
        '[platform]\nhost = "http://file"\nthreads = 3\n[backoff]\ncap_seconds = 7\n'
    )
    setenv(FLUSH_SECONDS="2", PLATFORM__THREADS="4")
    loaded = settings.load()
    assert (loaded.flush_seconds, loaded.scan_seconds, [it.path for it in loaded.projects]) == (
        2.0,
        10.0,
        [Path("/a")],
    )
    assert (loaded.platform.host, loaded.platform.threads) == ("http://file", 4)
    assert (loaded.backoff.cap_seconds, loaded.backoff.base_seconds) == (7.0, 1.0)


def test_the_file_is_in_the_users_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another is named."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    folder = tmp_path / "c" / "mem0-syncd"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("flush_seconds = 1")
    assert settings.load().flush_seconds == 1.0


def test_settings_make_the_rules(setenv: Set) -> None:
    """Which settling goes by."""
    setenv(
        BACKOFF__BASE_SECONDS="2",
        BACKOFF__CAP_SECONDS="9",
        READ_LAG_SECONDS="4",
        PLATFORM__TIMEOUT_SECONDS="3",
    )
    loaded = settings.load()
    rules = loaded.rules(loaded.platform.timeout_seconds)
    assert dataclasses.astuple(rules.backoff) == (2.0, 9.0)
    assert rules.certain_after(0.0) == 4.0 + 2 * 3.0


# Mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variable", ["FLUSH_SECOND", "PLATFORM__HOSTS", "PLATFORM__", "PLATFORM__HOST__X", "API_KEY"]
)
def test_an_unknown_variable_is_an_error_that_names_it(setenv: Set, variable: str) -> None:
    """A misspelled setting would be silently off."""
    setenv(**{variable: "x"})
    assert f"MEM0_SYNCD_{variable}" in str(fails())


def test_variables_of_other_programs_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mem0 has some itself."""
    monkeypatch.setenv("MEM0_DIR", "/x")
    monkeypatch.setenv("MEM0_SYNC", "x")
    settings.load()


@pytest.mark.parametrize(
    ("text", "name"),
    [("flush = 1", "flush"), ("[platform]\nhosts = 1", "platform.hosts"), ("[nothing]\na = 1", "nothing")],
)
def test_an_unknown_key_of_the_file_is_an_error_that_names_key_and_file(
    write: Write, text: str, name: str
) -> None:
    """Nested ones too."""
    path = write(text)
    said = str(fails())
    assert name in said
    assert str(path) in said


@pytest.mark.parametrize(
    ("variable", "text", "name"),
    [
        ("FLUSH_SECONDS", "soon", "flush_seconds"),
        ("FLUSH_SECONDS", "-1", "flush_seconds"),
        ("SCAN_SECONDS", "0", "scan_seconds"),
        ("PLATFORM__THREADS", "1", "platform.threads"),
        ("PLATFORM__TIMEOUT_SECONDS", "", "platform.timeout_seconds"),
        ("DESTINATION", "mars", "destination"),
        ("SERVER__URL", "mem0:8888", "server.url"),
        ("SERVER__URL", "http://user:pass@mem0:8888", "server.url"),
        ("REDACT", "maybe", "redact"),
        ("INFER", "perhaps", "infer"),
        ("LOG_LEVEL", "loud", "log_level"),
        ("TRUSTED_FOLDERS", '["notes"]', "trusted_folders"),
    ],
)
def test_a_bad_value_is_an_error_that_names_the_variable(
    setenv: Set, variable: str, text: str, name: str
) -> None:
    """And says what is wrong with it."""
    setenv(**{variable: text})
    said = str(fails())
    assert name in said
    assert f"MEM0_SYNCD_{variable}" in said


QDRANT = json.dumps(
    {"vector_store": {"provider": "qdrant", "config": {"host": "q", "port": 6333, "api_key": KEY}}}
)


def test_a_mem0_configuration_may_be_json_or_a_file(setenv: Set, tmp_path: Path) -> None:
    """Of a Qdrant server, for example."""
    setenv(EMBEDDED__CONFIG=QDRANT)
    store = settings.load().own_store
    assert store is not None
    file = tmp_path / "mem0.json"
    file.write_text(QDRANT)
    setenv(EMBEDDED__CONFIG=str(file))
    assert settings.load().own_store == store


def test_a_mem0_configuration_that_cannot_be_used_is_an_error(setenv: Set) -> None:
    """At once, and without a word of what is in it."""
    setenv(EMBEDDED__CONFIG=QDRANT[:-1])
    said = str(fails())
    assert "MEM0_SYNCD_EMBEDDED__CONFIG" in said
    assert KEY not in said


@pytest.mark.parametrize(("path", "folder"), [("~/m", "home/m"), ("m", None), ("/m/n", "/m/n")])
def test_the_embedded_folder_is_one_folder_however_it_is_written(
    setenv: Set, tmp_path: Path, path: str, folder: str | None
) -> None:
    """Or a start from elsewhere would find an empty store."""
    setenv(EMBEDDED__PATH=path)
    assert settings.load().store_folder == (tmp_path / folder if folder else Path.cwd() / path)


def test_a_server_that_nobody_named_is_an_error(setenv: Set) -> None:
    """The destination can't be guessed."""
    setenv(DESTINATION="server")
    assert "MEM0_SYNCD_SERVER__URL" in str(fails())


@pytest.mark.parametrize("variable", ["PROJECTS", "MAJOR_CATEGORIES", "REDACT_ALLOW"])
@pytest.mark.parametrize("text", ["[oops", "a,b", "/a:/b"])
def test_a_bad_json_value_is_an_error(setenv: Set, variable: str, text: str) -> None:
    """Never a traceback."""
    setenv(**{variable: text})
    said = str(fails())
    assert variable.lower() in said.lower()


def test_every_bad_json_value_is_named(setenv: Set) -> None:
    """Not the first one alone."""
    setenv(PROJECTS="[oops", PLATFORM="{", AUDIT="off")
    where = fails().problem.where
    assert "MEM0_SYNCD_PROJECTS" in where
    assert "MEM0_SYNCD_PLATFORM" in where
    assert "AUDIT" not in where


@pytest.mark.parametrize("variable", ["PROJECTS", "MAJOR_CATEGORIES", "REDACT_ALLOW"])
def test_a_bad_json_value_is_an_error_that_names_the_variable(setenv: Set, variable: str) -> None:
    """There is no variable called MEM0_SYNCD_ENVIRONMENT."""
    setenv(**{variable: "[oops"})
    assert f"MEM0_SYNCD_{variable}" in str(fails())


@pytest.mark.parametrize("text", ['"/a"', '{"a": 1}', "[1, {}]"])
def test_a_list_of_projects_is_a_list_of_texts(setenv: Set, text: str) -> None:
    """Of JSON."""
    setenv(PROJECTS=text)
    assert "MEM0_SYNCD_PROJECTS" in str(fails())


def test_a_named_file_that_is_not_there_is_an_error(setenv: Set, tmp_path: Path) -> None:
    """It was named for a reason."""
    setenv(CONFIG_FILE=str(tmp_path / "nowhere.toml"))
    assert str(tmp_path / "nowhere.toml") in str(fails())


@pytest.mark.parametrize("content", [b"flush_seconds = \n", b"\xff\xfe", b"= 1", b"[platform\n"])
def test_a_file_that_is_no_toml_is_an_error_that_names_it(write: Write, content: bytes) -> None:
    """With line and column, where there is one."""
    path = write("")
    path.write_bytes(content)
    assert str(path) in str(fails())


def test_several_mistakes_are_told_at_once(setenv: Set) -> None:
    """Or each would cost a start."""
    setenv(FLUSH_SECONDS="x", SCAN_SECONDS="y")
    said = str(fails())
    assert "flush_seconds" in said
    assert "scan_seconds" in said


# Secrets --------------------------------------------------------------------------------------------------


def test_no_key_is_shown(monkeypatch: pytest.MonkeyPatch, setenv: Set) -> None:
    """However the settings are printed."""
    monkeypatch.setenv("MEM0_API_KEY", KEY)
    setenv(SERVER__API_KEY=KEY, EMBEDDED__CONFIG=QDRANT)
    loaded = settings.load()
    shown = [repr(loaded), str(loaded), f"{loaded!r:s}", repr(loaded.model_dump()), loaded.model_dump_json()]
    assert not any(KEY in text or "SECRET" in text for text in shown)


def test_no_key_is_in_an_error(monkeypatch: pytest.MonkeyPatch, setenv: Set) -> None:
    """Not in what the person is told, nor in what a traceback would show."""
    import traceback

    monkeypatch.setenv("MEM0_API_KEY", KEY)
    setenv(FLUSH_SECONDS="x")
    error = fails()
    assert KEY not in "".join(traceback.format_exception(error))
