"""A Mem0 that fails at random, so that a seed replays: each request's trouble follows from what it is about.

What befalls a request is drawn from the seed, from what the request is about (its kind, its item and
revision) and from how often that was asked before; so it doesn't depend on the order in which threads come.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from chaos.troubles import POISONS, TROUBLES, Times, Trouble
from support.faults import NO_FAULT, Answer, Fault
from support.mem0_api import Seen
from support.mem0_model import Memory
from support.mem0_platform import Mem0Platform

MOST_IN_A_ROW = 3
"""Troubles that one revision's adds meet: after five full turns an item is a dead letter, by design."""

SHIFTED = "a listing that shifts"
LAGGING = "a read that lags"
DEDUPLICATED = "deduplicated by its text"


class Storm(Mem0Platform):
    """The Platform in a storm; `weather` befalls all requests, while there is one."""

    def __init__(
        self, seed: str, times: Times, *, is_poison: Callable[[str], bool], rate: float = 1.0
    ) -> None:
        """`is_poison` tells from its text what is refused for good; `rate` scales all troubles."""
        super().__init__()
        self.seed = seed
        self.times = times
        self.rate = rate
        self._says_poison = is_poison
        self.weather: tuple[str, Fault] | None = None
        self.met: Counter[str] = Counter()
        self.came_very_late: set[str] = set()
        self.removed: Counter[str] = Counter()
        self.quiet_at = 0.0
        self.dedup = True
        self.extract = lambda text: [text]
        self._asked: Counter[str] = Counter()

    @property
    def arrived(self) -> int:
        """How many requests have arrived."""
        return len(self._seen)

    def still(self) -> None:
        """From now on nothing goes wrong any more."""
        self.rate, self.weather = 0.0, None

    def draw(self, *about: object) -> random.Random:
        """What chance there is in something: always the same for one seed."""
        return random.Random(":".join(map(str, (self.seed, *about))))

    # What befalls a request

    def _fault_for(self, seen: Seen) -> Fault:
        with self._lock:
            if self.weather is not None:
                self.met[self.weather[0]] += 1
                return self.weather[1]
            about = self._about(seen)
            self._asked[about] += 1
            rng = self.draw(about, self._asked[about])
            trouble = self._trouble(seen, self._asked[about], rng)
            fault = trouble.make(rng, self.times) if trouble else NO_FAULT
            # What is refused for good is never stored, whatever else goes wrong.
            if trouble is None or (fault.carried_out != "never" and self._is_poison(seen)):
                return self._refusal(seen)
            self.met[trouble.name] += 1
            if trouble.is_very_late:
                self.came_very_late.add(seen.body["metadata"]["sync_key"])
            self.quiet_at = max(self.quiet_at, time.monotonic() + fault.after + fault.commit_after)
            return fault

    def _trouble(self, seen: Seen, count: int, rng: random.Random) -> Trouble | None:
        if seen.kind in {"add", "update"} and count > MOST_IN_A_ROW:
            return None
        left = rng.uniform(0.0, 1000.0) / self.rate if self.rate else 1000.0
        for trouble in TROUBLES:
            if seen.kind in trouble.kinds and (not trouble.is_very_late or _is_steady(seen)):
                left -= trouble.per_mille
                if left < 0:
                    return trouble
        return None

    def _refusal(self, seen: Seen) -> Fault:
        if not self._is_poison(seen):
            return NO_FAULT
        poisons = POISONS if seen.kind == "add" else POISONS[:4]
        name, fault = self.draw("poison", seen.body["metadata"]["sync_key"]).choice(poisons)
        self.met[f"refused: {name}"] += 1
        return fault

    def _is_poison(self, seen: Seen) -> bool:
        return seen.kind in {"add", "update"} and self._says_poison(_text_of(seen))

    def _about(self, seen: Seen) -> str:
        """What a request is about; ids that Mem0 made up differ from run to run, and don't count."""
        match seen.kind:
            case "add" | "update":
                metadata = seen.body["metadata"]
                return f"{seen.kind}:{metadata['sync_key']}:{metadata['content_hash']}"
            case "lookup":
                parts = [part for part in seen.body["filters"]["AND"] if "created_at" not in part]
                return f"lookup:{json.dumps(parts)}:{seen.query.get('page')}"
            case "event" if seen.target in self._events:
                return f"event:{self._events[seen.target].body['metadata']['sync_key']}"
            case "get" | "delete" if seen.target in self._versions:
                known = (it for _, it in self._versions[seen.target] if it is not None)
                return f"{seen.kind}:{next(known).metadata.get('sync_key')}"
        return seen.kind

    def _delete(self, seen: Seen) -> Answer:
        self.removed[self._existing(seen.target).metadata["sync_key"]] += 1
        return super()._delete(seen)

    # What is odd about answers

    def _listed(self, seen: Seen) -> list[Memory]:
        about = self._about(seen)
        rng = self.draw("lag", about, self._asked[about])
        lags = rng.random() < 0.3 * self.rate
        self.read_lag_seconds = rng.uniform(0.0, self.times.read_lag) if lags else 0.0
        self.met[LAGGING] += lags
        return super()._listed(seen)

    def _lookup(self, seen: Seen) -> Answer:
        answer = super()._lookup(seen)
        about = self._about(seen)
        rng = self.draw("shift", about, self._asked[about])
        if rng.random() >= 0.03 * self.rate:
            return answer
        body = json.loads(answer.body)
        if not body.get("results"):
            return answer
        # One that came meanwhile has pushed another one onto a page that was read already.
        self.met[SHIFTED] += 1
        body["results"].pop(rng.randrange(len(body["results"])))
        return Answer(answer.status, json.dumps(body).encode(), answer.headers)

    def _has(self, text: str, scope: dict[str, Any]) -> bool:
        has = self.draw("dedup", text).random() < 0.3 and super()._has(text, scope)
        self.met[DEDUPLICATED] += has
        return has


def _text_of(seen: Seen) -> str:
    return str(seen.body["messages"][0]["content"] if seen.kind == "add" else seen.body["text"])


def _is_steady(seen: Seen) -> bool:
    """Whether what is added is never revised: of a revision that comes very late nobody can tell the age."""
    return "steady" in _text_of(seen)
