"""Which projects are stopped, whatever is found out in which order: always what the pure rule says."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mem0_syncd.core.foreign_memories import Stated, Whose, are_strangers
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.core.settlement import Receipt
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.origins import Looked
from support.builders import NOW, item, prepared

PROJECTS = ("shop", "blog")
OWN_KINDS = (Kind.DECISION, Kind.AGENT_PATTERN, Kind.SESSION_SUMMARY)
ORIGINS = ("", "a" * 32, "b" * 32)

projects, kinds, origins = st.sampled_from(PROJECTS), st.sampled_from(Kind), st.sampled_from(ORIGINS)
STEPS = st.one_of(
    st.tuples(st.just("look"), projects, origins, st.booleans()),
    st.tuples(st.just("state"), projects, kinds, origins),
    st.tuples(st.just("accept"), projects, origins),
    st.tuples(st.just("write"), projects, kinds),
    st.tuples(st.just("deliver")),
)


class World:
    """An outbox, and beside it what it must know by now."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.whose: dict[str, Whose] = {}
        self.same: dict[str, set[str]] = {name: set() for name in PROJECTS}
        self.stated: dict[tuple[str, Kind], set[str]] = {}
        self.delivered: set[tuple[str, Kind]] = set()
        self.items = 0
        self.destination = outbox.destinations.use("platform", "https://mem0.example.org").id
        for project in PROJECTS:
            for kind in Kind:
                self.state(project, kind, None)

    def look(self, project: str, origin: str, id_is_asked: bool) -> None:  # noqa: FBT001 - as it is drawn
        before = self.whose.get(project, Whose()).origin
        if before not in ("", origin):
            for kind in OWN_KINDS:
                if (project, kind) in self.delivered:
                    self.stated.setdefault((project, kind), set()).add(before)
        self.outbox.origins.write(project, Looked(origin, id_is_asked, "", NOW))
        self.whose[project] = Whose(origin, id_is_asked=id_is_asked)

    def state(self, project: str, kind: Kind, origin: str | None) -> None:
        said = [] if origin is None else [Stated(origin, 1, "")]
        name = user_id(kind, project)
        number = self.outbox.first_contacts.begin_look(self.destination, name)
        self.outbox.first_contacts.write_contact(self.destination, name, [], NOW, number=number, origins=said)
        if kind in OWN_KINDS:
            self.stated.setdefault((project, kind), set()).update(it.origin for it in said)

    def accept(self, project: str, origin: str) -> None:
        self.outbox.origins.count_as_same(project, [origin])
        self.same[project].add(origin)

    def write(self, project: str, kind: Kind) -> None:
        self.items += 1
        new = item(f"Text number {self.items}", f"DEC-{self.items}", project=project, kind=kind)
        self.outbox.items.apply(self.destination, [prepared(new)], NOW)

    def deliver(self) -> None:
        claims = self.outbox.queue.claim(self.destination, NOW, 100, major=False)
        assert not self.stopped() & {it.entry.project for it in claims}
        waiting = self.outbox.items.counts(self.destination)
        for (project, _), counts in waiting.items():
            is_claimed = any(it.entry.project == project for it in claims)
            assert is_claimed or not counts.get("pending") or project in self.stopped()
        settled = [(it.entry, Receipt((f"m-{it.entry.id}",))) for it in claims]
        self.outbox.queue.settle(self.destination, settled, NOW)
        self.delivered |= {(it.entry.project, Kind(it.entry.kind)) for it in claims}

    def stopped(self) -> set[str]:
        return {
            project
            for (project, kind), stated in self.stated.items()
            if project in self.whose
            for origin in stated
            if are_strangers(
                origin,
                Whose(
                    self.whose[project].origin,
                    frozenset(self.same[project]),
                    self.whose[project].id_is_asked,
                ),
                has_delivered=(project, kind) in self.delivered,
            )
        }


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=14))
def test_what_is_stopped_follows_from_what_is_known(steps: list[tuple[str, ...]]) -> None:
    """Nothing of a stopped project is claimed, and everything else that waits is."""
    with tempfile.TemporaryDirectory() as folder, closing(Outbox.open(Path(folder))) as outbox:
        world = World(outbox)
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
            if name != "write":
                rows = outbox.database.rows("SELECT DISTINCT project FROM stopped")
                judged = {row["project"] for row in rows}
                # What was delivered since may be why something is no stranger's any more.
                assert judged >= world.stopped()
        for project in PROJECTS:
            outbox.origins.count_as_same(project, [])
        rows = outbox.database.rows("SELECT DISTINCT project FROM stopped")
        assert {row["project"] for row in rows} == world.stopped()
        world.deliver()
