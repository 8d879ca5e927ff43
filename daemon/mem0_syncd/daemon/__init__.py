"""The process that stays: its schedule, triggers, handlers, heartbeat and upgrade."""
