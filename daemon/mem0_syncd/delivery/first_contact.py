"""Look-ups beside the entries: at a user id before anything is added, and at what was sent twice."""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import structlog

from mem0_syncd.core.destination_health import Reach
from mem0_syncd.core.duplicate_memories import Double, find_doubles
from mem0_syncd.core.outcome import Copies, Found, Heard, Listed, Removed, Unknown
from mem0_syncd.core.settlement import Rules
from mem0_syncd.outbox import DestinationRow, Outbox
from mem0_syncd.outbox.first_contacts import SecondLook
from mem0_syncd.system.clock import SteadyClock
from mem0_syncd.system.failpoint import failpoint

CONTACT_RETRY_SECONDS = 2.0
"""Seconds until a listing that failed is asked for again, while the destination is well otherwise."""

AT_ONCE = 8
"""Second looks under way at a time: they aren't urgent."""

MOST_TRIES = 5
"""Failed second looks after which a double is left to the audit."""

log = structlog.get_logger("delivery")


@dataclass(frozen=True, slots=True)
class Contact:
    """The listing of a user id before anything is added to it.

    All of it at the first contact; where others write to it too, before each round of adds what is new
    `since` Mem0's time of a moment. Looks are counted: the `number` says which entries the listing covers.
    """

    user_id: str
    since: str = ""
    number: int = 0

    @property
    def request(self) -> dict[str, Any]:
        """What the courier is asked."""
        return {"verb": "list", "major": True, "user_id": self.user_id, "since": self.since}


@dataclass(frozen=True, slots=True)
class Second:
    """A second look at an item; with a `double`, the extras that it found are to be removed."""

    look: SecondLook
    double: Double | None = None

    @property
    def request(self) -> dict[str, Any]:
        """What the courier is asked."""
        if self.double is None:
            return {"verb": "copies", "user_id": self.look.user_id, "sync_key": self.look.sync_key}
        extras = [extra.id for extra in self.double.extras]
        return {"verb": "remove", "survivor": self.double.survivor.id, "extras": extras}


Look = Contact | Second


class FirstContact:
    """Which looks are due at a destination, and what follows from them; for the thread that delivers.

    That thread never waits for an answer, so a second look is not `verify.repair.remove_doubles`, which does.
    While one is due nothing of its item is sent, so it need not ask whether something is in flight. A first
    contact compares nothing: most of what it finds has no item yet.
    """

    def __init__(self, outbox: Outbox, rng: random.Random, clock: SteadyClock) -> None:
        self._looks = outbox.first_contacts
        self._rng = rng
        self._now, self._monotonic = clock.now, clock.monotonic
        self._contact_not_before = 0.0
        self._doubles: dict[str, Second] = {}

    def due(self, destination: DestinationRow, under_way: Collection[object]) -> list[Look]:
        """The looks to be taken now; at a destination that isn't well, one."""
        looks: list[Look] = []
        if self._monotonic() >= self._contact_not_before:
            listed = {look.user_id for look in under_way if isinstance(look, Contact)}
            contacts = self._contacts(destination)
            looks += [self._begin(destination, it) for it in contacts if it.user_id not in listed]
        looked_at = {look.look.sync_key for look in under_way if isinstance(look, Second)}
        room = AT_ONCE - len(looked_at)
        if room > 0:
            second = self._looks.second_looks(destination.id, self._now(), AT_ONCE + room)
            fresh = [look for look in second if look.sync_key not in looked_at]
            looks += [self._doubles.pop(look.sync_key, Second(look)) for look in fresh[:room]]
        return looks if destination.standing.reach is Reach.OK else looks[:1]

    def wait(self, destination: DestinationRow) -> float:
        """Seconds until a look is due; infinite if none is to come."""
        waits = []
        if self._contacts(destination):
            waits.append(max(0.0, self._contact_not_before - self._monotonic()))
        second = self._looks.next_second_look(destination.id)
        if second is not None:
            waits.append(max(0.0, second - self._now()))
        return min(waits, default=math.inf)

    def _begin(self, destination: DestinationRow, contact: Contact) -> Contact:
        return replace(contact, number=self._looks.begin_look(destination.id, contact.user_id))

    def _contacts(self, destination: DestinationRow) -> list[Contact]:
        first = [Contact(user_id) for user_id in self._looks.uncontacted(destination.id)]
        again = self._looks.stale(destination.id, self._now())
        return first + [Contact(user_id, since) for user_id, since in again.items()]

    def hear(
        self, destination: DestinationRow, look: Look, outcome: Heard | None, rules: Rules, took: float
    ) -> None:
        """Record the result of a look that began `took` seconds ago; None means that it never began."""
        if isinstance(look, Contact):
            self._after_contact(destination, look, outcome, took)
        else:
            self._after_second(destination, look, outcome, rules)

    def _after_contact(
        self, destination: DestinationRow, contact: Contact, outcome: Heard | None, took: float
    ) -> None:
        if not isinstance(outcome, Listed):
            self._contact_not_before = self._monotonic() + CONTACT_RETRY_SECONDS
            return
        found = [(key, Found(memory_id, content)) for key, memory_id, content in outcome.memories]
        begun = self._now() - took
        self._looks.write_contact(
            destination.id,
            contact.user_id,
            found,
            begun,
            outcome.newest,
            number=contact.number,
            origins=outcome.origins,
        )
        log.info("user_id_listed", user_id=contact.user_id, since=contact.since, ours=len(found))

    def _after_second(
        self, destination: DestinationRow, second: Second, outcome: Heard | None, rules: Rules
    ) -> None:
        look = second.look
        match outcome:
            case Copies(memories) if self._looks.erase(
                destination.id, look, [it.id for it in memories], self._now()
            ):
                pass
            case Copies(memories):
                doubles = find_doubles(memories)
                ours = next((it for it in doubles if self._looks.move_receipt(destination.id, it)), None)
                if ours is None:
                    self._looks.end(destination.id, look)
                else:
                    failpoint("moved")
                    self._doubles[look.sync_key] = Second(look, ours)
            case Removed(ids):
                log.warning("doubles_removed", key=look.sync_key, memories=ids)
                failpoint("removed")
                self._looks.end(destination.id, look)
            case Unknown() if look.attempts + 1 >= MOST_TRIES:
                log.warning("second_look_failed", key=look.sync_key, reason=outcome.reason)
                self._looks.end(destination.id, look)
            case Unknown():
                again = self._now() + rules.backoff.wait(look.attempts, self._rng)
                self._looks.put_off(destination.id, look, again)
            case _:  # the destination is not well; this look hasn't failed
                pass
