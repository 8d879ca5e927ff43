"""The operating system: paths, files that may be a stranger's, locks, clocks, logs, output and faults."""
