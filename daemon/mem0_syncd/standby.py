"""A name that a daemon of an older version imports, to see whether this version can start; nothing else is here."""

from mem0_syncd.daemon import supervisor as supervisor
