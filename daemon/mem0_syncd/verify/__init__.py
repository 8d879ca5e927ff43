"""Mem0 against the outbox: compare, report, repair, audit."""
