"""mem0-syncd brings what coding agents write into a project's files to Mem0, once each."""

from mem0_syncd.__about__ import __version__

__all__ = ["__version__"]
