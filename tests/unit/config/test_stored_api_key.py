"""The stored API key."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mem0_syncd.config.settings import load
from mem0_syncd.config.stored_api_key import CREDENTIAL, key_file, store_key, stored_key
from mem0_syncd.errors import BadConfiguration


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose configuration folder is empty but for its file."""
    (tmp_path / "config.toml").touch()
    return {"MEM0_SYNCD_CONFIG_FILE": str(tmp_path / "config.toml")}


def test_a_stored_key_is_its_owners_alone(environ: dict[str, str]) -> None:
    """Also when it takes another one's place."""
    assert stored_key(environ) is None
    for key in ("m0-first", "m0-second"):
        file = store_key(key, environ)
        assert stored_key(environ) == key
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [it.name for it in file.parent.iterdir() if it.name != "config.toml"] == [file.name]


def test_a_key_that_others_can_read_is_refused(environ: dict[str, str]) -> None:
    """The remedy is the command that mends it."""
    file = store_key("m0-open", environ)
    file.chmod(0o644)
    with pytest.raises(BadConfiguration) as caught:
        stored_key(environ)
    assert caught.value.problem.remedy == f"chmod 600 {file}"
    assert "m0-open" not in str(caught.value)


def test_a_credential_of_the_manager_comes_before_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    """An empty one is none."""
    store_key("m0-file", environ)
    environ["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    assert stored_key(environ) == "m0-file"
    (tmp_path / CREDENTIAL).write_text("\n")
    assert stored_key(environ) == "m0-file"
    (tmp_path / CREDENTIAL).write_text("m0-credential\n")
    assert stored_key(environ) == "m0-credential"


@pytest.mark.parametrize("contents", [b"\xff\xfe", None])
def test_a_key_that_cannot_be_read_is_bad_configuration(
    environ: dict[str, str], contents: bytes | None
) -> None:
    """A folder in its place, or what is no text."""
    if contents is None:
        key_file(environ).mkdir()
    else:
        key_file(environ).write_bytes(contents)
    with pytest.raises(BadConfiguration, match="can't be read"):
        stored_key(environ)


@pytest.mark.parametrize(
    ("environment", "in_file", "stored", "used"),
    [
        ("m0-environment", "m0-file", "m0-stored", "m0-environment"),
        ("", "m0-file", "m0-stored", "m0-stored"),
        ("", "m0-file", None, "m0-file"),
        ("", None, "m0-stored", "m0-stored"),
    ],
)
def test_the_environments_key_comes_before_the_stored_one_and_that_before_the_files(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    in_file: str | None,
    stored: str | None,
    used: str,
) -> None:
    """What `login` stores is stronger than what stands in the configuration file."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if environment:
        monkeypatch.setenv("MEM0_API_KEY", environment)
    if in_file:
        Path(environ["MEM0_SYNCD_CONFIG_FILE"]).write_text(f'api_key = "{in_file}"\n')
    if stored:
        store_key(stored, environ)
    key = load().api_key
    assert key is not None
    assert key.get_secret_value() == used
