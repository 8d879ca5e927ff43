"""Settings that only the shell's environment has: a service manager's daemon wouldn't have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mem0_syncd.config import stored_api_key
from mem0_syncd.config.settings import names
from mem0_syncd.config.toml_edit import with_value
from mem0_syncd.errors import SyncdError
from mem0_syncd.system import paths
from mem0_syncd.system.atomic_file import write_text

KEY = "MEM0_API_KEY"
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# These are folders and files, and go into the unit.
_PLACES = {"STATE_DIR", "RUNTIME_DIR", "CONFIG_FILE"}


@dataclass(frozen=True, slots=True)
class Find:
    """A variable that the service needs and won't have: `name` in the configuration file, '' for the key."""

    variable: str
    value: str
    table: str
    name: str

    @property
    def where(self) -> str:
        """Where it would be stored."""
        return ".".join(filter(None, (self.table, self.name))) or "the key's own file, for you alone"


def find(environ: Mapping[str, str], services: Mapping[str, str]) -> list[Find]:
    """What `environ` has that neither the services' environment nor a stored file has."""
    config = paths.read_config(paths.config_file(environ))
    finds = []
    for it in _candidates(environ):
        stored = config.get(it.table, {}) if it.table else config
        if services.get(it.variable) == it.value or (it.name and it.name in stored):
            continue
        if it.variable == KEY and stored_api_key.stored_key(environ) == it.value:
            continue
        finds.append(it)
    return finds


def store(it: Find, environ: Mapping[str, str]) -> Path:
    """Store what was found, for this user alone; returns where. Raises `SyncdError`."""
    if it.variable == KEY:
        return stored_api_key.store_key(it.value, environ)
    file = paths.config_file(environ)
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    try:
        text = with_value(before, it.table, it.name, _value(it))
    except ValueError as error:
        raise SyncdError(
            f"the configuration file can't take {it.variable} in: {error}",
            where=str(file),
            remedy=f"write it there yourself, as {it.where}",
        ) from None
    write_text(file, text, mode=0o600)
    return file


def _candidates(environ: Mapping[str, str]) -> Iterator[Find]:
    if key := environ.get(KEY, "").strip():
        yield Find(KEY, key, "", "")
    for variables, name in ((_PROXIES, "proxy"), (_BUNDLES, "ca_bundle")):
        variable = next((it for it in variables if environ.get(it)), None)
        if variable and f"{paths.PREFIX}PLATFORM__{name.upper()}" not in environ:
            yield Find(variable, environ[variable], "platform", name)
    for variable in sorted(names()):
        setting = variable.removeprefix(paths.PREFIX)
        if variable != KEY and setting not in _PLACES and environ.get(variable):
            table, _, name = setting.lower().rpartition("__")
            yield Find(variable, environ[variable], table, name)


def _value(it: Find) -> str | list[str]:
    """Its value for the file: in the environment lists are JSON."""
    try:
        said = json.loads(it.value)
    except ValueError:
        return it.value
    return said if isinstance(said, list) else it.value
