"""How certain it is that an item is one memory: by what a destination's look-ups can prove."""

from __future__ import annotations

EXACTLY_ONCE = "exactly-once"
AT_LEAST_ONCE = "at-least-once"


def guarantee(name: str) -> str:
    """The guarantee of a destination of that name.

    A server lists a thousand memories of a user id at most, and what stores them isn't known: a look-up
    that finds nothing is no proof.
    """
    return AT_LEAST_ONCE if name == "server" else EXACTLY_ONCE
