"""The daemon's handlers for requests on its control socket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mem0_syncd import __version__
from mem0_syncd.control.protocol import Answer, LongOperations, Operations, Request
from mem0_syncd.core.item import Kind
from mem0_syncd.core.progress import Tell
from mem0_syncd.daemon.delivery_trigger import DeliveryTrigger
from mem0_syncd.daemon.scan_trigger import ScanTrigger
from mem0_syncd.engine import forgetting
from mem0_syncd.engine.engine import Engine
from mem0_syncd.engine.user_requests import begin_sync, memory, recall, take_inventory
from mem0_syncd.errors import Problem
from mem0_syncd.verify.repair import repair
from mem0_syncd.watcher import Watcher


class ControlHandlers:
    """One daemon's handlers, each for any thread."""

    def __init__(
        self,
        engine: Engine,
        scan_trigger: ScanTrigger,
        dispatch: DeliveryTrigger,
        watcher: Watcher,
        *,
        reload: Callable[[], None],
        watch_projects: Callable[[], None],
        delete_owed: Callable[[], None],
        problems: Callable[[], list[Problem]],
    ) -> None:
        """`reload` reads the settings again, and `watch_projects` watches the present projects.

        `delete_owed` has owed deletions carried out now. `problems` says what goes wrong at this moment.
        """
        self._engine, self._scan_trigger, self._delivery_trigger = engine, scan_trigger, dispatch
        self._watcher = watcher
        self._delete_owed = delete_owed
        self._read_settings, self._watch_projects, self._problems = reload, watch_projects, problems
        self.operations: Operations = {
            "ping": self._ping,
            "sync": self._sync,
            "deliver": self._deliver,
            "spool": self._spool,
            "scan": self._scan,
            "projects": self._projects,
            "probe": self._probe,
            "reload": self._reload,
            "pause": partial(self._pause, paused=True),
            "resume": partial(self._pause, paused=False),
            "recall": self._recall,
            "memory": self._memory,
        }
        self.long_operations: LongOperations = {
            "to forget": self._to_forget,
            "forget items": self._forget,
            "restore": self._restore,
            "inventory": self._inventory,
            "repair": self._repair,
        }

    def _ping(self, _request: Request) -> Answer:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "couriers": self._engine.courier_pids(),
            "problems": [problem.as_dict() for problem in self._problems()],
        }

    def _sync(self, request: Request) -> Answer:
        wanted = {name: request.get(name, False) for name in ("resend_marked", "accept_account")}
        newest = begin_sync(self._engine, request.get("project"), **wanted)
        self._delete_owed()
        self._delivery_trigger.soon()
        return {"newest": newest}

    def _deliver(self, _request: Request) -> Answer:
        self._delivery_trigger.soon()
        return {}

    def _spool(self, _request: Request) -> Answer:
        self._scan_trigger.take_in_spool()
        return {}

    def _scan(self, _request: Request) -> Answer:
        self._scan_trigger.scan_all()
        return {}

    def _projects(self, _request: Request) -> Answer:
        self._engine.take_in_misfits()
        self._watch_projects()
        self._scan_trigger.scan_all()
        self._delivery_trigger.soon()
        return {"projects": len(self._engine.projects())}

    def _probe(self, _request: Request) -> Answer:
        state = self._engine.settings.state_dir
        with tempfile.TemporaryDirectory(prefix="probe-", dir=state) as folder:
            return {"heard": self._watcher.probe(Path(folder))}

    def _reload(self, _request: Request) -> Answer:
        self._read_settings()
        return {}

    def _pause(self, _request: Request, *, paused: bool) -> Answer:
        self._engine.pause(paused=paused)
        self._delivery_trigger.soon()
        return {"paused": paused}

    def _recall(self, request: Request) -> Answer:
        kinds = request.get("kinds", list(Kind))
        hits = recall(self._engine, request["query"], request["project"], request["limit"], kinds)
        return {"hits": hits}

    def _memory(self, request: Request) -> Answer:
        return {"memory": memory(self._engine, request["project"], request["memory_id"])}

    def _forget(self, request: Request, tell: Tell) -> Answer:
        return forgetting.forget(self._engine, **_named(request), tell=tell)

    def _to_forget(self, request: Request, _tell: Tell) -> Answer:
        return forgetting.to_forget(self._engine, **_named(request))

    def _restore(self, request: Request, _tell: Tell) -> Answer:
        done = forgetting.restore(self._engine, project=request["project"], name=request["name"])
        self._delete_owed()
        self._delivery_trigger.soon()
        return done

    def _inventory(self, request: Request, tell: Tell) -> Answer:
        where = {key: request[key] for key in ("destination", "user_id")}
        return take_inventory(self._engine, **where, tell=tell)

    def _repair(self, request: Request, tell: Tell) -> Answer:
        wanted = {key: request[key] for key in ("destination", "missing", "altered", "moved", "doubled")}
        done = repair(self._engine, **wanted, tell=tell)
        self._delivery_trigger.soon()
        return done


def _named(request: Request) -> dict[str, Any]:
    return {key: request[key] for key in ("name", "project", "remote")}
