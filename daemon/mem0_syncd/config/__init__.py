"""What the user has set: settings, credentials, and a mem0 configuration of their own."""
