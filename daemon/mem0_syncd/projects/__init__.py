"""The watched projects: their ids, files and consent, and what git says of them."""
