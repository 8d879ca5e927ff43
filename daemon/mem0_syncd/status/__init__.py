"""The status that a person is shown."""
