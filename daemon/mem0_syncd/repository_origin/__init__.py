"""The history of a watched repository: read within bounds, in a process of its own, and without git."""

from mem0_syncd.repository_origin.origin_lookup import origin_of

__all__ = ["origin_of"]
