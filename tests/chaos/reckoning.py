"""The reckoning: what is in Mem0 by its own list, against what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chaos.storm import Storm
from chaos.world import Place, World, case_of, revision_of
from mem0_syncd.core.entry import Entry
from support.daemon import Daemon
from support.mem0_model import Memory
from support.reckoning import marked, receipts, repeats


class Doubles(NamedTuple):
    """How many memories are too many: of items that were committed very late, and of all others."""

    very_late: int
    others: int


@dataclass(frozen=True)
class Reckoning:
    """What a run came to."""

    written: Counter[str]
    revisions: int
    kills: Counter[str]
    met: Counter[str]
    helped: Counter[str]
    requests: int
    lost: tuple[Place, ...]
    strangers: int
    false_receipts: int
    false_marks: int
    dead: Counter[str]
    wrongly_dead: int
    removed: Doubles
    before_audit: Doubles
    after_audit: int
    verified: Mapping[str, int]
    fresh: bool
    sent_again: int
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether every promise was kept."""
        return self.fresh and not (
            self.lost
            or self.strangers
            or self.false_receipts
            or self.false_marks
            or self.wrongly_dead
            or self.removed.others
            or self.before_audit.others
            or self.after_audit
            or any(self.verified.values())
            or self.sent_again
        )

    def table(self) -> str:
        """All of it, in lines."""
        rows: list[tuple[str, object]] = [
            ("items written", self.written.total()),
            *_indented(self.written),
            ("revisions written", self.revisions),
            ("requests that reached Mem0", self.requests),
            ("kills with SIGKILL", self.kills.total()),
            *_indented(self.kills),
            ("faults", self.met.total()),
            *_indented(self.met),
            ("what a person did", self.helped.total()),
            *_indented(self.helped),
            ("dead letters", self.dead.total()),
            *_indented(self.dead),
            ("dead letters that need not be", self.wrongly_dead),
            ("lost", len(self.lost)),
            *((f"  {user_id}", f"case {number}") for user_id, number in self.lost[:10]),
            ("in Mem0, and never written there", self.strangers),
            ("receipts that name no such memory", self.false_receipts),
            ("decisions marked wrongly", self.false_marks),
            ("doubled, and removed by a second look", sum(self.removed)),
            ("  committed later than anybody counts on", self.removed.very_late),
            ("  others", self.removed.others),
            ("doubled before the audit", sum(self.before_audit)),
            ("  committed later than anybody counts on", self.before_audit.very_late),
            ("  others", self.before_audit.others),
            ("doubled after the audit", self.after_audit),
            *((f"verify: {name}", count) for name, count in self.verified.items()),
            ("a fresh item is delivered at the end", "yes" if self.fresh else "NO"),
            ("sent again after the state folder was lost", self.sent_again),
            ("seconds", round(self.seconds)),
        ]
        return "\n".join(f"{name:<44}{value:>10}" for name, value in rows)


def _indented(counts: Counter[str]) -> list[tuple[str, object]]:
    return [(f"  {name}", count) for name, count in counts.most_common()]


def lost(world: World, memories: Iterable[Memory]) -> tuple[Place, ...]:
    """The items of which the last revision isn't in Mem0."""
    there = {(it.user_id, case_of(it.text), revision_of(it.text)) for it in memories}
    return tuple(place for place, revision in world.expected.items() if (*place, revision) not in there)


def doubles(memories: Iterable[Memory], came_very_late: Collection[str]) -> Doubles:
    """The memories of one item that are more than one, whatever they say of it."""
    places = [((it.user_id, case_of(it.text)), it.metadata.get("sync_key")) for it in memories]
    late = {place for place, key in places if key in came_very_late}
    extra = repeats(place for place, _ in places)
    very_late = sum(count for place, count in extra.items() if place in late)
    return Doubles(very_late, extra.total() - very_late)


def removed(storm: Storm) -> Doubles:
    """The doubles that second looks have removed, and that were there until then."""
    very_late = sum(count for key, count in storm.removed.items() if key in storm.came_very_late)
    return Doubles(very_late, storm.removed.total() - very_late)


def strangers(world: World, memories: Iterable[Memory]) -> int:
    """How much is in Mem0 that shouldn't be: refused, or never written there."""
    return sum((it.user_id, case_of(it.text)) not in world.expected for it in memories)


def false_marks(world: World) -> int:
    """How many decisions are marked wrongly: delivered and not marked, or the reverse."""
    wrong = 0
    for project in world.projects:
        refused = {number for user_id, number in world.refused if user_id == f"{project.name}-decisions"}
        due = {
            it["decision_id"]
            for it in project.log
            if "decision_id" in it and case_of(it["description"]) not in refused
        }
        wrong += len(due ^ marked(project.path))
    return wrong


def is_refused(world: World, letter: Entry) -> bool:
    """Whether Mem0 never takes what a dead letter says."""
    return (letter.memory.user_id, case_of(letter.memory.text)) in world.refused


def false_receipts(daemon: Daemon, memories: Iterable[Memory]) -> int:
    """How many receipts name a memory that isn't there, or isn't what they say."""
    there = {(it.id, it.metadata.get("content_hash")) for it in memories}
    told = receipts(daemon.state).items()
    return sum((ids[0], content_hash) not in there for (_, content_hash), ids in told)
