"""Chooses the destination in use by the settings, and how the courier reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from mem0_syncd import __version__
from mem0_syncd.config.mem0_config import OwnStoreConfig
from mem0_syncd.config.settings import Settings
from mem0_syncd.core.destination_kinds import (
    EMBEDDED,
    OWN_STORE,
    PLATFORM,
    SERVER,
    Address,
    DestinationKind,
    by_default,
    chosen,
    vector_store,
)
from mem0_syncd.core.embedding import NAME as EMBEDDER
from mem0_syncd.delivery import Connection
from mem0_syncd.outbox import DestinationRow
from mem0_syncd.outbox.destinations import Destinations
from mem0_syncd.system.state_folder import StateFolder

HANG_SECONDS = 120.0
"""Seconds on one request after which a courier of a user's own Mem0 is replaced."""


def choose_destination(settings: Settings, destinations: Destinations) -> DestinationRow:
    """Put the destination in use that the settings name; `auto` is decided once, and stays."""
    name = _name(settings, destinations)
    return destinations.use(name, _address(settings, name))


def destination_named(name: str | None, settings: Settings, destinations: Destinations) -> DestinationRow:
    """The destination that a project names, or that of all projects if it names none."""
    if name is None:
        return destinations.get()
    return destinations.note(name, _address(settings, name))


def intended(name: str | None, settings: Settings, destinations: Destinations) -> str:
    """The identity of the destination that a project would get, as far as it is known."""
    name = name or _name(settings, destinations)
    address = _address(settings, name)
    known = (it for it in destinations.all() if (it.name, it.address) == (name, address))
    return max((it.identity for it in known), key=len, default=f"{name} {address}")


def _name(settings: Settings, destinations: Destinations) -> str:
    if settings.destination != "auto":
        return settings.destination
    current = destinations.current()
    return current.name if current else by_default(has_key=settings.api_key is not None)


def kind_of(settings: Settings, name: str) -> DestinationKind:
    """The kind that the settings mean by a name."""
    return chosen(name, has_own_store=settings.own_store is not None)


def means(settings: Settings, name: str) -> Connection:
    """How the courier reaches the destination of that name."""
    return _WAYS[kind_of(settings, name).name].means(settings)


def reaches(settings: Settings, destination: DestinationRow) -> bool:
    """Whether the settings still lead to a destination, in use or not: by its name, to its address."""
    return _address(settings, destination.name) == destination.address


def can_be_tried(settings: Settings, name: str) -> bool:
    """Whether a trial can't disturb the daemon's courier: only one process at a time can open a folder."""
    store = settings.own_store
    return not (kind_of(settings, name).address is Address.STORE and store and store.is_folder)


def trial(settings: Settings, name: str, folder: str) -> dict[str, Any]:
    """What a courier is started with to try whether a destination opens, in an empty folder.

    A Mem0 in a folder is opened in that folder.
    """
    start = {**means(settings, name).start, "account": "", "threads": 1, "mem0_dir": folder}
    if kind_of(settings, name).address is Address.FOLDER:
        start["config"] = {**start["config"], "path": folder}
    return start


def _address(settings: Settings, name: str) -> str:
    return _WAYS[kind_of(settings, name).name].address(settings)


def _to_platform(settings: Settings) -> Connection:
    platform = settings.platform
    config = {
        "api_key": _secret(settings.api_key),
        "host": platform.host,
        "timeout": platform.timeout_seconds,
        "threads": platform.threads,
        "proxy": platform.proxy,
        "ca_bundle": str(platform.ca_bundle.expanduser().absolute()) if platform.ca_bundle else None,
    }
    return Connection(
        _start(settings, PLATFORM, config),
        settings.rules(platform.timeout_seconds),
        platform.threads,
        platform.adds_per_minute,
        2 * platform.timeout_seconds,
    )


def _to_server(settings: Settings) -> Connection:
    server = settings.server
    config = {
        "url": server.url,
        "api_key": _secret(server.api_key),
        "timeout": server.timeout_seconds,
        "threads": SERVER.threads,
    }
    return Connection(
        _start(settings, SERVER, config),
        settings.rules(server.timeout_seconds),
        SERVER.threads,
        None,
        # Opening asks twice, and after a push that failed one look-up follows.
        4 * server.timeout_seconds,
    )


def _to_embedded(settings: Settings) -> Connection:
    # One process and one thread: what a dead courier did is on disk, or never will be.
    rules = replace(settings.rules(0.0), read_lag=0.0)
    return Connection(
        _start(settings, EMBEDDED, {"path": str(settings.store_folder)}),
        rules,
        EMBEDDED.threads,
        None,
        HANG_SECONDS,
    )


def _to_own_store(settings: Settings) -> Connection:
    store = _own_store(settings)
    threads = vector_store(store.provider).threads
    history = str(settings.store_folder / "history.sqlite3")
    config = {"mem0": store.config, "history": history, "threads": threads}
    rules = settings.rules(settings.embedded.timeout_seconds)
    return Connection(_start(settings, OWN_STORE, config), rules, threads, None, HANG_SECONDS)


def _own_store(settings: Settings) -> OwnStoreConfig:
    assert settings.own_store is not None  # noqa: S101 - otherwise another kind is meant
    return settings.own_store


def _start(settings: Settings, kind: DestinationKind, config: Mapping[str, Any]) -> dict[str, Any]:
    mem0_dir = str(StateFolder(settings.state_dir).mem0_home)
    return {
        "version": __version__,
        "destination": kind.name,
        "mem0_dir": mem0_dir,
        "config": config,
        "redact": settings.redact,
        "redact_allow": settings.redact_allow,
    }


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


@dataclass(frozen=True, slots=True)
class _Way:
    """The address of a kind of destination in the settings, and how it is reached."""

    address: Callable[[Settings], str]
    means: Callable[[Settings], Connection]


_WAYS = {
    PLATFORM.name: _Way(lambda it: it.platform.host.rstrip("/"), _to_platform),
    SERVER.name: _Way(lambda it: (it.server.url or "").rstrip("/"), _to_server),
    EMBEDDED.name: _Way(lambda it: f"{it.store_folder}#{EMBEDDER}", _to_embedded),
    OWN_STORE.name: _Way(lambda it: _own_store(it).address, _to_own_store),
}
