"""From files and spool into the outbox: read, plan, redact, make durable."""
