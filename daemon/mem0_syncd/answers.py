"""What the daemon answers on its control socket."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mem0_syncd import __version__
from mem0_syncd.control import Answer, LongOperations, Operations, Request
from mem0_syncd.errands import begin_sync, forget, recall, take_inventory
from mem0_syncd.item import Kind
from mem0_syncd.repair import repair
from mem0_syncd.telling import Tell

if TYPE_CHECKING:
    from mem0_syncd.daemon import Daemon


class Answers:
    """One daemon's answers, each for any thread."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
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
        }
        self.long_operations: LongOperations = {
            "forget": self._forget,
            "inventory": self._inventory,
            "repair": self._repair,
        }

    def _ping(self, _request: Request) -> Answer:
        pids = [delivery.line.pid for delivery in self._daemon.deliveries]
        return {
            "pid": os.getpid(),
            "version": __version__,
            "couriers": [pid for pid in pids if pid is not None],
            "problems": [problem.as_dict() for problem in self._daemon.problems],
        }

    def _sync(self, request: Request) -> Answer:
        wanted = {name: request.get(name, False) for name in ("resend_marked", "accept_account")}
        newest = begin_sync(self._daemon, request.get("project"), **wanted)
        self._daemon.dispatch.soon()
        return {"newest": newest}

    def _deliver(self, _request: Request) -> Answer:
        self._daemon.dispatch.soon()
        return {}

    def _spool(self, _request: Request) -> Answer:
        self._daemon.schedule.soon("spool")
        return {}

    def _scan(self, _request: Request) -> Answer:
        self._daemon.survey.scan_all()
        return {}

    def _projects(self, _request: Request) -> Answer:
        self._daemon.take_in_misfits()
        self._daemon.watch_projects()
        self._daemon.survey.scan_all()
        self._daemon.dispatch.soon()
        return {"projects": len(self._daemon.outbox.projects.all())}

    def _probe(self, _request: Request) -> Answer:
        state = self._daemon.settings.state_dir
        with tempfile.TemporaryDirectory(prefix="probe-", dir=state) as folder:
            return {"heard": self._daemon.watcher.probe(Path(folder))}

    def _reload(self, _request: Request) -> Answer:
        self._daemon.reload()
        return {}

    def _pause(self, _request: Request, *, paused: bool) -> Answer:
        self._daemon.outbox.facts.set("paused", "yes" if paused else None)
        self._daemon.deliveries.pause(paused=paused)
        self._daemon.dispatch.soon()
        return {"paused": paused}

    def _recall(self, request: Request) -> Answer:
        kinds = request.get("kinds", list(Kind))
        hits = recall(self._daemon, request["query"], request["project"], request["limit"], kinds)
        return {"hits": hits}

    def _forget(self, request: Request, tell: Tell) -> Answer:
        wanted = {key: request[key] for key in ("name", "project", "remote")}
        return forget(self._daemon, **wanted, tell=tell)

    def _inventory(self, request: Request, tell: Tell) -> Answer:
        where = {key: request[key] for key in ("destination", "user_id")}
        return take_inventory(self._daemon, **where, tell=tell)

    def _repair(self, request: Request, tell: Tell) -> Answer:
        wanted = {key: request[key] for key in ("destination", "missing", "altered", "moved", "doubled")}
        done = repair(self._daemon, **wanted, tell=tell)
        self._daemon.dispatch.soon()
        return done
