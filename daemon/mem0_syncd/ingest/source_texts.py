"""What a project's files say of items that are known by their keys, to be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mem0_syncd.core.item import Item
from mem0_syncd.errors import Problem
from mem0_syncd.outbox.item_keys import ItemKeys
from mem0_syncd.sources import Reading, Source
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.system.unreadable_file import Unreadable
from mem0_syncd.system.untrusted_folder import LONGEST_LOG, UntrustedFolder


def readings(folder: UntrustedFolder, source: Source, project_id: str) -> Iterator[Reading]:
    """What the entries say, one after the other: of a long file they are too many to be kept."""
    try:
        for raw in source.split(folder.read(source.path, LONGEST_LOG)):
            yield source.read(raw, project_id)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (Unreadable, OSError) as error:
        yield Reading(problems=(Problem(str(error), source.path, ""),))


def items_in(
    folder: UntrustedFolder, project: str, names: Mapping[str, str], identities: ItemKeys
) -> dict[str, Item]:
    """Of some items, by their keys, what a project's files say now.

    `names` are the keys, by what the items are known by here (`ItemKeys.locals_of`).
    """
    found: dict[str, Item] = {}
    for source in SOURCES:
        for reading in readings(folder, source, project):
            for item in reading.items:
                twin = () if item.source_id is None else (item.twin_identity,)
                for identity in (*twin, item.identity):
                    if key := names.get(identities.local(identity)):
                        found.setdefault(key, item)
    return found
