"""The doctor: every check that a maintainer would ask for, each with the command that helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mem0_syncd.doctor.check_result import CheckResult, Verdict, failure
from mem0_syncd.doctor.context import Context, look_around
from mem0_syncd.doctor.network import check_clock, check_key, check_reachability
from mem0_syncd.doctor.processes import check_courier, check_embedder, check_service, check_socket
from mem0_syncd.doctor.projects import (
    check_delivery,
    check_folders,
    check_hooks,
    check_leaving,
    check_projects,
)
from mem0_syncd.doctor.storage import check_disk, check_outbox, check_permissions, check_settings
from mem0_syncd.doctor.watching import check_inotify, check_watcher
from mem0_syncd.system.scrubbed_reasons import of_error

__all__ = ["CHECKS", "CheckResult", "Context", "Verdict", "examine", "look_around"]

CHECKS: dict[str, Callable[[Context], Iterable[CheckResult]]] = {
    "settings": check_settings,
    "key": check_key,
    "reachability": check_reachability,
    "clock": check_clock,
    "disk": check_disk,
    "permissions": check_permissions,
    "outbox": check_outbox,
    "socket": check_socket,
    "service": check_service,
    "inotify": check_inotify,
    "watcher": check_watcher,
    "courier": check_courier,
    "embedder": check_embedder,
    "projects": check_projects,
    "folders": check_folders,
    "hooks": check_hooks,
    "delivery": check_delivery,
    "leaving": check_leaving,
}
"""Every check by its name, in the order in which one explains the next."""


def examine(around: Context) -> Iterator[tuple[str, CheckResult]]:
    """Each check's name and findings, as soon as they are known; a check that fails is a finding, too."""
    for name, check in CHECKS.items():
        try:
            for finding in check(around):
                yield name, finding
        except Exception as error:  # noqa: BLE001 - the others are wanted all the more
            what = f"this check broke: {of_error(error)}"
            yield name, failure(what, "please report it, with this report")
