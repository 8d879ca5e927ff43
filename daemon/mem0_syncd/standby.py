"""A name that an older version's daemon imports, to see whether this version can start; it holds nothing."""

from mem0_syncd.daemon import standby

__all__ = ["standby"]
