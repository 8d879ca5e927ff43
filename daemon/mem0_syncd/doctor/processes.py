"""The processes: the daemon, a courier, the embedder, the service manager."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from mem0_syncd import __version__
from mem0_syncd.config import shell_environment
from mem0_syncd.core.destination_kinds import Check
from mem0_syncd.courier.probe import open_once
from mem0_syncd.courier.process import ENDED
from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.context import Context
from mem0_syncd.engine.destination_choice import can_be_tried, trial
from mem0_syncd.service import NoManager, manager
from mem0_syncd.service import ServiceState as Service

INSTALL = "mem0-syncd service install"


def check_socket(around: Context) -> Iterator[CheckResult]:
    """Whether the daemon answers, and is of this version."""
    yield judge_ping(around.ping)


def judge_ping(ping: Mapping[str, Any] | None) -> CheckResult:
    """What the daemon's answer, or none, means."""
    if ping is None:
        return failure("no daemon runs: nothing is delivered", "mem0-syncd run")
    if not ping:
        return failure("the daemon doesn't answer", "restart it; its log says what it was doing")
    if ping["version"] != __version__:
        return warning(
            f"the daemon is of version {ping['version']}, this command of {__version__}",
            "restart the daemon",
        )
    return fine(f"the daemon answers (pid {ping['pid']})")


def check_courier(around: Context) -> Iterator[CheckResult]:
    """Whether a courier starts and can open each destination; the embedded one in a folder of its own."""
    for name in (kind.setting for kind in around.kinds):
        if not can_be_tried(around.settings, name):
            yield fine(f"{name}: not tried, for the store's folder is the daemon's")
            continue
        with tempfile.TemporaryDirectory(prefix="mem0-syncd-probe-") as folder:
            yield judge_courier(name, open_once(trial(around.settings, name, folder), os.environ))


def judge_courier(name: str, message: Mapping[str, Any]) -> CheckResult:
    """What the courier reported of a destination."""
    if message == ENDED:
        return failure(
            f"{name}: the courier ended at once", "reinstall mem0-syncd; its log says why it ended"
        )
    if "error" in message:
        return failure(f"{name}: {message['error']}", "mem0-syncd run, whose log says more")
    if reason := message.get("reason"):
        remedy = message.get("remedy") or "nothing: it is tried again by itself"
        return failure(f"{name}: {reason}", remedy)
    return fine(f"{name}: one starts, and opens the destination")


def check_embedder(around: Context) -> Iterator[CheckResult]:
    """Whether the local embedder turns a text into a vector, if it is needed."""
    own_store = around.settings.own_store
    if not around.asks(Check.EMBEDDER) or (own_store and "embedder" in own_store.config):
        yield fine("none is needed")
        return
    from mem0_syncd.core.embedding import DIMENSIONS, NAME
    from mem0_syncd.destinations.embedder import EmbedderMissing, LocalEmbedder

    try:
        vector = LocalEmbedder().embed("Does the embedder work?")
    except EmbedderMissing as error:
        yield failure(str(error), 'pipx install "mem0-syncd[embedded]"')
        return
    if len(vector) == DIMENSIONS:
        yield fine(f"{NAME} makes vectors of {DIMENSIONS} dimensions, offline")
    else:
        yield failure(f"{NAME} makes vectors of {len(vector)} dimensions", "reinstall mem0-syncd[embedded]")


def check_service(around: Context) -> Iterator[CheckResult]:
    """Whether a service manager starts the daemon with the session, and its state."""
    which = manager(around.environ)
    try:
        standing, services = which.standing(), which.environment()
    except NoManager as none:
        yield fine(f"{none.problem.what}: whatever starts your other daemons can run mem0-syncd run")
        return
    yield judge_service(which.name, standing)
    for found in shell_environment.find(around.environ, services) if standing.is_installed else ():
        yield warning(f"it doesn't see {found.variable}, which only this shell has", f"{INSTALL} --store")


def judge_service(name: str, standing: Service) -> CheckResult:
    """What a service manager's state of the daemon means."""
    if not standing.is_installed:
        return warning("nothing starts the daemon when you log in", INSTALL)
    if standing.failure:
        return failure(f"{name}: it failed: {standing.failure}", "mem0-syncd service logs")
    if not standing.is_ours:
        return warning(f"{name}: its unit is of another installation or version", INSTALL)
    if not (standing.is_enabled and standing.is_running):
        return warning(f"{name}: it is {standing.state}", INSTALL)
    return fine(f"{name}: it runs (pid {standing.pid}), and is started when you log in")
