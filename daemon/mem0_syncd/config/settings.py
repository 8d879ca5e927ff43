"""The settings: from the environment, a TOML file and defaults, with every mistake an error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from mem0_syncd.config import mem0_config
from mem0_syncd.config.mem0_config import BadStoreConfig, OwnStoreConfig
from mem0_syncd.config.stored_api_key import flaw, stored_key
from mem0_syncd.core.backoff import Backoff
from mem0_syncd.core.destination_kinds import KINDS, PLATFORM, Name
from mem0_syncd.core.settlement import Rules
from mem0_syncd.errors import BadConfiguration
from mem0_syncd.system import paths
from mem0_syncd.system.failpoint import VARIABLE as FAILPOINT
from mem0_syncd.system.scrubbed_reasons import keep_secret, secrets_of
from mem0_syncd.system.state_folder import StateFolder


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlatformSettings(_Section):
    """The Mem0 Platform."""

    host: str = Field("https://api.mem0.ai", description="Base URL of the Platform.")
    timeout_seconds: float = Field(30.0, gt=0, description="How long an answer may take.")
    adds_per_minute: int = Field(900, gt=0, description="Adds in any minute; the Platform's limit is 1000.")
    threads: int = Field(
        PLATFORM.threads, ge=2, le=64, description="Requests at once; one is for major decisions alone."
    )
    proxy: str | None = Field(None, description="HTTP proxy; HTTPS_PROXY is used as well.")
    ca_bundle: Path | None = Field(None, description="PEM file of certificate authorities to trust instead.")


class ServerSettings(_Section):
    """A Mem0 server of one's own."""

    # A password in it would be in every identity and error message.
    url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        description="Base URL of a self-hosted Mem0 server, without a user's name or password.",
    )
    api_key: SecretStr | None = Field(None, description="The server's API key; none if it needs none.")
    timeout_seconds: float = Field(30.0, gt=0, description="How long an answer may take.")

    @field_validator("api_key")
    @classmethod
    def _usable(cls, key: SecretStr | None) -> SecretStr | None:
        return _usable_key(key)


class EmbeddedSettings(_Section):
    """Mem0 in a local folder, or in a store of the user's own."""

    path: Path | None = Field(None, description="Folder of the store; `mem0` in the state folder by default.")
    config: SecretStr | None = Field(
        None,
        description="A mem0 configuration of your own instead: a JSON or TOML file, or JSON itself.",
    )
    timeout_seconds: float = Field(
        30.0, gt=0, description="How long a write may be under way to a store of your own."
    )


class BackoffSettings(_Section):
    """Exponential backoff with full jitter."""

    base_seconds: float = Field(1.0, gt=0, description="Ceiling of the first wait.")
    cap_seconds: float = Field(60.0, gt=0, description="Ceiling of every wait.")


class ListedProject(_Section):
    """A project in the list of the settings: what is said of it here is stronger than its own file."""

    path: Path
    id: str | None = Field(None, min_length=1)
    destination: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _folder_alone(cls, said: Any) -> Any:
        """A plain folder is a project without an id or a destination."""
        if isinstance(said, str | Path):
            return {"path": said}
        if isinstance(said, dict) and "read" in said:
            raise ValueError("`read` has no meaning yet: every source of a project is read")
        return said


