"""Takes items in: one item of several files is one; new ones are planned, redacted, and made durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from mem0_syncd.core.consent import EVERYTHING, Terms
from mem0_syncd.core.enqueue_plan import UNKNOWN as NOTHING_KNOWN
from mem0_syncd.core.enqueue_plan import Change, Enqueue, Known, Reject, Withhold, part_twins, plan
from mem0_syncd.core.foreign_memories import UNKNOWN
from mem0_syncd.core.item import QUEUE, UNFILED, Item, Kind, instant
from mem0_syncd.core.memory_payload import Memory, memory_of, user_id
from mem0_syncd.core.position import Position
from mem0_syncd.core.priority import is_major
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.errors import Problem
from mem0_syncd.ingest.early_marks import Marked, marked_among, weigh
from mem0_syncd.ingest.own_ids import OwnIdFinder, keys_of_twins
from mem0_syncd.ingest.sent_keys import Keyed, SentKeys
from mem0_syncd.outbox import DestinationRow, Outbox, ProjectRow
from mem0_syncd.outbox.plan_writes import Prepared
from mem0_syncd.outbox.rekeying import SEEN_SECONDS
from mem0_syncd.redact.item_redaction import Redaction, Redactor
from mem0_syncd.sources import cross_file_merge
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system.clock import Clock

RANKS = {source.name: rank for rank, source in enumerate(SOURCES)}
"""The order of record: where ids meet, the earlier source revises the item."""

_RENAME = "give it another id, and take the credential for known; it isn't sent as it is"

FIRST_BATCH, BATCH = 32, 500
"""Items that become durable together, at first and at most: meanwhile no other thread can write."""

GIVE_WAY_SECONDS = 0.001
"""Seconds between two batches: the outbox's lock isn't fair, and its last holder would get it again."""


@dataclass
class Taken:
    """The result for some items: changes made durable, problems by path and place.

    `deferred` when some must wait for a push of what they take over from, and are to be read again. `moved`
    when some were known by another id before: another entry may still have that, so all is to be read again.
    """

    changes: int = 0
    deferred: bool = False
    moved: bool = False
    problems: dict[tuple[str, Position], list[Problem]] = field(default_factory=dict)

    def add(self, items: Collection[Item], changes: Collection[Prepared]) -> None:
        """Add some items, each under the key that is its own, and what changed of them."""
        self.changes += len(changes)
        alike = Counter(map(_id_and_time, items)) if any(it.is_twin for it in items) else Counter()
        for item in items:
            if item.is_twin and alike[_id_and_time(item)] > 1:
                what = f"another entry has the id and time of {item.source_id}; both are kept"
                remedy = "give one of them an id of its own, if you like: its memory follows"
                place = item.place.within(item.path)
                self._add(item, Problem(what, place, remedy, needs_you=False, is_note=True))

    def report(self, item: Item, what: str, remedy: str) -> None:
        """Add what is wrong with an item."""
        self._add(item, Problem(what, item.place.within(item.path), remedy))

    def _add(self, item: Item, problem: Problem) -> None:
        self.problems.setdefault((item.path, item.place), []).append(problem)


class Enqueuer:
    """Makes entries of items, for the scan and the spool."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        major_categories: Iterable[str] = (),
        infer: bool = False,
        redaction: Redaction = "redact",
        allow: Collection[str] = (),
        on_change: Callable[..., None] = lambda *, major: None,  # noqa: ARG005
        read_lag_of: Callable[[DestinationRow], float] = lambda _: SEEN_SECONDS,
    ) -> None:
        """`on_change` is called when changes have become durable, with `major`: whether one of them is.

        `read_lag_of` says for how many seconds a destination may not show what it has just stored.
        """
        self._outbox = outbox
        self._major_categories = {category.lower() for category in major_categories}
        self._infer = infer
        self._redactor = Redactor(redaction, allow)
        self._keys = SentKeys(outbox, self._redactor)
        self._own_ids = OwnIdFinder(outbox, lambda it: self._keys.redact(it).item, read_lag_of)
        self._on_change = on_change
        self._clock = clock

    def take_in(
        self,
        project: ProjectRow,
        items: Iterable[Item],
        terms: Terms = EVERYTHING,
        *,
        heed_marks: bool = True,
        said_at: float | None = None,
    ) -> Taken:
        """Plan items, by the project's terms, and make the changes durable, in batches.

        `heed_marks` leaves out what others marked as synced. `said_at` is when a person has asked for the
        items, in seconds of the epoch: that holds against whatever was forgotten or dropped before.
        """
        taken = Taken()
        outbox, ledger = self._outbox, self._outbox.items
        looked = self._outbox.origins.looked(project.id)
        origin = looked.origin if looked else UNKNOWN
        destination = outbox.destinations.of(project.id)
        agreed = [_as_agreed(item, terms) for item in items]
        items = self._under_safe_names(destination.id, agreed, taken)
        if not items:
            return taken
        echoes = {item.echo: item for item in items if item.echo and item.source != QUEUE}
        transaction = self._outbox.transaction
        # A record and the record of its echo are one truth; without echoes the lock is released soon.
        with transaction() if echoes else nullcontext():
            self._outbox.queue_echoes.add(project.id, echoes)
            merged = cross_file_merge.merge(items, self._outbox.queue_echoes.known(project.id))
            waiting = self._outbox.queue_echoes.take_over(destination.id, project.id, echoes)
            merged = [item for item in merged if item.echo not in waiting]
            taken.deferred = bool(waiting)
            # Others' marks are about the decision log alone.
            counts = destination.kind.heeds_marks and heed_marks
            marks = self._outbox.marks.seen(project.id) if counts else {}
            is_scanned = outbox.projects.is_scanned(project)
            for number, batch in enumerate(_batches(merged)):
                if number:
                    self._clock.sleep(GIVE_WAY_SECONDS)
                with transaction():
                    keyed = self._keys.assign(destination.id, batch)
                    own = self._own_ids.find(destination, project.id, keyed.items)
                    keyed.items, keyed.waits = own.items, keyed.waits or own.waits
                    taken.moved |= own.moved
                    if said_at is not None:
                        self._lift(destination.id, keyed, said_at)
                    known = self._known(destination.id, keyed)
                    parted = part_twins(keyed.items, known)
                    marked = self._marked(parted, known, marks, is_scanned=is_scanned)
                    changes = plan(parted, known, RANKS, marked.counting, project.tree)
                    prepared = [
                        replace(self._prepare(change, origin), tree=project.tree) for change in changes
                    ]
                    ledger.apply(destination.id, prepared, self._clock.wall())
                    for it in prepared:
                        self._keep(it)
                    outbox.twins.note(destination.id, keys_of_twins(keyed.items, parted))
                    sent = {it.change.item.identity: it.change.item for it in prepared}
                    parted = [sent.get(item.identity, item) for item in parted]
                    self._keys.learn(destination.id, parted, keyed.learnt)
                    ledger.count_again(destination.id, sum(_is_again(it, known) for it in prepared))
                    if early := marked.sent_all_the_same(changes, known):
                        self._outbox.marks.note_early(project.id, early)
                        # The program that made the marks may have sent them, too: they are looked up before
                        # they are sent.
                        self._outbox.first_contacts.share(
                            destination.id, [user_id(Kind.DECISION, project.id)]
                        )
                taken.add(parted, prepared)
                taken.deferred |= keyed.waits
                if prepared:
                    self._on_change(major=any(it.major for it in prepared))
        return taken

    def _under_safe_names(self, destination: int, items: list[Item], taken: Taken) -> list[Item]:
        """Items whose ids, times and reasons hold no secret; an item with one is withheld, without them."""
        named = [(item.source_id, item.when) for item in items]
        secrets = self._redactor.secrets_among(name for names in named for name in names if name)
        safe = []
        for item in items:
            if item.withheld and item.withheld.of:
                of, _ = self._redactor.redact_value(item.withheld.of)
                item = replace(item, withheld=replace(item.withheld, of=str(of)))
            kind = secrets.get(item.source_id or "") or secrets.get(item.when or "")
            if kind:
                taken.report(item, f"its id or its time holds what looks like a credential ({kind})", _RENAME)
                if item.source_id in secrets:
                    self._outbox.items.forget_name(destination, item)
                withheld = item.withheld or Withheld(Why.SECRET_NAME)
                item = replace(item, source_id=None, when=None, echo=None, withheld=withheld)
            safe.append(item)
        return safe

    def _known(self, destination: int, keyed: Keyed) -> dict[str, Known]:
        """What is known of items; a tombstone is one of the same revision, whatever its hash is now."""
        keys = [key for item in keyed.items for key in (item.sync_key, item.twin_key) if key]
        known = self._outbox.items.known(destination, keys)
        forgotten = self._outbox.tombstones.forgotten(
            name
            for it in keyed.items
            for name in (it.sync_key, it.identity, *((it.twin_key, it.twin_identity) if it.twin_key else ()))
        )
        for item in keyed.items:
            for key in (item.sync_key, item.twin_key):
                dropped = known[key].dropped if key in known else None
                if item.was_sent_as(dropped) and dropped != item.content_hash:
                    self._outbox.tombstones.restate(destination, key, item.content_hash)
                    known[key] = replace(known[key], dropped=item.content_hash)
        for item in keyed.items if forgotten else ():
            both = ((item.sync_key, item.identity), (item.twin_key, item.twin_identity))
            for key, identity in both if item.twin_key else both[:1]:
                if not forgotten.isdisjoint((key, identity)):
                    known[key] = replace(known.get(key, NOTHING_KNOWN), forgotten=True)
        return known

    def _lift(self, destination: int, keyed: Keyed, said_at: float) -> None:
        """Let a person's word hold against the tombstones that are older."""
        keys = list(dict.fromkeys(name for it in keyed.items for name in (it.sync_key, it.identity)))
        self._outbox.tombstones.lift(keys, said_at=said_at)
        deleted = self._outbox.resend_requests.of_deleted(destination, keys)
        self._outbox.resend_requests.add(destination, deleted)

    def _keep(self, prepared: Prepared) -> None:
        """Keep what no file says, also if it may not leave yet."""
        change = prepared.change
        item = change.item
        if item.source not in UNFILED:
            return
        memory = prepared.memory
        if isinstance(change, Withhold) and change.reason.is_by_consent:
            memory = memory_of(self._keys.redact(item).item.to_be_sent_as(item.sent_as))
        if memory is not None and memory.text:
            self._outbox.kept_items.keep(item, memory)

    def _marked(
        self, items: list[Item], known: Mapping[str, Known], marks: Mapping[str, float], *, is_scanned: bool
    ) -> Marked:
        """Which items others have marked as synced; at a first scan every mark counts."""
        told = marked_among(items, marks)
        if not is_scanned:
            return Marked(frozenset(item.sync_key for item in told))
        sights = self._outbox.marks.first_sights(item.sync_key for item in told) if told else {}
        return weigh(told, known, marks, sights, self._clock.wall())

    def _prepare(self, change: Change, origin: str) -> Prepared:
        if not isinstance(change, Enqueue | Reject):
            return Prepared(change)
        item, redacted = change.item, self._keys.redact(change.item)
        sent_as = item.sent_as and replace(item.sent_as, content_hash=redacted.item.revision)
        change = replace(change, item=item.to_be_sent_as(sent_as))
        memory = memory_of(redacted.item.to_be_sent_as(sent_as), infer=self._infer, origin=origin)
        project, kinds = self._redactor.redact_value(item.project)
        memory.metadata["project"] = project
        kinds += redacted.kinds
        if kinds and self._redactor.redaction == "hold":
            what = f"it holds what looks like a credential ({', '.join(sorted(set(kinds)))})"
            change = Reject(change.item, what)
        if isinstance(change, Reject):
            # Nothing of it is kept: a person can look at the source and correct it.
            memory = Memory(
                memory.user_id, "", None, {"sync_key": memory.sync_key, "content_hash": memory.content_hash}
            )
            change = replace(change, reason=f"{change.reason} ({item.place.within(item.path)})")
        return Prepared(change, memory, is_major(item, self._major_categories), tuple(kinds))


def _id_and_time(item: Item) -> tuple[str, str | None, str]:
    return item.kind, item.source_id, instant(item.when)


def _as_agreed(item: Item, terms: Terms) -> Item:
    withheld = terms.reason_to_withhold(item)
    return replace(item, withheld=withheld) if withheld and not item.withheld else item


def _is_again(prepared: Prepared, known: Mapping[str, Known]) -> bool:
    """Whether only what is sent has changed, and the source says the same."""
    item = prepared.change.item
    before = known.get(item.sync_key)
    return (
        isinstance(prepared.change, Enqueue)
        and before is not None
        and before.newest != item.content_hash
        and item.was_sent_as(before.newest)
    )


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in batches, which grow; those of one identity, which are neighbours, stay together."""
    batch: list[Item] = []
    most = FIRST_BATCH
    for item in items:
        if len(batch) >= most and item.identity != batch[-1].identity:
            yield batch
            batch = []
            most = min(2 * most, BATCH)
        batch.append(item)
    if batch:
        yield batch
