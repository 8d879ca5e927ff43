"""The coding agents' side: what their hooks run, and what is installed for them."""
