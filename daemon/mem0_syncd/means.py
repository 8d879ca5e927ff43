"""From settings to a destination: which one is in use, and how the courier reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from mem0_syncd import __version__
from mem0_syncd.delivery import Means
from mem0_syncd.embedding import NAME as EMBEDDER
from mem0_syncd.outbox import DestinationRow
from mem0_syncd.outbox.destinations import Destinations
from mem0_syncd.settings import Settings
from mem0_syncd.state_folder import StateFolder
from mem0_syncd.store_config import OwnStore

SERVER_THREADS = 4
"""Requests at once to a self-hosted server, one of them for major decisions alone."""


OWN_STORE_THREADS = {"pgvector": 4}
"""The same, to a store of the user's own that is known to take them; to others, one at a time."""

HANG_SECONDS = 120.0
"""After which a courier that works on one request of a Mem0 of its own is replaced."""


def choose_destination(settings: Settings, destinations: Destinations) -> DestinationRow:
    """Put the destination in use that the settings name; `auto` is decided once, and stays."""
    name = _name(settings, destinations)
    return destinations.use(name, _address(settings, name))


def destination_named(name: str | None, settings: Settings, destinations: Destinations) -> DestinationRow:
    """The destination that a project names, or everybody's where it names none."""
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
    return current.name if current else "platform" if settings.api_key else "embedded"


def _address(settings: Settings, name: str) -> str:
    if name == "platform":
        return settings.platform.host.rstrip("/")
    if name == "server":
        return (settings.server.url or "").rstrip("/")
    if settings.own_store:
        return settings.own_store.address
    return f"{settings.store_folder}#{EMBEDDER}"


def means(settings: Settings, destination: DestinationRow) -> Means:
    """How the courier reaches a destination."""
    to = {"platform": _to_platform, "server": _to_server, "embedded": _to_embedded}
    return to[destination.name](settings)


def _to_platform(settings: Settings) -> Means:
    platform = settings.platform
    config = {
        "api_key": _secret(settings.api_key),
        "host": platform.host,
        "timeout": platform.timeout_seconds,
        "threads": platform.threads,
        "proxy": platform.proxy,
        "ca_bundle": str(platform.ca_bundle.expanduser().absolute()) if platform.ca_bundle else None,
    }
    return Means(
        _start(settings, "platform", config),
        settings.rules(platform.timeout_seconds),
        platform.threads,
        platform.adds_per_minute,
        2 * platform.timeout_seconds,
    )


def _to_server(settings: Settings) -> Means:
    server = settings.server
    config = {
        "url": server.url,
        "api_key": _secret(server.api_key),
        "timeout": server.timeout_seconds,
        "threads": SERVER_THREADS,
    }
    return Means(
        _start(settings, "server", config),
        settings.rules(server.timeout_seconds),
        SERVER_THREADS,
        None,
        # Opening asks twice, and a push that failed asks once what became of it.
        4 * server.timeout_seconds,
    )


def _to_embedded(settings: Settings) -> Means:
    if settings.own_store:
        return _to_own_store(settings, settings.own_store)
    # One process and one thread: what a dead courier did is on disk, or never will be.
    rules = replace(settings.rules(0.0), read_lag=0.0)
    return Means(
        _start(settings, "embedded", {"path": str(settings.store_folder)}), rules, 1, None, HANG_SECONDS
    )


def _to_own_store(settings: Settings, store: OwnStore) -> Means:
    threads = OWN_STORE_THREADS.get(store.provider, 1)
    history = str(settings.store_folder / "history.sqlite3")
    config = {"mem0": store.config, "history": history, "threads": threads}
    rules = settings.rules(settings.embedded.timeout_seconds)
    return Means(_start(settings, "embedded", config), rules, threads, None, HANG_SECONDS)


def _start(settings: Settings, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    mem0_dir = str(StateFolder(settings.state_dir).mem0_home)
    return {
        "version": __version__,
        "destination": name,
        "mem0_dir": mem0_dir,
        "config": config,
        "redact": settings.redact,
        "redact_allow": settings.redact_allow,
    }


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