class Settings(BaseSettings):
    """All settings; the environment is stronger than the file."""

    model_config = SettingsConfigDict(
        env_prefix=paths.PREFIX, env_nested_delimiter="__", extra="forbid", populate_by_name=True
    )

    api_key: SecretStr | None = Field(
        None, validation_alias="MEM0_API_KEY", description="The Platform's API key."
    )
    destination: Literal["auto", Name] = Field(
        "auto",
        description="`auto` is the Platform if the first `project add` or start sees a key, else embedded.",
    )
    platform: PlatformSettings = Field(default_factory=PlatformSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    embedded: EmbeddedSettings = Field(default_factory=EmbeddedSettings)
    projects: list[ListedProject] = Field(
        [],
        description="Project folders, besides those added by command; instead of a folder also"
        ' `{"path": ..., "id": ..., "destination": ...}`, which is stronger than the project\'s own file.',
    )
    trusted_folders: list[Path] = Field(
        [],
        description="Folders that links out of a project may lead to, and where files may be of any owner.",
    )
    state_dir: Path = Field(default_factory=paths.state_dir, description="Folder of the outbox.")
    runtime_dir: Path = Field(default_factory=paths.runtime_dir, description="Folder of the control socket.")
    config_file: Path = Field(default_factory=paths.config_file, description="This file.")
    log_file: Path | None = Field(None, description="File to log to, which is rotated; else standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level logged."
    )
    flush_seconds: float = Field(5.0, ge=0, description="How long an item that isn't major waits at most.")
    scan_seconds: float = Field(300.0, gt=0, description="Time between two full scans.")
    courier_idle_seconds: float = Field(600.0, gt=0, description="Idle time after which a courier is ended.")
    read_lag_seconds: float = Field(
        30.0, ge=0, description="Time after which Mem0 surely shows what it stored."
    )
    backoff: BackoffSettings = Field(default_factory=BackoffSettings)
    infer: bool = Field(False, description="Whether Mem0's language model may rewrite memories.")
    redact: Literal["redact", "hold", "off"] = Field("redact", description="What to do about credentials.")
    redact_allow: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="Texts that aren't credentials, after a false alarm; exactly as they are written."
    )
    audit: Literal["remove", "report", "off"] = Field(
        "remove", description="What the daily audit does about true doubles in Mem0."
    )
    major_categories: list[str] = Field(
        ["architecture", "security", "database-schema", "api-design"],
        description="Categories of decisions that are sent at once.",
    )

    @field_validator("api_key")
    @classmethod
    def _usable(cls, key: SecretStr | None) -> SecretStr | None:
        return _usable_key(key)

    @field_validator("state_dir", "runtime_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("trusted_folders")
    @classmethod
    def _all_absolute(cls, folders: list[Path]) -> list[Path]:
        expanded = [folder.expanduser() for folder in folders]
        if relative := next((folder for folder in expanded if not folder.is_absolute()), None):
            raise ValueError(f"{relative} isn't a whole path")
        return expanded

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Strongest first: the environment, then the file (handed in by `load`)."""
        return env_settings, init_settings

    def rules(self, timeout_seconds: float) -> Rules:
        """The rules of settling, for a destination whose answers may take so many seconds."""
        backoff = Backoff(self.backoff.base_seconds, self.backoff.cap_seconds)
        return Rules(backoff, timeout_seconds, self.read_lag_seconds)

    @cached_property
    def own_store(self) -> OwnStoreConfig | None:
        """The store of the user's own, by its configuration when it is first asked for.

        Raises `BadStoreConfig`, which `load` has turned into `BadConfiguration` before.
        """
        config = self.embedded.config
        return mem0_config.read(config.get_secret_value()) if config else None

    @property
    def store_folder(self) -> Path:
        """The folder of the embedded store."""
        return (self.embedded.path or StateFolder(self.state_dir).store).expanduser().absolute()


def load() -> Settings:
    """The settings in force; raises `BadConfiguration`, which names each mistake and its place.

    From here on this process removes the keys among them from all its output.
    """
    settings = _load()
    store = settings.own_store
    for key in (settings.api_key, settings.server.api_key):
        keep_secret(key.get_secret_value() if key else None)
    keep_secret(*secrets_of(store.config if store else {}))
    return settings


def _load() -> Settings:
    _refuse_unknown_names(os.environ)
    file = paths.config_file()
    config = paths.read_config(file)
    stored = None if os.environ.get("MEM0_API_KEY", "").strip() else stored_key()
    if stored:
        config["api_key"] = stored
    try:
        settings = Settings(**config)
    except ValidationError as error:
        mistakes = [
            (".".join(str(part) for part in detail["loc"]), detail["msg"]) for detail in error.errors()
        ]
    except SettingsError as error:
        mistakes = list(_not_json(os.environ)) or [("?", f"not JSON ({error.__cause__})")]
    else:
        mistakes = list(_mistakes(settings))
        if not mistakes and stored and not settings.api_key:  # the variable is there, and empty
            return settings.model_copy(update={"api_key": SecretStr(stored)})
        if not mistakes:
            return settings
    raise BadConfiguration(
        "; ".join(f"{name}: {message}" for name, message in mistakes),
        where=f"{file}, or the environment ({', '.join(_variable(name) for name, _ in mistakes)})",
        remedy="docs/settings.md lists every setting",
    )


def _not_json(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The settings of several values that the environment has, but not as JSON."""
    given = {variable.upper(): value for variable, value in environ.items()}
    for name, field in Settings.model_fields.items():
        is_section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        value = given.get(f"{paths.PREFIX}{name.upper()}")
        if value is None or not (is_section or get_origin(field.annotation) is list):
            continue
        try:
            json.loads(value)
        except ValueError as error:
            yield name, f"not JSON ({error})"


def _usable_key(key: SecretStr | None) -> SecretStr | None:
    """A key without the space around it, None for no key; raises `ValueError`, which doesn't quote it."""
    text = key.get_secret_value().strip() if key else ""
    if wrong := flaw(text):
        raise ValueError(wrong)
    return SecretStr(text) if text else None


def _mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Mistakes that only show when values are taken together, or their files are read."""
    for kind in KINDS:
        name, needed = kind.setting, kind.must_be_set
        if needed and name == settings.destination and not getattr(getattr(settings, name), needed):
            yield f"{name}.{needed}", f"the destination is a {name}, and none is named"
    try:
        _ = settings.own_store
    except BadStoreConfig as error:
        yield "embedded.config", str(error)


def names() -> Iterator[str]:
    """Every environment variable that is a setting, in upper case."""
    for name, field in Settings.model_fields.items():
        annotation = field.annotation
        if name == "api_key":
            yield "MEM0_API_KEY"
            continue
        yield f"{paths.PREFIX}{name.upper()}"
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for nested in annotation.model_fields:
                yield f"{paths.PREFIX}{name.upper()}__{nested.upper()}"


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {*names(), FAILPOINT}
    for variable in environ:
        if variable.upper().startswith(paths.PREFIX) and variable.upper() not in known:
            raise BadConfiguration(
                f"{variable} isn't a setting",
                where="the environment",
                remedy="check its spelling; docs/settings.md lists every setting",
            )


def _variable(name: str) -> str:
    return "MEM0_API_KEY" if name == "MEM0_API_KEY" else paths.PREFIX + name.upper().replace(".", "__")
