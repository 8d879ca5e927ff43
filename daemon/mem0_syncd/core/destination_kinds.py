"""The kinds of destinations: one row for each, with all that is known before it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal, get_args

Name = Literal["platform", "server", "embedded"]
"""The users' name of a destination: in the settings, in a project's own file, in what is shown."""

NAMES: tuple[Name, ...] = get_args(Name)


class Guarantee(StrEnum):
    """How certain it is that an item is one memory; the values are those of `status --json`."""

    EXACTLY_ONCE = "exactly-once"
    AT_LEAST_ONCE = "at-least-once"
    """A look-up can't prove that a memory isn't there."""


class Address(Enum):
    """What the address of a destination is."""

    URL = "the base URL of an API"
    FOLDER = "a folder's whole path, and the embedder of its vectors"
    STORE = "Mem0's name for a vector store, where that is, and the embedder of its vectors"

    def fits(self, address: str) -> bool:
        """Whether an address that the outbox holds can be of this form."""
        return address.startswith("/") if self is Address.FOLDER else True


class Check(Enum):
    """What the doctor asks besides whether a courier can open the destination."""

    KEY = "whether it answers and accepts the key that `login` stores, and what time it is there"
    EMBEDDER = "whether the bundled embedder works"


@dataclass(frozen=True)
class VectorStore:
    """What is known about a vector store.

    `is_exact` where Mem0 finds by metadata what the store has just acknowledged. `threads` is how many
    requests at once it is known to take.
    """

    is_exact: bool = False
    threads: int = 1


_VECTOR_STORES = {
    "qdrant": VectorStore(is_exact=True),
    "chroma": VectorStore(is_exact=True),
    "pgvector": VectorStore(is_exact=True, threads=4),
}


def vector_store(provider: str) -> VectorStore:
    """What is known about a vector store, by Mem0's name for it."""
    return _VECTOR_STORES.get(provider, VectorStore())


@dataclass(frozen=True)
class DestinationKind:
    """One kind of destination.

    `name` tells it from all others, and `setting` is the users' name. `opened_by` is the module of
    `destinations` and the class in it. `guarantee` and `threads`, the requests at once, are those of the
    vector store where the address names one. Of more than one thread, one is for major decisions alone.
    """

    name: str
    setting: Name
    opened_by: tuple[str, str]
    address: Address
    guarantee: Guarantee
    threads: int
    secret: str = ""
    """The variable that holds its credential. The courier gets it in its orders and nowhere else."""

    must_be_set: str = ""
    """The setting of its section that must be set before it can be chosen."""

    heeds_marks: bool = False
    """Whether an item that another program marked as synced is there: marks are for the Platform."""

    is_home: bool = False
    """Whether it is the user's own, as the user's settings describe it, so that a project may ask for it."""

    has_own_libraries: bool = False
    """Whether it is opened by libraries of the user's choice, which may read any variable."""

    checks: frozenset[Check] = frozenset()

    def guarantee_at(self, address: str) -> Guarantee:
        """The guarantee of a destination of this kind."""
        if self.address is not Address.STORE:
            return self.guarantee
        is_exact = vector_store(address.partition(" ")[0]).is_exact
        return Guarantee.EXACTLY_ONCE if is_exact else Guarantee.AT_LEAST_ONCE


PLATFORM = DestinationKind(
    name="platform",
    setting="platform",
    opened_by=("platform", "Platform"),
    address=Address.URL,
    guarantee=Guarantee.EXACTLY_ONCE,
    threads=8,
    secret="MEM0_API_KEY",  # noqa: S106 - a variable's name
    heeds_marks=True,
    checks=frozenset({Check.KEY}),
)
SERVER = DestinationKind(
    name="server",
    setting="server",
    opened_by=("server", "Server"),
    address=Address.URL,
    # It lists a thousand memories of a user id at most, and its store isn't known.
    guarantee=Guarantee.AT_LEAST_ONCE,
    threads=4,
    secret="MEM0_SYNCD_SERVER__API_KEY",  # noqa: S106
    must_be_set="url",
)
EMBEDDED = DestinationKind(
    name="embedded",
    setting="embedded",
    opened_by=("embedded", "Embedded"),
    address=Address.FOLDER,
    guarantee=Guarantee.EXACTLY_ONCE,
    threads=1,
    is_home=True,
    checks=frozenset({Check.EMBEDDER}),
)
OWN_STORE = DestinationKind(
    name="own store",
    setting="embedded",
    opened_by=("own_store", "OwnStore"),
    address=Address.STORE,
    guarantee=Guarantee.AT_LEAST_ONCE,
    threads=1,
    secret="MEM0_SYNCD_EMBEDDED__CONFIG",  # noqa: S106
    is_home=True,
    has_own_libraries=True,
    checks=frozenset({Check.EMBEDDER}),
)

KINDS = (PLATFORM, SERVER, EMBEDDED, OWN_STORE)
"""Every kind. Of kinds with one `setting`, the one with addresses of the narrower form comes first."""

HOME: Name = next(kind.setting for kind in KINDS if kind.is_home)
"""The users' name of the destinations that a project may ask for without consent."""


def called(name: str) -> DestinationKind:
    """The kind with that name; raises `LookupError`."""
    return _only((kind for kind in KINDS if kind.name == name), name)


def chosen(setting: str, *, has_own_store: bool) -> DestinationKind:
    """The kind that users mean by a name; `has_own_store` is whether their settings name a store.

    Raises `LookupError`.
    """
    meant = [kind for kind in KINDS if kind.setting == setting]
    fitting = (it for it in meant if len(meant) == 1 or (it.address is Address.STORE) is has_own_store)
    return _only(fitting, setting)


def stored(name: str, address: str) -> DestinationKind:
    """The kind of a destination in the outbox, which has the users' name; raises `LookupError`."""
    return _only((it for it in KINDS if it.setting == name and it.address.fits(address)), name)


def by_default(*, has_key: bool) -> Name:
    """The users' name of the destination when none is chosen."""
    return PLATFORM.setting if has_key else EMBEDDED.setting


def _only(found: Iterator[DestinationKind], name: str) -> DestinationKind:
    kind = next(found, None)
    if kind is None:
        raise LookupError(f"no destination is called {name!r}")
    return kind
