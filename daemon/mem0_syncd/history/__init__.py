"""The history of a watched repository: read within bounds, in a process of its own, and without git."""

from mem0_syncd.history.origin import FORM, UNKNOWN, origin_of

__all__ = ["FORM", "UNKNOWN", "origin_of"]
