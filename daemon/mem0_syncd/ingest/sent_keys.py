"""The keys of items in Mem0, and the hashes of what is sent: computed once, and kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from mem0_syncd.core.item import Item, Kind, SentAs, former_keys
from mem0_syncd.outbox import Outbox
from mem0_syncd.outbox.item_keys import Identity
from mem0_syncd.redact.item_redaction import Redacted, Redactor


@dataclass
class Keyed:
    """Items with the keys and hashes that they are sent with.

    `waits` if there are others beside them whose former key is still under way. `learnt` are further
    identities to be remembered.
    """

    items: list[Item] = field(default_factory=list)
    waits: bool = False
    learnt: list[Identity] = field(default_factory=list)


_Revision = tuple[Kind, str, str | None, str | None, str]


class SentKeys:
    """Finds items by their identity here, and assigns their keys in Mem0; for one thread at a time.

    All of it is for the caller's transaction.
    """

    def __init__(self, outbox: Outbox, redactor: Redactor) -> None:
        self._item_keys, self._rekeying = outbox.item_keys, outbox.rekeying
        self._redactor = redactor
        self._redacted: dict[_Revision, Redacted] = {}

    def assign(self, destination: int, batch: Iterable[Item]) -> Keyed:
        """Give each item the key that it is sent with; what is known of it under a former key follows.

        Those of one identity are neighbours in the batch.
        """
        self._redacted.clear()
        groups: dict[str, list[Item]] = {}
        for item in batch:
            groups.setdefault(item.identity, []).append(item)
        names = [name for group in groups.values() for item in group for name in _names(item)]
        known = self._item_keys.find(destination, dict.fromkeys(names))
        items = [self._sent(item, known) for group in groups.values() for item in self._distinct(group)]
        return self._stand_for_one(destination, items, known)

    def redact(self, item: Item) -> Redacted:
        """An item as it is sent; computed once for each revision of a batch."""
        name = _revision(item)
        if name not in self._redacted:
            self._redacted[name] = self._redactor.redact(item)
        return self._redacted[name]

    def learn(self, destination: int, items: Iterable[Item], learnt: Iterable[Identity] = ()) -> None:
        """Remember how items are sent, for the next time that they are read."""
        known = [self._identity(item) for item in items if self._is_new(item)]
        self._item_keys.write(destination, [*known, *learnt])

    def _distinct(self, group: list[Item]) -> list[Item]:
        """Of several with one identity, those that are sent as different texts; of one text, the last."""
        by_text = {item.text: item for item in group}
        if len(by_text) > 1:
            by_text = {self.redact(item).item.text: item for item in by_text.values()}
        return list(by_text.values())

    def _sent(self, item: Item, known: Mapping[str, Identity]) -> Item:
        name, *twin_name = _names(item)
        plain, twin = known.get(name), known.get(twin_name[0]) if twin_name else None
        revision = self._item_keys.local(item.revision)
        before = next((it for it in (twin, plain) if it and it.revision == revision), None)
        if not self._is_new(item) and before and self._has_seen(before):
            key = plain.sync_key if plain else name
            return item.to_be_sent_as(SentAs(key, before.content_hash, twin.sync_key if twin else ""))
        as_sent = self.redact(item).item
        key = plain.sync_key if plain and plain.stands else as_sent.identity
        twin_key = ""
        if twin_name:
            twin_key = twin.sync_key if twin else as_sent.twin_identity
        former_hash = before.content_hash if before else item.revision
        if former_hash == as_sent.revision:
            former_hash = ""
        return item.to_be_sent_as(SentAs(key, as_sent.revision, twin_key, former_hash))

    def _has_seen(self, identity: Identity) -> bool:
        """Whether this detector has scanned a revision; with no detector each counts as scanned."""
        return self._redactor.version in ("", identity.detector)

    def _stand_for_one(self, destination: int, items: list[Item], known: Mapping[str, Identity]) -> Keyed:
        """Of texts that differ only in their secret, leave out all but the one that stands for them.

        That is the one that was known first, or stands before the others. When it isn't read with them, one
        that is new takes over; one that isn't is passed on where it says the same.
        """
        keyed = Keyed()
        unsure = {
            item.sync_key
            for item in items
            if item.source_id is None and (self._is_new(item) or not known[item.identity].stands)
        }
        holders = self._holders(destination, unsure)
        here = {self._item_keys.local(item.identity) for item in items if item.sync_key in unsure}
        for item in items:
            is_new = self._is_new(item)
            if not is_new and (item.source_id is not None or known[item.identity].stands):
                keyed.items.append(item)
                continue
            mine = self._identity(item)
            holder = mine if item.source_id is not None else holders.setdefault(item.sync_key, mine)
            is_away = holder.local not in here
            if not is_new:
                if is_away and holder.content_hash == item.content_hash:
                    keyed.items.append(item)
                    holders[item.sync_key] = mine
            elif not self._follow(destination, item):
                keyed.waits = True
            elif holder.local == mine.local or is_away:
                keyed.items.append(item)
                if holder.local != mine.local:
                    keyed.learnt.append(replace(holder, stands=False))
                    holders[item.sync_key] = mine
            else:
                keyed.learnt.append(replace(mine, stands=False))
        return keyed

    def _holders(self, destination: int, keys: Collection[str]) -> dict[str, Identity]:
        """The identity of the text that each of some keys was made for."""
        holders = self._item_keys.taken(destination, keys)
        # A text that is equal to what is left of another one has a key that is its own identity.
        plain = self._item_keys.find(destination, keys)
        return holders | {key: it for key, it in plain.items() if it.stands and not it.is_former}

    def _is_new(self, item: Item) -> bool:
        """Whether something is new about an item: what it says, or what its detector finds."""
        return _revision(item) in self._redacted

    def _follow(self, destination: int, item: Item) -> bool:
        """Move what is known under former keys to the present ones; returns whether all of it could be."""
        moves = former_keys(item)
        known = self._rekeying.known(destination, [former for former, _ in moves]) if moves else set()
        moves = [move for move in moves if move[0] in known]
        if any(self._rekeying.is_open(destination, former) for former, _ in moves):
            return False
        for former, key in moves:
            self._rekeying.rekey(destination, former, key)
        return True

    def _identity(self, item: Item) -> Identity:
        return Identity(
            self._item_keys.local(item.identity),
            item.sync_key,
            self._item_keys.local(item.revision),
            item.content_hash,
            self._redactor.version,
            is_former=item.sync_key != item.identity,
        )


def _revision(item: Item) -> _Revision:
    """What tells a revision of an item, or of its twin, from all others in a batch."""
    # A decision and the best practice that it is as well may say the same, word for word.
    return item.kind, item.project, item.source_id, item.when, item.revision


def _names(item: Item) -> list[str]:
    """What an item can be known by: its identity, and that as a second one with its id and time."""
    return [item.identity] if item.source_id is None else [item.identity, item.twin_identity]
