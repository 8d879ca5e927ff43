"""The coding agents' side: what their hooks call, and what is installed for them."""
